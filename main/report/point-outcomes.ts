import { join } from 'node:path';
import type { MeasuredPoint } from '../evaluation/family-pairs.ts';
import type { ItemOutcome } from '../inference/model-runner.ts';
import { evaluationRecord } from '../jobs/evaluation-record.ts';
import { readPointIndex } from '../jobs/sweep-record.ts';
import type { Workspace } from '../workspace/open-workspace.ts';
import { readOutcomes } from '../workspace/read-outcomes.ts';

/** Factors of one point come from different files: equal up to rounding is equal. */
const keyOf = ({ model, task, method, seed, factor }: MeasuredPoint): string =>
  JSON.stringify([model, task, method, seed, factor.toFixed(9)]);

/**
 * Outcomes of points of a sweep: from its `outcomes.parquet` where the run is finished, from the workspace's steps where
 * it is not. Null for a point whose outcomes neither holds.
 */
export const readPointOutcomes = async (
  { runs, steps }: Pick<Workspace, 'runs' | 'steps'>,
  run: string,
  points: readonly MeasuredPoint[],
): Promise<(point: MeasuredPoint) => readonly ItemOutcome[] | null> => {
  const wanted = new Set(points.map(keyOf));
  const stored = new Map<string, readonly ItemOutcome[]>();
  const gathered = new Map<string, ItemOutcome[]>();
  const folder = runs.folder(run);
  const isFinished =
    wanted.size === 0 ||
    (await readOutcomes(
      join(folder, 'outcomes.parquet'),
      (point) => wanted.has(keyOf(point)),
      (point, outcome) => {
        const key = keyOf(point);
        const outcomes = gathered.get(key);
        if (outcomes === undefined) gathered.set(key, [outcome]);
        else outcomes.push(outcome);
      },
    ));
  if (!isFinished) {
    for (const point of await readPointIndex(folder)) {
      if (!wanted.has(keyOf(point))) continue;
      const record = await steps.readJson(point.step, evaluationRecord);
      if (record !== null) stored.set(keyOf(point), record.outcomes);
    }
  }
  return (point) => gathered.get(keyOf(point)) ?? stored.get(keyOf(point)) ?? null;
};
