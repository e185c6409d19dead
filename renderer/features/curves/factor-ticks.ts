import type { TaskCurves } from './task-curves.ts';

/** Powers of two from 1 to the largest measured factor, and that factor itself where it lies apart from them. */
export const factorTicks = (curves: readonly TaskCurves[]): readonly number[] => {
  const largest = Math.max(
    2,
    ...curves.flatMap((task) => task.curves.flatMap((curve) => curve.points.map((point) => point.factor))),
  );
  const ticks: number[] = [];
  for (let factor = 1; factor <= largest * 1.001; factor *= 2) ticks.push(factor);
  const last = ticks.at(-1) ?? 1;
  return largest > last * 1.25 ? [...ticks, largest] : ticks;
};
