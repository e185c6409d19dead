import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import { largestDifference } from '../../../main/figures/cell-matrix.ts';
import { amountScale, differenceScale } from '../../../main/figures/color-scales.ts';
import { MiniHeatmap } from '../../charts/heatmap.tsx';
import { Definition } from '../../components/definition.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatFixed } from '../../../main/figures/numbers.ts';
import { goes } from '../../plan/expert-fates.ts';
import { useCurrentPlan } from '../../plan/use-current-plan.ts';
import {
  byFallingValue,
  effectiveExperts,
  formatMetric,
  matrixDifference,
  metricMatrix,
} from '../../profile/metrics.ts';
import { useProfiles, useRoutingMatrix } from '../../profile/use-profiles.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { routingStore, usePart } from '../../state/view-stores.ts';
import './routing.css';

/** The experts of one layer by falling value: how steep the layer is, and where the plan cuts. */
export const LayerBars = ({ profile }: { readonly profile: TaskProfile }) => {
  const metric = useStore(routingStore, (state) => state.metric);
  const selected = usePart(selectionStore, ({ layer, expert }) => ({ layer, expert }));
  const { fates } = useCurrentPlan();
  const { matrix, minus } = useRoutingMatrix(profile);
  const layer = Math.min(selected.layer ?? 0, matrix.length - 1);
  const row = matrix[layer] ?? [];
  const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const order = byFallingValue(row);
  return (
    <section aria-label={`Experts of layer ${layer}`}>
      <div className="section-head">
        <h3>Layer {layer}, experts by falling value</h3>
        <span className="muted">
          <Definition of={metric} />
          {minus !== null && ` minus ${minus.title}, pale: less`}; hatched: would go under the plan
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
              className={`layer-bar${gone ? ' layer-bar-gone' : ''}${value < 0 ? ' layer-bar-less' : ''}`}
              aria-current={expert === selected.expert && layer === selected.layer ? 'true' : undefined}
              aria-label={`Expert ${expert}: ${formatMetric(metric, value, minus !== null)}${gone ? ', would go' : ''}`}
              title={`Expert ${expert}: ${formatMetric(metric, value, minus !== null)}`}
              tabIndex={-1}
              onClick={() => selectionStore.getState().selectExpert(layer, expert)}
            >
              <span className="layer-bar-track">
                <span style={{ height: `${largest > 0 ? (Math.abs(value) / largest) * 100 : 0}%` }} />
              </span>
              {row.length <= 40 && <span className="layer-bar-label">{expert}</span>}
            </button>
          );
        })}
      </div>
    </section>
  );
};

const heightOf = (layers: number): number => Math.max(30, Math.min(96, layers * 10));

/** Every profiled task as a small map with one colour scale: which tasks share experts, at a glance. */
export const TaskAtlas = () => {
  const { tasks, selection } = useFacts();
  const metric = useStore(routingStore, (state) => state.metric);
  const compareWith = useStore(routingStore, (state) => state.compareWith);
  const theme = useResolvedTheme();
  const { byTask } = useProfiles();
  const minus = tasks.find((task) => task.handle === compareWith && task.handle !== selection.task) ?? null;
  const subtracted = minus === null ? undefined : byTask.get(minus.name);
  const maps = useMemo(
    () =>
      tasks.flatMap((task) => {
        const profile = byTask.get(task.name);
        if (profile === undefined) return [];
        const effective =
          profile.counts.reduce((sum, row) => sum + effectiveExperts(row), 0) / Math.max(1, profile.counts.length);
        const own = metricMatrix(profile, metric);
        const matrix = subtracted === undefined ? own : matrixDifference(own, metricMatrix(subtracted, metric));
        return matrix === null ? [] : [{ task, matrix, effective }];
      }),
    [tasks, byTask, metric, subtracted],
  );
  const scale = useMemo(() => {
    const largest = maps.reduce((most, { matrix }) => Math.max(most, largestDifference(matrix)), 0);
    return subtracted === undefined ? amountScale(largest) : differenceScale(largest, theme);
  }, [maps, subtracted, theme]);
  if (maps.length < 2) return null;
  return (
    <section aria-label="All profiled tasks">
      <div className="section-head">
        <h3>All profiled tasks</h3>
        <span className="muted">
          same metric{minus !== null && ` minus ${minus.title}`}, one linear colour scale; number: effective experts,
          mean of the layers
        </span>
      </div>
      <div className="task-atlas">
        {maps.map(({ task, matrix, effective }) => (
          <button
            key={task.handle}
            type="button"
            className="task-atlas-map"
            aria-pressed={task.handle === selection.task}
            onClick={() => selectionStore.getState().focusTask(task.handle)}
          >
            <span className="task-atlas-title">
              <span>{task.title}</span>
              <span className="muted number">{formatFixed(effective, 1)}</span>
            </span>
            <MiniHeatmap matrix={matrix} scale={scale} height={heightOf(matrix.length)} />
          </button>
        ))}
      </div>
    </section>
  );
};
