import type { RoundedType } from '../contract/export.ts';
import type { ComparedSizes, FrontierSide } from '../contract/frontier.ts';
import { weightsOfLabel } from '../contract/method.ts';
import type { ItemOutcome } from '../contract/outcome.ts';
import { pointNameKey, type SweepResult, UNPRUNED } from '../contract/sweep.ts';
import { type AnswerKind, answersOf, type MetricName } from '../contract/task.ts';
import { minOf } from '../statistics/extremes.ts';
import { holmAdjusted } from '../statistics/p-values.ts';
import { methodTitle } from '../words/methods.ts';
import {
  formatBytes,
  formatDifference,
  formatDifferenceInUnit,
  formatFactor,
  formatInterval,
  formatP,
  formatRoughPercent,
} from '../words/numbers.ts';
import { truncationNotes, truncationOf } from '../words/truncation.ts';
import { summarise } from './summarise.ts';
import { groupBy } from './threshold.ts';

/**
 * Accuracy against bytes: which measured models no other one of their model and task beats in both, and whether a model
 * is better pruned or quantised to the same bytes.
 */

/** A measured model with its bytes. */
export interface FrontierPoint {
  readonly result: SweepResult;
  readonly bytes: number;
  /** Share of the unpruned model's bytes at its stored weights. */
  readonly share: number;
  /** Type as which the weights are rounded; null: as stored. */
  readonly weights: RoundedType | null;
  /** No other point is at least as good in no more bytes, and better in one of the two. */
  readonly isUndominated: boolean;
  /** Present where truncation was measured: too many of the unpruned model's texts ran out of tokens. */
  readonly truncationMeasured?: true;
}

/**
 * The unpruned model at a type of weights, against the mildest pruning by a method that fits into its bytes at another
 * type, at the type with the most bytes that fits: chosen by its factor and its bytes, so that no luck of its accuracy
 * chose it.
 */
export interface FrontierPair {
  readonly quantised: FrontierPoint;
  readonly pruned: FrontierPoint;
  /** Pruned minus quantised, on the same items, with the two-sided 95 % interval. */
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided exact McNemar, and adjusted for all pairs of a sweep by Holm's procedure; null for perplexity. */
  readonly p: number | null;
  readonly pHolm: number | null;
}

/** Significance level for all pairs of a sweep together. */
const FAMILYWISE_LEVEL = 0.05;

const isBetter = (metric: MetricName, left: number, right: number): boolean =>
  metric === 'perplexity' ? left < right : left > right;

const dominates = (left: SweepResult, right: SweepResult, bytes: number, otherBytes: number): boolean =>
  bytes <= otherBytes &&
  !isBetter(left.metric, right.value, left.value) &&
  (bytes < otherBytes || isBetter(left.metric, left.value, right.value));

/** The models of one task that no other one of them is at least as good as in no more bytes, and better in one. */
export const undominatedOf = <P extends Pick<FrontierPoint, 'result' | 'bytes'>>(points: readonly P[]): readonly P[] =>
  points.filter(({ result, bytes }) => !points.some((other) => dominates(other.result, result, other.bytes, bytes)));

/** The points of a sweep that have bytes, by model and task, by rising bytes. */
export const frontierPoints = (results: readonly SweepResult[]): readonly FrontierPoint[] => {
  const isTruncated = truncationOf(results);
  return groupBy(results, ({ model, task }) => [model, task]).flatMap((group) => {
    const whole = group.find(({ method }) => method === UNPRUNED)?.cost?.bytes;
    if (whole === undefined) return [];
    const sized = group.flatMap((result) => (result.cost === undefined ? [] : [{ result, bytes: result.cost.bytes }]));
    const best = new Set(undominatedOf(sized));
    return sized
      .map((point) => ({
        ...point,
        share: point.bytes / whole,
        weights: weightsOfLabel(point.result.method).weights,
        isUndominated: best.has(point),
        ...(isTruncated(point.result) ? { truncationMeasured: true as const } : {}),
      }))
      .sort((left, right) => left.bytes - right.bytes);
  });
};

const isWhole = ({ result: { method } }: FrontierPoint): boolean => weightsOfLabel(method).bare === UNPRUNED;

/** The pairs that answer "prune or quantise?": for each type and curve, the mildest factor that fits. */
export const fittingPairs = (points: readonly FrontierPoint[]): readonly Pick<FrontierPair, 'quantised' | 'pruned'>[] =>
  points
    .filter((point) => point.weights !== null && point.share < 1 && isWhole(point))
    .flatMap((quantised) => {
      const fitting = points.filter(
        (point) =>
          point.result.model === quantised.result.model &&
          point.result.task === quantised.result.task &&
          point.result.factor > 1 &&
          point.weights !== quantised.weights &&
          point.bytes <= quantised.bytes,
      );
      return groupBy(fitting, ({ result: { method, seed } }) => [weightsOfLabel(method).bare, seed]).flatMap(
        (group) => {
          const mildest = minOf(group.map(({ result: { factor } }) => factor));
          // By rising bytes: of the types at which this factor fits, the one that rounds least.
          const pruned = group.findLast(({ result: { factor } }) => factor === mildest);
          return pruned === undefined ? [] : [{ quantised, pruned }];
        },
      );
    });

/** Compares pairs on the same items; those whose outcomes are not stored are left out. */
export const frontierPairs = (
  points: readonly FrontierPoint[],
  outcomesOf: (result: SweepResult) => readonly ItemOutcome[] | null,
): readonly FrontierPair[] => {
  const compared = fittingPairs(points).flatMap(({ quantised, pruned }) => {
    const [before, after] = [outcomesOf(quantised.result), outcomesOf(pruned.result)];
    if (before === null || after === null) return [];
    const { difference, low, high, p } = summarise(pruned.result.metric, before, after);
    return [{ quantised, pruned, difference, low, high, p }];
  });
  const adjusted = holmAdjusted(compared.map(({ p }) => p));
  return compared.map((pair, index) => ({ ...pair, pHolm: adjusted[index] ?? null }));
};

const against = ({ result }: FrontierPoint): string =>
  `${formatDifference(result.difference, result.metric)} ${formatInterval(result, result.metric)}`;

export type PairReading = ComparedSizes['reading'];

const pairReading = ({ pruned, low, high, pHolm }: FrontierPair): PairReading => {
  if (low <= 0 && high >= 0) return 'cannot tell';
  const better = low > 0 === (pruned.result.metric !== 'perplexity') ? 'pruning' : 'quantising';
  return pHolm === null || pHolm < FAMILYWISE_LEVEL ? better : `${better} alone`;
};

export const pairReadingText = (reading: PairReading): string =>
  ({
    pruning: 'pruning is better',
    quantising: 'quantising is better',
    'pruning alone': 'pruning is better read alone, but not shown among all pairs',
    'quantising alone': 'quantising is better read alone, but not shown among all pairs',
    'cannot tell': 'cannot tell',
  })[reading];

/** "In 53 % of the bytes (844 kB): REAP at factor ×1.5 ...; difference +1.8 points [+0.6, +3.1]". */
export const pairSentence = (pair: FrontierPair): string => {
  const { quantised, pruned, difference, low, high, pHolm } = pair;
  const { model, task, metric, method, factor, seed } = pruned.result;
  const drawn = seed === null ? '' : `, seed ${seed}`;
  const size = (point: FrontierPoint): string => `${formatBytes(point.bytes)}, ${formatRoughPercent(point.share)}`;
  return (
    `${model} on ${task}, in ${formatRoughPercent(quantised.share)} of the bytes: ${methodTitle(method)} by ` +
    `${formatFactor(factor)}${drawn} (${size(pruned)}) ${against(pruned)}; ${methodTitle(quantised.result.method)} ` +
    `(${size(quantised)}) ${against(quantised)}; difference ${formatDifferenceInUnit(difference, metric)} ` +
    `${formatInterval({ low, high }, metric)}: ${pairReadingText(pairReading(pair))}` +
    `${pHolm === null ? '' : ` (all pairs together: ${formatP(pHolm)})`}.`
  );
};

/** How the pairs of a model at one type came out, for each kind of answers, all pairs of the sweep read together. */
export interface FrontierSummary {
  readonly model: string;
  readonly answers: AnswerKind;
  readonly weights: RoundedType;
  /** Bytes of the unpruned model at the type, of those at its stored weights. */
  readonly share: number;
  /** Pairs with a p-value; perplexity has none. */
  readonly pairs: number;
  readonly pruningBetter: number;
  readonly quantisingBetter: number;
  /** All p-values that Holm's procedure adjusted together. */
  readonly together: number;
}

/** By model and type, in the order of the pairs. */
export const frontierSummaries = (pairs: readonly FrontierPair[]): readonly FrontierSummary[] => {
  const tested = pairs.filter(({ pHolm }) => pHolm !== null);
  return groupBy(tested, ({ quantised: { result, weights } }) => [result.model, answersOf(result), weights]).flatMap(
    (group): FrontierSummary[] => {
      const { result, weights, share } = group[0].quantised;
      if (weights === null) return [];
      const shown = group.filter(({ pHolm }) => pHolm !== null && pHolm < FAMILYWISE_LEVEL);
      return [
        {
          model: result.model,
          answers: answersOf(result),
          weights,
          share,
          pairs: group.length,
          pruningBetter: shown.filter(({ difference }) => difference > 0).length,
          quantisingBetter: shown.filter(({ difference }) => difference < 0).length,
          together: tested.length,
        },
      ];
    },
  );
};

/** "uncurl-64, answers chosen, in 29 % of the bytes: of 36 comparisons of the whole model at q4_0 with ..." */
export const frontierSummarySentence = (summary: FrontierSummary): string => {
  const { model, answers, weights, share, pairs, pruningBetter, quantisingBetter, together } = summary;
  return (
    `${model}, answers ${answers}, in ${formatRoughPercent(share)} of the bytes: of ${pairs} ` +
    `${pairs === 1 ? 'comparison' : 'comparisons'} of the unpruned model at ${weights} with the mildest pruning ` +
    `that fits, quantising is better in ${quantisingBetter}, ` +
    `pruning in ${pruningBetter}, and ${pairs - quantisingBetter - pruningBetter} show no ` +
    `difference (${together} ${together === 1 ? 'p-value' : 'p-values together'}, Holm, 5 %).`
  );
};

/** In place of sentences where there is no pair. */
const NOTHING_FITS =
  'No pruned model fits into the bytes of an unpruned one at another type: measure larger factors, or more types.';

export interface FrontierWords {
  /**
   * First a sentence for each task where truncation was measured; then one for each model, kind of answers and type, or
   * that there is no pair.
   */
  readonly summary: readonly string[];
  /** A sentence for each pair. */
  readonly findings: readonly string[];
}

/** The points of a sweep and the pairs that are compared. */
export interface Frontier {
  readonly points: readonly FrontierPoint[];
  readonly pairs: readonly FrontierPair[];
}

/** All pairs of a sweep in words, or those of one of its models. */
export const frontierWords = ({ points, pairs }: Frontier, only?: string): FrontierWords => {
  const isWanted = (model: string): boolean => only === undefined || model === only;
  const wanted = pairs.filter(({ pruned }) => isWanted(pruned.result.model));
  const truncation = truncationNotes(points.map(({ result }) => result).filter(({ model }) => isWanted(model)));
  const summaries = frontierSummaries(pairs).filter(({ model }) => isWanted(model));
  return {
    summary: [...truncation, ...(wanted.length === 0 ? [NOTHING_FITS] : summaries.map(frontierSummarySentence))],
    findings: wanted.map(pairSentence),
  };
};

const sideOf = ({ result, bytes, share }: FrontierPoint): FrontierSide => {
  const { method, factor, seed, difference, low, high } = result;
  return { method, factor, seed, bytes, share, difference, low, high };
};

/** The pairs of a model: first those that all pairs read together tell apart, by the largest difference. */
export const comparedSizes = (pairs: readonly FrontierPair[], model: string): readonly ComparedSizes[] =>
  pairs
    .filter(({ pruned }) => pruned.result.model === model)
    .map((pair): ComparedSizes => {
      const { pruned, quantised, difference, low, high, pHolm } = pair;
      const { task, metric } = pruned.result;
      const sides = { pruned: sideOf(pruned), quantised: sideOf(quantised) };
      return { task, metric, ...sides, difference, low, high, reading: pairReading(pair), pHolm };
    })
    .sort(
      (left, right) =>
        Number(isApart(right)) - Number(isApart(left)) || Math.abs(right.difference) - Math.abs(left.difference),
    );

const isApart = ({ reading }: ComparedSizes): boolean => reading === 'pruning' || reading === 'quantising';

/** The points whose outcomes `frontierPairs` reads. */
export const comparedResults = (points: readonly FrontierPoint[]): readonly SweepResult[] => [
  ...new Map(
    fittingPairs(points)
      .flatMap(({ quantised, pruned }) => [quantised.result, pruned.result])
      .map((result) => [pointNameKey(result), result] as const),
  ).values(),
];
