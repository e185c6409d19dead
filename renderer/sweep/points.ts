import type { SweepResult } from '../../main/contract/sweep.ts';
import type { PointKey } from '../state/selection.ts';

export const pointKey = (run: string, { model, task, method, seed, factor }: SweepResult): PointKey => ({
  run,
  model,
  task,
  method,
  seed,
  factor,
});

export const isPoint = (result: SweepResult, point: PointKey): boolean =>
  result.model === point.model &&
  result.task === point.task &&
  result.method === point.method &&
  result.seed === point.seed &&
  result.factor === point.factor;
