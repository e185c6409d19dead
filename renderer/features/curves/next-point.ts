import type { SweepResult } from '../../../main/contract/sweep.ts';
import { neighbour } from '../../state/neighbour.ts';
import { resultKey } from './point-key.ts';
import type { MethodCurve } from './task-curves.ts';

/** The point that an arrow key leads to: left and right along a method, up and down between methods. Null: other keys. */
export const nextPoint = (
  curves: readonly MethodCurve[],
  from: SweepResult | null,
  key: string,
): SweepResult | null => {
  if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(key)) return null;
  const current = curves.find((curve) => curve.method === from?.method);
  if (from === null || current === undefined) return curves[0]?.points[0] ?? null;
  const here = current.points.find((point) => resultKey(point) === resultKey(from)) ?? null;
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    return neighbour(current.points, here, key === 'ArrowRight' ? 1 : -1);
  }
  const other = neighbour(curves, current, key === 'ArrowDown' ? 1 : -1);
  const points = other?.points ?? [];
  const distance = (point: SweepResult): number => Math.abs(Math.log2(point.factor / from.factor));
  return points.reduce<SweepResult | null>(
    (nearest, point) => (nearest === null || distance(point) < distance(nearest) ? point : nearest),
    null,
  );
};
