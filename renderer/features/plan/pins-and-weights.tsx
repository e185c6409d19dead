import { useStore } from 'zustand';
import type { PathHandle } from '../../../main/contract/model.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { NumberInput } from '../../components/number-input.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { planStore } from '../../state/plan-store.ts';
import { selectionStore } from '../../state/selection-store.ts';

/** The pins of a model, each with a remove button. */
export const PinChips = ({ model }: { readonly model: PathHandle }) => {
  const pins = useStore(selectionStore, (state) => state.pins[model]) ?? [];
  const { pin, removePins } = selectionStore.getState();
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

/** Weight of each task in a plan for several tasks. */
export const TaskWeights = ({ tasks }: { readonly tasks: readonly TaskEntry[] }) => {
  const { taskWeights, chooseTaskWeight } = useStore(planStore);
  const changed = tasks.filter(({ handle }) => (taskWeights[handle] ?? 1) !== 1).length;
  return (
    <Disclosure
      summary={
        <>
          <Definition of="taskWeights" />
          {changed > 0 && <span>, {changed} changed</span>}
        </>
      }
    >
      <div className="weight-grid">
        {tasks.map(({ handle, title }) => (
          <label key={handle}>
            <span>{title}</span>
            <NumberInput
              min={0}
              step={0.5}
              value={taskWeights[handle] ?? 1}
              accepts={(weight) => weight !== null && weight >= 0}
              onChange={(weight) => chooseTaskWeight(handle, weight ?? 1)}
              onBlur={selectionStore.getState().endDrag}
            />
          </label>
        ))}
      </div>
    </Disclosure>
  );
};
