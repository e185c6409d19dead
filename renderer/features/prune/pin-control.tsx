import { useStore } from 'zustand';
import type { PathHandle } from '../../../main/contract/model.ts';
import { Segmented } from '../../components/segmented.tsx';
import { planStore } from '../../state/plan-store.ts';
import { pinOf } from './pin-of.ts';

interface PinControlProps {
  readonly model: PathHandle;
  readonly layer: number;
  readonly expert: number;
}

/** Whether an expert goes by the method, must stay or must go. */
export const PinControl = ({ model, layer, expert }: PinControlProps) => {
  const known = useStore(planStore, (state) => pinOf(state.pins[model], layer, expert));
  return (
    <Segmented
      label={`Pin of layer ${layer}, expert ${expert}`}
      value={known === null ? 'free' : known ? 'stay' : 'go'}
      options={[
        { value: 'free', label: 'By method' },
        { value: 'stay', label: 'Must stay' },
        { value: 'go', label: 'Must go' },
      ]}
      onChange={(value) =>
        planStore.getState().pin(model, { layer, expert }, value === 'free' ? null : value === 'stay')
      }
    />
  );
};
