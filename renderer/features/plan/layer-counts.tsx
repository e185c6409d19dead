import { useStore } from 'zustand';
import type { ModelEntry } from '../../../main/contract/model.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { NumberInput, wholeFrom } from '../../components/number-input.tsx';
import { formatFactor, formatFixed } from '../../../main/words/numbers.ts';
import { fewestKept } from '../../plan/kept-counts.ts';
import { countsByLayer } from '../../plan/plan-input.ts';
import { planStore } from '../../state/plan-store.ts';
import { selectionStore } from '../../state/selection-store.ts';

/** Kept experts of each MoE layer, one field per layer: Tab moves between fields, arrow keys change the value. */
export const LayerCounts = ({ model }: { readonly model: ModelEntry }) => {
  const counts = useStore(planStore, (state) => state.counts);
  const factor = useStore(selectionStore, (state) => state.factor);
  const { chooseCounts } = planStore.getState();
  const { endDrag } = selectionStore.getState();
  const { info, handle } = model;
  if (info === null) return null;
  const values = countsByLayer(model, { counts, factor });
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const change = (layer: number, typed: number | null): void => {
    if (typed === null) return;
    chooseCounts({ model: handle, factor, values: values.map((known, index) => (index === layer ? typed : known)) });
  };
  return (
    <div className="layer-counts" role="group" aria-label="Kept experts by layer">
      <div className="layer-counts-head">
        <span className="field-label">
          <Definition of="layerCounts" />
        </span>
        <span className="muted number">
          {formatFixed(mean, 2)} of {info.experts} on average, {formatFactor(info.experts / mean)}
        </span>
        {values.some((value) => value !== values[0]) && (
          <Button look="quiet" className="button-small" onClick={() => chooseCounts(null)}>
            Same in all layers
          </Button>
        )}
      </div>
      <div className="number-grid">
        {values.map((value, layer) => (
          <label key={layer}>
            <span>{layer}</span>
            <NumberInput
              min={fewestKept(info)}
              max={info.experts}
              value={value}
              accepts={wholeFrom(fewestKept(info), info.experts)}
              aria-label={`Layer ${layer}: kept experts`}
              onChange={(typed) => change(layer, typed)}
              onBlur={endDrag}
            />
          </label>
        ))}
      </div>
    </div>
  );
};
