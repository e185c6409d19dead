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
