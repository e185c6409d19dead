import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import { formatMetric } from '../../charts/format-metric.ts';
import { Definition } from '../../components/definition.tsx';
import { routingStore } from '../../state/routing-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { usePart } from '../../state/use-store.ts';
import { goes } from '../prune/expert-fates.ts';
import { useCurrentPlan } from '../prune/use-current-plan.ts';
import { byFallingValue, metricMatrix } from './metric-matrix.ts';
import './routing.css';

/** The experts of one layer by falling value: how steep the layer is, and where the plan cuts. */
export const LayerBars = ({ profile }: { readonly profile: TaskProfile }) => {
  const metric = useStore(routingStore, (state) => state.metric);
  const selected = usePart(selectionStore, ({ layer, expert }) => ({ layer, expert }));
  const { fates } = useCurrentPlan();
  const matrix = useMemo(() => metricMatrix(profile, metric), [profile, metric]);
  const layer = Math.min(selected.layer ?? 0, matrix.length - 1);
  const row = matrix[layer] ?? [];
  const largest = Math.max(...row, 0);
  const order = byFallingValue(row);
  return (
    <section aria-label={`Experts of layer ${layer}`}>
      <div className="section-head">
        <h3>Layer {layer}, experts by falling value</h3>
        <span className="muted">
          <Definition of={metric} />; hatched: would go under the plan
        </span>
      </div>
      <div
        className={row.length > 64 ? 'layer-bars layer-bars-many' : 'layer-bars'}
        style={{ gridTemplateColumns: `repeat(${row.length}, minmax(0, 1fr))` }}
      >
        {order.map((expert) => {
          const value = row[expert] ?? 0;
          const gone = goes(fates?.[layer]?.[expert]);
          return (
            <button
              key={expert}
              type="button"
              className={gone ? 'layer-bar layer-bar-gone' : 'layer-bar'}
              aria-current={expert === selected.expert && layer === selected.layer ? 'true' : undefined}
              aria-label={`Expert ${expert}: ${formatMetric(metric, value)}${gone ? ', would go' : ''}`}
              title={`Expert ${expert}: ${formatMetric(metric, value)}`}
              tabIndex={-1}
              onClick={() => selectionStore.getState().selectExpert(layer, expert)}
            >
              <span className="layer-bar-track">
                <span style={{ height: `${largest > 0 ? (value / largest) * 100 : 0}%` }} />
              </span>
              {row.length <= 40 && <span className="layer-bar-label">{expert}</span>}
            </button>
          );
        })}
      </div>
    </section>
  );
};
