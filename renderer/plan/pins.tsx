import { useStore } from 'zustand';
import type { PathHandle } from '../../main/contract/model.ts';
import type { Pin } from '../../main/contract/plan.ts';
import { Segmented } from '../components/choices.tsx';
import { selectionStore } from '../state/selection-store.ts';
import { type ExpertPosition } from '../state/selection.ts';

/** Whether an expert must stay (true) or go (false); null: the method decides. */
export const pinOf = (pins: readonly Pin[] | undefined, layer: number, expert: number): boolean | null =>
  pins?.find((pin) => pin.layer === layer && pin.expert === expert)?.keep ?? null;

interface PinControlProps extends ExpertPosition {
  readonly model: PathHandle;
}

/** Chooses whether the method decides, or the expert must stay or go. */
export const PinControl = ({ model, layer, expert }: PinControlProps) => {
  const known = useStore(selectionStore, (state) => pinOf(state.pins[model], layer, expert));
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
        selectionStore.getState().pin(model, { layer, expert }, value === 'free' ? null : value === 'stay')
      }
    />
  );
};
