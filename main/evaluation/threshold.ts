import { present } from '../contract/errors.ts';
import type { MetricName } from '../contract/task.ts';
import type { DrawThreshold, PointVerdict, SweepDocument, SweepResult, Threshold } from '../contract/sweep.ts';
import type { CurtailedPoint, UnneededPoint } from '../contract/curtailed-point.ts';
import { minOf } from '../statistics/extremes.ts';
import { judgedCurtailed, type JudgedPoint, judgedResult } from './curtailed-points.ts';
import { nothingToLoseIn } from './nothing-to-lose.ts';
import { itemsNeeded, ONE_SIDED_ALPHA, powerOf, verdictOf } from './verdicts.ts';
import { thresholdLook } from '../words/verdicts.ts';

/** Level of the one-sided intervals of `lowOneSided`. */
export const THRESHOLD_LEVEL = 1 - ONE_SIDED_ALPHA;

/** A tested factor and its test's result. */
export interface TestedFactor {
  readonly factor: number;
  readonly verdict: PointVerdict;
}

interface Bracket {
  readonly lastSafe: number;
  readonly firstUnsafe: number | null;
  readonly firstWorse: number | null;
}

/**
 * Fixed-sequence reading of tested factors: from the smallest on, all safe up to `lastSafe` (1, the unpruned model,
 * where none is), `firstUnsafe` being the next (null where there is none). Factors beyond the first unsafe one are not
 * read. From the largest down, all worse to `firstWorse` (null where the largest is not). Each step tests at the full
 * level; no correction is needed because testing stops at the first failure (Maurer, Hothorn and Lehmacher 1995).
 */
export const readInSequence = (tested: readonly TestedFactor[]): Bracket => {
  const ascending = [...tested].sort((a, b) => a.factor - b.factor);
  const firstUnsafe = ascending.find(({ verdict }) => verdict !== 'safe')?.factor ?? null;
  const safe = ascending.filter(({ factor }) => firstUnsafe === null || factor < firstUnsafe);
  const lastNotWorse = ascending.findLast(({ verdict }) => verdict !== 'worse')?.factor ?? -Infinity;
  const firstWorse = ascending.find(({ factor }) => factor > lastNotWorse)?.factor ?? null;
  return { lastSafe: safe.at(-1)?.factor ?? 1, firstUnsafe, firstWorse };
};

/** Candidates without results in a search for thresholds: curtailed ones, and those that were not needed. */
export type StoppedEarly = Pick<SweepDocument, 'curtailed' | 'notNeeded'>;

/** Points of one curve, or of all draws of a method, for reading a threshold. */
interface JudgedCurve {
  readonly points: readonly JudgedPoint[];
  /** Smallest tested factor that the answered items leave undecided at this margin: the sequence ends there. */
  readonly openFrom: number;
  /** Whether candidates stopped early, or larger factors were not measured. */
  readonly isCurtailed: boolean;
}

const judged = (
  results: readonly SweepResult[],
  { curtailed = [], notNeeded = [] }: StoppedEarly,
  delta: number,
  alpha: number,
): JudgedCurve => {
  const early = curtailed.map((point) => ({ factor: point.factor, judged: judgedCurtailed(point, delta, alpha) }));
  return {
    points: [
      ...results.map((result) => judgedResult(result, delta, alpha)),
      ...early.flatMap((point) => point.judged ?? []),
    ],
    openFrom: minOf(early.flatMap((point) => (point.judged === null ? [point.factor] : []))),
    isCurtailed: curtailed.length + notNeeded.length > 0,
  };
};

const bracketOf = (curve: JudgedCurve, delta: number, alpha: number): Threshold | null => {
  // A draw that is open at a factor ends the sequence there, unless another one fails there, which ends it too.
  const points = curve.points.filter(({ factor }) => factor <= curve.openFrom);
  const [first] = points;
  if (first === undefined) return null;
  const { model, task, method, seed, metric } = first.subject;
  const n = minOf(points.map((point) => point.n));
  const independent = minOf(points.map((point) => point.independent));
  const subject = { model, task, method, seed, delta, n };
  // Nothing was measured beyond the point where a curve stopped: whether all larger factors are worse is unknown.
  const readWorse = ({ firstWorse }: Bracket): number | null => (curve.isCurtailed ? null : firstWorse);
  if (independent < itemsNeeded(delta, metric, alpha)) {
    const smallest = points.reduce((least, point) => (point.factor < least.factor ? point : least), first);
    return {
      ...subject,
      factor: null,
      lastSafe: null,
      firstUnsafe: null,
      firstWorse: readWorse(readInSequence(points)),
      verdict: 'cannot-tell',
      power: smallest.result === null ? null : powerOf(smallest.result, delta, alpha),
    };
  }
  const bracket = readInSequence(points);
  const { lastSafe, firstUnsafe } = bracket;
  const verdict = firstUnsafe === null ? 'all-safe' : lastSafe === 1 ? 'none-safe' : 'found';
  const end = points.find(({ factor }) => factor === firstUnsafe);
  // If draws differ, the verdict of the worst one may be "worse": then more items would not make it safe.
  const open = end?.result ?? null;
  const isOpen = open !== null && verdictOf(open, delta, alpha) === 'undecided';
  const power = isOpen ? powerOf(open, delta, alpha) : null;
  return { ...subject, factor: lastSafe, lastSafe, firstUnsafe, firstWorse: readWorse(bracket), verdict, power };
};

/**
 * The threshold of one (model, task, method, seed) from its results at any factors; null while no factor above 1 is
 * measured. `factor` is null exactly where the verdict is `cannot-tell`. `alpha` is the one-sided level of each test.
 * `stopped`: candidates of the curve that were curtailed (one that is undecided at this margin ends the reading) or not
 * needed.
 */
export const thresholdOf = (
  results: readonly SweepResult[],
  delta: number,
  alpha: number = ONE_SIDED_ALPHA,
  stopped: StoppedEarly = {},
): Threshold | null => {
  const { curtailed = [] } = stopped;
  const pruned = results.filter(({ factor }) => factor > 1);
  const [first] = [...pruned, ...curtailed];
  if (first === undefined) return null;
  const { model, task, method, seed } = first;
  const stranger = [...pruned, ...curtailed].find(
    (other) => other.model !== model || other.task !== task || other.method !== method || other.seed !== seed,
  );
  if (stranger !== undefined) {
    throw new Error(`a threshold is of one model, task, method and seed; got also ${JSON.stringify(stranger)}`);
  }
  return bracketOf(judged(pruned, stopped, delta, alpha), delta, alpha);
};

/** 0.02 -> "2", 0.025 -> "2.5": at most three decimals, no trailing zeros. */
const percent = (share: number): string => String(Math.round(share * 1e5) / 1e3);

/**
 * The threshold rule in words, the same on screen, in reports, figures and on the command line. `level` is the level of
 * the one-sided intervals; `metrics`: those of the results, where prompts alone have no accuracy.
 */
export const thresholdRule = (
  delta: number,
  level: number = THRESHOLD_LEVEL,
  metrics: ReadonlySet<MetricName> = new Set(),
): string => {
  const ofEndings = 'ended(pruned) - ended(unpruned), the shares of texts that ended';
  const ofAnswers = 'accuracy(pruned) - accuracy(unpruned)';
  const measured = !metrics.has('ending')
    ? ofAnswers
    : metrics.size === 1
      ? ofEndings
      : `${ofAnswers} (of prompts alone: ${ofEndings})`;
  const alpha = level === THRESHOLD_LEVEL ? ONE_SIDED_ALPHA : 1 - level;
  return (
    `A pruning factor is safe for a task if the lower end of the one-sided ${percent(level)} % interval of ` +
    `${measured}, paired on the same items, is at least -${percent(delta)} ` +
    `percentage points ` +
    `(perplexity: if the upper end for the rise of log-perplexity is at most ${delta} nats per token). ` +
    `The test is exact: a factor that is worse by more is called safe with a chance of at most ${percent(alpha)} % ` +
    `(perplexity: nominal, more where texts have heavy tails). ` +
    `The threshold is the largest tested factor such that it and every smaller tested factor are safe; ` +
    `with fewer than ${itemsNeeded(delta, 'acc', alpha)} items (perplexity: ` +
    `${itemsNeeded(delta, 'perplexity')} texts) ` +
    'it cannot be told. Of a method that is drawn several times a factor is safe only if it is safe in every draw. A ' +
    'factor that is not safe is not thereby worse: it is worse if the upper end of the one-sided ' +
    `${percent(THRESHOLD_LEVEL)} % interval lies below -${percent(delta)} percentage points, and undecided otherwise.`
  );
};

/** Items with equal keys together, in order of first appearance. */
export const groupBy = <T>(items: readonly T[], keyOf: (item: T) => unknown): [T, ...T[]][] => {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
};

/**
 * One point per factor that represents all draws of a method: the draw with the lowest lower end. A factor is then safe
 * exactly if it is safe in every draw, and worse if it is worse in every draw (draws.ts says why draws are not pooled).
 * That needs no correction: a factor that is truly unsafe in some draw is called safe over draws only if that draw's
 * own test errs, so the chance is at most the level of one test, for each curve and for a family of curves alike.
 * Factors that some draw has not measured yet are left out unless a measured draw already fails there.
 */
const overSeeds = (points: readonly JudgedPoint[], seeds: number): JudgedPoint[] =>
  groupBy(points, ({ factor }) => factor).flatMap((draws) => {
    const worst = draws.reduce((low, other) => (other.low < low.low ? other : low));
    const isComplete = draws.length === seeds;
    const isAll = (verdict: PointVerdict): boolean => draws.every((draw) => draw.verdict === verdict);
    if (!isComplete && isAll('safe')) return [];
    const verdict = isAll('safe') ? 'safe' : isComplete && isAll('worse') ? 'worse' : 'undecided';
    return [{ ...worst, verdict, subject: { ...worst.subject, seed: null } }];
  });

/** A threshold where the unpruned model has nothing to lose, but for its verdict. */
const NOTHING_TO_LOSE = {
  factor: null,
  lastSafe: null,
  firstUnsafe: null,
  firstWorse: null,
  power: null,
} as const;

/** A single draw's threshold, as listed in the one over draws. */
const drawOf = ({ seed, factor, lastSafe, firstUnsafe, firstWorse, verdict }: Threshold): DrawThreshold[] =>
  seed === null ? [] : [{ seed, factor, lastSafe, firstUnsafe, firstWorse, verdict }];

type AnyPoint = SweepResult | CurtailedPoint | UnneededPoint;

/** Pruned points by model and task in the order of the results, whether they were measured, curtailed or not needed. */
const inTheirOrder = (
  results: readonly SweepResult[],
  { curtailed = [], notNeeded = [] }: StoppedEarly,
): AnyPoint[] => {
  const ranks = new Map<string, number>();
  const keyOf = ({ model, task }: AnyPoint): string => JSON.stringify([model, task]);
  const early = [...curtailed, ...notNeeded];
  for (const point of [...results, ...early]) if (!ranks.has(keyOf(point))) ranks.set(keyOf(point), ranks.size);
  const rank = (point: AnyPoint): number => present(ranks.get(keyOf(point)), 'a point without a rank');
  const pruned = [...results.filter(({ factor }) => factor > 1), ...early];
  return early.length === 0 ? pruned : pruned.sort((a, b) => rank(a) - rank(b));
};

const split = (points: readonly AnyPoint[]) => ({
  results: points.flatMap((point) => ('lowOneSided' in point ? [point] : [])),
  stopped: {
    curtailed: points.flatMap((point) => ('gainedAtMost' in point ? [point] : [])),
    notNeeded: points.flatMap((point) => ('metric' in point ? [] : [point])),
  },
});

/**
 * Thresholds of every (model, task, method, seed) of a sweep, in order of first appearance, and for a method measured
 * under several seeds one more with `seed: null`: safe means safe for every seed. `at-chance` where there are items
 * enough and the unpruned model is at chance, `nothing-to-lose` where it has no room to lose delta. Pure
 * and without inference: a new delta needs only this.
 */
export const sweepThresholds = (
  results: readonly SweepResult[],
  delta: number,
  alpha: number = ONE_SIDED_ALPHA,
  stopped: StoppedEarly = {},
): Threshold[] => {
  const reasonOf = nothingToLoseIn(results, delta);
  const read = (threshold: Threshold | null): Threshold[] => {
    if (threshold === null) return [];
    const reason = threshold.verdict === 'cannot-tell' ? null : reasonOf(threshold);
    return [reason === null ? threshold : { ...threshold, ...NOTHING_TO_LOSE, verdict: reason }];
  };
  return groupBy(inTheirOrder(results, stopped), ({ model, task, method }) => [model, task, method]).flatMap(
    (ofMethod) => {
      const bySeed = groupBy(ofMethod, ({ seed }) => seed).map(split);
      const ofSeeds = bySeed.flatMap((curve) => read(thresholdOf(curve.results, delta, alpha, curve.stopped)));
      if (bySeed.length === 1) return ofSeeds;
      const all = split(ofMethod);
      const draws = judged(all.results, all.stopped, delta, alpha);
      const joint = read(bracketOf({ ...draws, points: overSeeds(draws.points, bySeed.length) }, delta, alpha));
      const listed = ofSeeds.flatMap(drawOf).sort((left, right) => left.seed - right.seed);
      return [...ofSeeds, ...joint.map((threshold) => ({ ...threshold, draws: listed }))];
    },
  );
};

/** The main threshold of each (model, task, method): the one over all seeds where there are several. */
export const headlineThresholds = (thresholds: readonly Threshold[]): Threshold[] =>
  groupBy(thresholds, ({ model, task, method }) => [model, task, method]).flatMap((ofMethod) =>
    ofMethod.length === 1 ? ofMethod : ofMethod.filter(({ seed }) => seed === null),
  );

/** How far a model can be pruned for a task by the best of several methods. */
export interface BestThreshold<T extends Threshold = Threshold> {
  /**
   * The largest threshold; among equal ones, the one whose bracket is open or ends latest, then one that is undecided
   * rather than worse.
   */
  readonly best: T;
  /** The methods that reach it, the best's own first. */
  readonly methods: readonly string[];
  /** Methods whose threshold cannot be determined. */
  readonly cannotTell: readonly string[];
}

/** Safe factor and end of the bracket, an open one last; null where nothing can be determined. */
const reach = ({ lastSafe, firstUnsafe }: Threshold): readonly [number, number] | null =>
  lastSafe === null ? null : [lastSafe, firstUnsafe ?? Infinity];

/**
 * The best of the thresholds of one model on one task, one per method; null for none. Where no threshold can be
 * determined, the first represents all. The maximum of several thresholds is selected after testing: it is not itself a
 * test at the level of each.
 */
export const bestThreshold = <T extends Threshold>(thresholds: readonly T[]): BestThreshold<T> | null => {
  const [first] = thresholds;
  if (first === undefined) return null;
  const cannotTell = thresholds.filter((threshold) => reach(threshold) === null).map(({ method }) => method);
  const known = thresholds
    .flatMap((threshold) => {
      const ends = reach(threshold);
      return ends === null ? [] : [{ threshold, ends }];
    })
    .sort(
      ({ ends: left, threshold: one }, { ends: right, threshold: other }) =>
        right[0] - left[0] || compareEnds(right[1], left[1]) || Number(isUnsafe(one)) - Number(isUnsafe(other)),
    );
  const [best] = known;
  if (best === undefined) return { best: first, methods: [], cannotTell };
  return {
    best: best.threshold,
    methods: known.filter(({ ends }) => ends[0] === best.ends[0]).map(({ threshold }) => threshold.method),
    cannotTell,
  };
};

const isUnsafe = (threshold: Threshold): boolean => thresholdLook(threshold) === 'unsafe';

/** Infinities are equal. */
const compareEnds = (left: number, right: number): number => (left === right ? 0 : left - right);
