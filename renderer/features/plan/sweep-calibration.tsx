import { useStore } from 'zustand';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { sweepStore } from '../../state/sweep-store.ts';
import { canCalibrateOnWritten } from '../../sweep/sweep-plan.ts';

/**
 * What plans are made from: offered where the unpruned model writes to every ticked task, and kept in sight where it
 * was chosen before a task was ticked that it cannot be had of.
 */
export const SweepCalibration = ({ tasks }: { readonly tasks: readonly TaskEntry[] }) => {
  const { calibration, chooseCalibration } = useStore(sweepStore);
  if (calibration === 'answers' && !canCalibrateOnWritten(tasks)) return null;
  return (
    <Select
      stacked
      label={<Definition of="calibrateOn" />}
      value={calibration}
      options={[
        { value: 'answers', label: 'right answers' },
        { value: 'written', label: 'what the unpruned model writes' },
      ]}
      onChange={chooseCalibration}
    />
  );
};
