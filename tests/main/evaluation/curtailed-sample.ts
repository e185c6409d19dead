import path from 'node:path';
import { at } from '../../../main/contract/errors.ts';
import type { ItemOutcome } from '../../../main/contract/outcome.ts';
import {
  type PointName,
  pointNameKey,
  type SweepDocument,
  type SweepResult,
  UNPRUNED,
} from '../../../main/contract/sweep.ts';
import type { CurtailedPoint, UnneededPoint } from '../../../main/contract/curtailed-point.ts';
import {
  countsSoFar,
  curtailedOrder,
  independentAtLeast,
  pairedDesign,
  decidedVerdict,
} from '../../../main/evaluation/curtailment.ts';
import { readPointBlocks } from '../../../main/runs/read-outcomes.ts';

export const SAMPLE = path.join(import.meta.dirname, '../../../resources/sample/run');

/** Stored outcomes of every point of the sample. */
export const sampleOutcomes = async (): Promise<(point: PointName) => readonly ItemOutcome[]> => {
  const blocks = await readPointBlocks(path.join(SAMPLE, 'outcomes.parquet'));
  if (blocks === null) throw new Error('the sample has no outcomes');
  const known = new Map<string, readonly ItemOutcome[]>();
  for await (const { point, outcomes } of blocks) known.set(pointNameKey(point), outcomes);
  return (point) => {
    const found = known.get(pointNameKey(point));
    if (found === undefined) throw new Error(`no outcomes of ${pointNameKey(point)}`);
    return found;
  };
};

export interface Answered {
  /** Items answered when the verdict was decided; n where it was not decided earlier. */
  readonly evaluated: number;
  readonly verdict: 'safe' | 'unsafe' | null;
  readonly lost: number;
  readonly gainedAtMost: number;
}

/**
 * Lets a candidate answer items in an order, and finds the first of `ends` at which its verdict is decided: by halving,
 * since a decided verdict stays decided (tests/main/evaluation/curtailment.test.ts).
 */
export const answer = (
  { metric, n }: Pick<SweepResult, 'metric' | 'n'>,
  delta: number,
  baseline: readonly ItemOutcome[],
  candidate: readonly ItemOutcome[],
  order: readonly number[],
  ends: readonly number[],
): Answered => {
  const design = pairedDesign(metric, baseline);
  if (design === null) throw new Error('the sample holds no texts');
  const ranks = new Map(order.map((item, rank) => [item, rank]));
  const after = (end: number): Answered => {
    const soFar = candidate.map((outcome, item) => ((ranks.get(item) ?? n) < end ? outcome : null));
    const counts = countsSoFar(metric, design, soFar);
    const verdict = decidedVerdict({ metric, delta }, design, counts);
    return { evaluated: end, verdict, lost: counts.lost, gainedAtMost: counts.gained + counts.wrongLeft };
  };
  let [from, to] = [0, ends.length - 1];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (after(at(ends, middle)).verdict === null) from = middle + 1;
    else to = middle;
  }
  const found = after(at(ends, from));
  return found.verdict === null ? { evaluated: n, verdict: null, lost: 0, gainedAtMost: 0 } : found;
};

/** The sample as `--stop early` would have left it: safe candidates in full, unsafe ones curtailed. */
export const curtailedSample = (
  full: SweepDocument,
  outcomesOf: (point: PointName) => readonly ItemOutcome[],
  delta: number,
  endsOf: (n: number) => readonly number[],
): { readonly document: SweepDocument; readonly evaluated: number } => {
  const results: SweepResult[] = full.results.filter(({ factor }) => factor <= 1);
  const curtailed: CurtailedPoint[] = [];
  const notNeeded: UnneededPoint[] = [];
  const stopped = new Set<string>();
  let evaluated = 0;
  for (const result of [...full.results].sort((a, b) => a.factor - b.factor)) {
    const { model, task, method, seed, factor, kept, n, metric } = result;
    if (factor <= 1) continue;
    const curve = JSON.stringify([model, task, method, seed]);
    if (stopped.has(curve)) {
      notNeeded.push({ model, task, method, seed, factor, kept });
      continue;
    }
    const baseline = outcomesOf({ ...result, method: UNPRUNED, seed: null, factor: 1 });
    const design = pairedDesign(metric, baseline);
    const own = answer(result, delta, baseline, outcomesOf(result), curtailedOrder(metric, baseline), endsOf(n));
    const isUnsafe = own.verdict === 'unsafe' || result.lowOneSided < -delta;
    if (isUnsafe) stopped.add(curve);
    if (own.verdict === 'unsafe' && own.evaluated < n && design !== null) {
      evaluated += own.evaluated;
      const { lost, gainedAtMost } = own;
      const point = { model, task, method, seed, factor, kept, n, metric, evaluated: own.evaluated };
      curtailed.push({ ...point, lost, gainedAtMost, independentAtLeast: independentAtLeast(design) });
    } else {
      evaluated += n;
      results.push(result);
    }
  }
  return { document: { ...full, results, curtailed, notNeeded }, evaluated };
};
