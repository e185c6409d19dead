import type { TaskCurves } from './task-curves.ts';

/** Range of the value axis: 0 to 1 for accuracies, so that tasks compare at a glance; the measured range for perplexity. */
export const valueDomain = (curves: TaskCurves): readonly [number, number] => {
  if (curves.metric !== 'perplexity') return [0, 1];
  const values = [
    ...(curves.unpruned === null ? [] : [curves.unpruned]),
    ...curves.curves.flatMap((curve) => curve.points.map((point) => point.value)),
  ];
  if (values.length === 0) return [0, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || high || 1) * 0.08;
  return [Math.max(0, low - room), high + room];
};
