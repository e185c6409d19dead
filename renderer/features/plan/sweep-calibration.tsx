import { useStore } from 'zustand';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { sweepStore } from '../../state/sweep-store.ts';
import { canCalibrateOnWritten } from '../../sweep/sweep-plan.ts';

/**
 * Chooses what plans are calibrated on. Offered if the unpruned model can write answers for all ticked tasks; also
 * shown if it was chosen before a task was ticked that does not allow it.
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
        { value: 'written', label: 'the unpruned model’s answers' },
      ]}
      onChange={chooseCalibration}
    />
  );
};
