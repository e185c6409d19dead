import { useStore } from 'zustand';
import type { PathHandle } from '../../../main/contract/model.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { planStore } from '../../state/plan-store.ts';
import { selectionStore } from '../../state/selection-store.ts';

/** The pins of a model, each removable. */
export const PinChips = ({ model }: { readonly model: PathHandle }) => {
  const pins = useStore(planStore, (state) => state.pins[model]) ?? [];
  const { pin, removePins } = planStore.getState();
  return (
    <div className="pins" role="group" aria-label="Pins">
      <span className="field-label">
        <Definition of="pins" />
      </span>
      {pins.length === 0 ? (
        <span className="muted">none: select an expert on the map</span>
      ) : (
        <ul>
          {pins.map(({ layer, expert, keep }) => (
            <li key={`${layer}:${expert}`} className={keep ? 'chip' : 'chip chip-goes'}>
              <button type="button" onClick={() => selectionStore.getState().selectExpert(layer, expert)}>
                {layer}:{expert} {keep ? 'stays' : 'goes'}
              </button>
              <IconButton
                icon="close"
                label={`Remove the pin of layer ${layer}, expert ${expert}`}
                onClick={() => pin(model, { layer, expert }, null)}
              />
            </li>
          ))}
        </ul>
      )}
      {pins.length > 1 && (
        <Button look="quiet" className="button-small" onClick={() => removePins(model)}>
          Remove all
        </Button>
      )}
    </div>
  );
};
