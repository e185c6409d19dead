import { useStore } from 'zustand';
import type { ModelEntry } from '../../main/contract/model.ts';
import { Checkbox } from '../components/choices.tsx';
import { isUsable, useFacts } from '../engine/facts.ts';
import { sweepStore } from '../state/sweep-store.ts';

/** The models of the next sweep or experiment: the one on screen, and those that are ticked beside it. */
export const ModelTicks = ({ models }: { readonly models: readonly ModelEntry[] }) => {
  const facts = useFacts();
  const toggleModel = useStore(sweepStore, (state) => state.toggleModel);
  return (
    <div className="choice-row" role="group" aria-label="Models">
      {facts.models
        .filter((model) => isUsable(model))
        .map((model) => (
          <Checkbox
            key={model.handle}
            checked={models.includes(model)}
            disabled={model.handle === facts.selection.model}
            onChange={() => toggleModel(model.handle)}
          >
            {model.name}
          </Checkbox>
        ))}
    </div>
  );
};
