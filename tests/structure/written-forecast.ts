// Whether chosen answers tell how far a model can be pruned when it writes them, computed from a recorded sweep of
// both.
import { pointNameKey, type SweepResult, UNPRUNED } from '../../main/contract/sweep.ts';
import { meanRankCorrelation } from '../../main/evaluation/calibration-luck.ts';
import { TWIN_SUFFIX } from '../../main/evaluation/choice-and-writing.ts';
import { upperLimit } from '../../main/statistics/p-values.ts';
import { ratioInterval, type UnitSum } from '../../main/statistics/ratio-interval.ts';

interface Pair {
  readonly chosen: SweepResult;
  readonly written: SweepResult;
}

/** Points of one model, task, method and draw that were measured both ways, by ascending factor. */
export interface Curve {
  readonly model: string;
  readonly task: string;
  readonly method: string;
  readonly pairs: readonly Pair[];
}

/** `results`: later ones take the place of earlier ones of the same point. */
export const curvesOf = (given: readonly SweepResult[]): readonly Curve[] => {
  const results = [...new Map(given.map((result) => [pointNameKey(result), result])).values()];
  const byName = new Map(results.map((result) => [pointNameKey(result), result]));
  const pairs = results.flatMap((chosen): readonly Pair[] => {
    const written = byName.get(pointNameKey({ ...chosen, task: `${chosen.task}${TWIN_SUFFIX}` }));
    return written === undefined || chosen.method === UNPRUNED ? [] : [{ chosen, written }];
  });
  const named = Map.groupBy(pairs, ({ chosen: { model, task, method, seed } }) =>
    JSON.stringify([model, task, method, seed]),
  );
  return [...named.values()].flatMap((own) => {
    const sorted = own.toSorted((one, other) => one.chosen.factor - other.chosen.factor);
    return sorted.slice(0, 1).map(({ chosen: { model, task, method } }) => ({ model, task, method, pairs: sorted }));
  });
};

/** A number of a pair that is larger the more pruning broke. */
export interface Measure {
  readonly name: string;
  readonly of: (pair: Pair) => number | undefined;
}

export const measures = {
  difference: { name: 'loss of accuracy, chosen', of: ({ chosen }) => -chosen.difference },
  answerLoss: { name: 'answer loss', of: ({ chosen }) => chosen.answerLoss?.mean },
  kl: { name: 'KL', of: ({ chosen }) => chosen.fidelity?.kl.mean },
} as const satisfies Readonly<Record<string, Measure>>;

/** Says from the chosen answers whether a point is safe when written. */
export interface Rule {
  readonly name: string;
  readonly calls: (pair: Pair) => boolean;
}

export const safeByChoice: Rule = { name: 'safe by choice', calls: ({ chosen }) => chosen.verdict === 'safe' };
/** Safe by choice, and the measure is below a cut. */
export const below = ({ name, of }: Measure, nats: number): Rule => ({
  name: `... and ${name} below ${String(nats)} nats`,
  calls: (pair) => safeByChoice.calls(pair) && (of(pair) ?? NaN) < nats,
});

/** The threshold of a curve by a rule: its largest factor such that it and every smaller one are safe; 1 without one. */
const reach = ({ pairs }: Curve, isSafe: (pair: Pair) => boolean): number => {
  const first = pairs.findIndex((pair) => !isSafe(pair));
  return (first === -1 ? pairs.at(-1) : pairs[first - 1])?.chosen.factor ?? 1;
};
const isSafeWritten = ({ written }: Pair): boolean => written.verdict === 'safe';

/** A mean over all members of the tasks with its 95 % interval by Student's t of the tasks; null without two tasks. */
const overTasks = <Member extends { readonly task: string }>(
  members: readonly Member[],
  valueOf: (member: Member) => number,
) => {
  const units = [...Map.groupBy(members, ({ task }) => task).values()].map((own): UnitSum => ({
    sum: own.reduce((sum, member) => sum + valueOf(member), 0),
    count: own.length,
  }));
  return ratioInterval(units) ?? null;
};

/**
 * Spearman's rank correlation, over the models of one task and method, of minus the measure at a factor with the
 * threshold of the written answers; the mean over tasks and methods with its interval over tasks. Where all models have
 * the same threshold, there is no correlation, and task and method do not count.
 */
export const rankCorrelation = (curves: readonly Curve[], measure: Measure, factor: number) => {
  const found = rankCorrelations(curves, measure, factor);
  const groups = new Set(curves.map(({ task, method }) => JSON.stringify([task, method]))).size;
  return { groups: found.length, of: groups, interval: overTasks(found, ({ value }) => value) };
};

/** The correlation of each task and method that has one. */
const rankCorrelations = (curves: readonly Curve[], { of }: Measure, factor: number) => {
  const groups = [...Map.groupBy(curves, ({ task, method }) => JSON.stringify([task, method])).values()];
  return groups.flatMap((own) => {
    const both = own.flatMap((curve) => {
      const at = curve.pairs.find(({ chosen }) => chosen.factor === factor);
      const measured = at === undefined ? undefined : of(at);
      return measured === undefined ? [] : [[-measured, reach(curve, isSafeWritten)] as const];
    });
    const [ranked, reached] = [0, 1].map((side) => Float64Array.from(both, (pair) => pair[side] ?? NaN));
    const value = meanRankCorrelation([ranked ?? new Float64Array()], [reached ?? new Float64Array()]);
    return value === null ? [] : own.slice(0, 1).map(({ task, method }) => ({ task, method, value }));
  });
};

/** How much larger the correlation of one measure is than that of another, on the same tasks and methods. */
export const rankGain = (curves: readonly Curve[], measure: Measure, than: Measure, factor: number) => {
  const others = rankCorrelations(curves, than, factor);
  const gains = rankCorrelations(curves, measure, factor).flatMap(({ task, method, value }) => {
    const other = others.find((one) => one.task === task && one.method === method);
    return other === undefined ? [] : [{ task, gain: value - other.value }];
  });
  return overTasks(gains, ({ gain }) => gain);
};

/** The curves at the factors that every one of them was measured at: a finer grid tells more thresholds apart. */
export const onCommonFactors = (curves: readonly Curve[]): readonly Curve[] => {
  const factorsOf = ({ pairs }: Curve): readonly number[] => pairs.map(({ chosen }) => chosen.factor);
  const least = curves.reduce((fewest, curve) => Math.min(fewest, Math.max(...factorsOf(curve))), Infinity);
  const common = [...new Set(curves.flatMap(factorsOf))].filter((factor) =>
    curves.every((curve) => factor > least || factorsOf(curve).includes(factor)),
  );
  return curves.map((curve) => ({
    ...curve,
    pairs: curve.pairs.filter(({ chosen }) => common.includes(chosen.factor)),
  }));
};

/** Counts of a rule on curves and on points, each share with its interval over tasks. */
export const ruleCounts = (curves: readonly Curve[], { calls }: Rule) => {
  const gaps = curves.map((curve) => ({
    task: curve.task,
    gap: Math.sign(reach(curve, calls) - reach(curve, isSafeWritten)),
  }));
  const called = curves.flatMap(({ task, pairs }) => pairs.filter(calls).map((pair) => ({ task, pair })));
  const wrong = called.filter(({ pair }) => !isSafeWritten(pair));
  const count = (sign: number): number => gaps.filter(({ gap }) => gap === sign).length;
  return {
    curves: gaps.length,
    same: count(0),
    tooFar: count(1),
    tooShort: count(-1),
    tooFarShare: shareText(gaps, ({ gap }) => gap === 1),
    called: called.length,
    notSafe: wrong.length,

    notSafeShare: shareText(called, ({ pair }) => !isSafeWritten(pair)),
  };
};

const percent = (share: number): string => (100 * share).toFixed(0);

/** A share in per cent with its interval; where none was found, its upper limit if tasks are the sample. */
const shareText = <Member extends { readonly task: string }>(
  members: readonly Member[],
  holds: (member: Member) => boolean,
): string => {
  const found = overTasks(members, (member) => (holds(member) ? 1 : 0));
  if (found === null) return '';
  const tasks = new Set(members.map(({ task }) => task)).size;
  const [low, high] = found.mean === 0 ? [0, upperLimit(0, tasks)] : [Math.max(0, found.low), Math.min(1, found.high)];
  return `${percent(found.mean)} % [${percent(low)}, ${percent(high)}]`;
};
