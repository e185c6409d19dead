import { useMemo } from 'react';
import { useStore } from 'zustand';
import { amountScale } from '../../charts/color-scales.ts';
import { MiniHeatmap } from '../../charts/mini-heatmap.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { formatFixed } from '../../format/format-number.ts';
import { routingStore } from '../../state/routing-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { effectiveExperts, matrixMaximum, metricMatrix } from './metric-matrix.ts';
import { useProfiles } from './use-profiles.ts';
import './routing.css';

const heightOf = (layers: number): number => Math.max(30, Math.min(96, layers * 10));

/** Every profiled task as a small map with one colour scale: which tasks share experts, at a glance. */
export const TaskAtlas = () => {
  const { tasks, selection } = useFacts();
  const metric = useStore(routingStore, (state) => state.metric);
  const { byTask } = useProfiles();
  const maps = useMemo(
    () =>
      tasks.flatMap((task) => {
        const profile = byTask.get(task.name);
        if (profile === undefined) return [];
        const effective =
          profile.counts.reduce((sum, row) => sum + effectiveExperts(row), 0) / Math.max(1, profile.counts.length);
        return [{ task, matrix: metricMatrix(profile, metric), effective }];
      }),
    [tasks, byTask, metric],
  );
  const scale = useMemo(() => amountScale(Math.max(0, ...maps.map(({ matrix }) => matrixMaximum(matrix)))), [maps]);
  if (maps.length < 2) return null;
  return (
    <section aria-label="All profiled tasks">
      <div className="section-head">
        <h3>All profiled tasks</h3>
        <span className="muted">same metric, one colour scale; number: effective experts, mean of the layers</span>
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
