// How well the loss of the right answer on 50 chosen items tells how far a model can be pruned when it writes,
// computed from recorded sweeps.
import { pointNameKey, type SweepResult, UNPRUNED } from '../../main/contract/sweep.ts';
import { TWIN_SUFFIX } from '../../main/evaluation/choice-and-writing.ts';
import { itemLosses } from '../../main/evaluation/fit.ts';
import { FORECAST_ITEMS } from '../../main/evaluation/written-forecast.ts';
import { seededRandom } from '../../main/statistics/random.ts';
import { sampleOutcomes } from '../main/evaluation/curtailed-sample.ts';

/** Draws of 50 items over which recorded answers are averaged. */
const DRAWS = 20;

/** A recorded point, measured both ways. */
interface ForetoldPoint {
  readonly factor: number;
  /** Mean loss of the right answer in each draw of items, nats. */
  readonly losses: readonly number[];
  readonly isSafeWritten: boolean;
}

/** Points of one model, task and method by ascending factor. */
export interface ForetoldCurve {
  readonly model: string;
  readonly task: string;
  readonly points: readonly ForetoldPoint[];
}

/**
 * Curves by frequency and REAP. Losses are those of 50 drawn items where answers to items are recorded (the sample's
 * models), and of all items elsewhere.
 */
export const foretoldCurves = async (
  sample: readonly SweepResult[],
  others: readonly SweepResult[],
): Promise<readonly ForetoldCurve[]> => {
  const outcomesOf = await sampleOutcomes();
  const recorded = new Set(sample.map(pointNameKey));
  const lossesOf = (point: SweepResult): readonly number[] => {
    if (!recorded.has(pointNameKey(point))) return Array.from({ length: DRAWS }, () => point.answerLoss?.mean ?? NaN);
    const before = outcomesOf({ ...point, method: UNPRUNED, seed: null, factor: 1 });
    const losses = itemLosses(before, outcomesOf(point));
    return Array.from({ length: DRAWS }, (_, draw) => {
      const drawn = seededRandom(draw).shuffle(losses).slice(0, FORECAST_ITEMS);
      return drawn.reduce((sum, { nats }) => sum + nats, 0) / drawn.length;
    });
  };
  // Points of the sample come last, so that theirs are the ones that count.
  const all = new Map([...others, ...sample].map((result) => [pointNameKey(result), result]));
  const scored = [...all.values()].filter(
    ({ method, answerLoss }) => (method === 'frequency' || method === 'reap') && answerLoss !== undefined,
  );
  const curves = Map.groupBy(scored, ({ model, task, method }) => JSON.stringify([model, task, method]));
  return [...curves.values()].flatMap((own) => {
    const points = own
      .toSorted((one, other) => one.factor - other.factor)
      .flatMap((point): readonly ForetoldPoint[] => {
        const written = all.get(pointNameKey({ ...point, task: `${point.task}${TWIN_SUFFIX}` }));
        if (written === undefined) return [];
        return [{ factor: point.factor, losses: lossesOf(point), isSafeWritten: written.verdict === 'safe' }];
      });
    return own.slice(0, 1).flatMap(({ model, task }) => (points.length === 0 ? [] : [{ model, task, points }]));
  });
};

/** Counts over all draws. */
interface Counts {
  right: number;
  tooFar: number;
  tooShort: number;
  safeCalls: number;
  notSafe: number;
  otherCalls: number;
  safeAnyway: number;
}

const reach = (points: readonly ForetoldPoint[], isSafe: (point: ForetoldPoint) => boolean): number => {
  const first = points.findIndex((point) => !isSafe(point));
  return (first === -1 ? points.at(-1) : points[first - 1])?.factor ?? 1;
};

/** Whether a point is foretold to be safe in a draw, by a cut. */
const foretold =
  (draw: number, cut: number) =>
  ({ losses }: ForetoldPoint): boolean =>
    (losses[draw] ?? NaN) < cut;

/** How much farther than written answers each draw reaches, by a cut. */
const gapsOf = (points: readonly ForetoldPoint[], cut: number): readonly number[] => {
  const written = reach(points, ({ isSafeWritten }) => isSafeWritten);
  return Array.from({ length: DRAWS }, (_, draw) => reach(points, foretold(draw, cut)) - written);
};

const count = (curves: readonly ForetoldCurve[], cut: number): Counts => {
  const counts: Counts = { right: 0, tooFar: 0, tooShort: 0, safeCalls: 0, notSafe: 0, otherCalls: 0, safeAnyway: 0 };
  for (const { points } of curves)
    for (const [draw, gap] of gapsOf(points, cut).entries()) {
      const isSafe = foretold(draw, cut);
      counts[gap === 0 ? 'right' : gap > 0 ? 'tooFar' : 'tooShort'] += 1;
      for (const point of points) {
        counts[isSafe(point) ? 'safeCalls' : 'otherCalls'] += 1;
        if (isSafe(point) && !point.isSafeWritten) counts.notSafe += 1;
        if (!isSafe(point) && point.isSafeWritten) counts.safeAnyway += 1;
      }
    }
  return counts;
};

/** Cuts that are tried: 0.002 to 0.6 nats, each 5 % above the one before. */
const CUTS = Array.from({ length: 118 }, (_, index) => 0.002 * 1.05 ** index);

/** The cut that is right most often; of equally good neighbours the one in the middle. */
export const learnedCut = (curves: readonly ForetoldCurve[]): number => {
  const right = CUTS.map((cut) =>
    curves.reduce((sum, { points }) => sum + gapsOf(points, cut).filter((gap) => gap === 0).length, 0),
  );
  const best = Math.max(...right);
  const from = right.indexOf(best);
  let to = from;
  while (right[to + 1] === best) to += 1;
  return Math.sqrt((CUTS[from] ?? NaN) * (CUTS[to] ?? NaN));
};

/** Counts per draw of `tested`, each task by the cut of curves of other tasks in `known`. */
export const heldOutCounts = (tested: readonly ForetoldCurve[], known: readonly ForetoldCurve[]): Counts => {
  const found = [...Map.groupBy(tested, ({ task }) => task)].map(([task, own]) =>
    count(own, learnedCut(known.filter((curve) => curve.task !== task))),
  );
  const mean = (of: keyof Counts): number => found.reduce((sum, counts) => sum + counts[of], 0) / DRAWS;
  return {
    right: mean('right'),
    tooFar: mean('tooFar'),
    tooShort: mean('tooShort'),
    safeCalls: mean('safeCalls'),
    notSafe: mean('notSafe'),
    otherCalls: mean('otherCalls'),
    safeAnyway: mean('safeAnyway'),
  };
};
