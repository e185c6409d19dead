import type { SizePair } from '../../../main/contract/size-trend.ts';
import type { MetricName } from '../../../main/contract/task.ts';

/** A method's dot in a row: one comparison with its interval, or mean and range of several draws and trainings. */
export interface PairDot {
  readonly method: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly pairs: readonly SizePair[];
  /** To the large model's threshold: past it where any comparison behind the dot is. */
  readonly standing: 'past' | 'within' | 'unknown';
}

/** A size pruned to a smaller one, against that smaller one from scratch. */
export interface PairRow {
  readonly largeExperts: number;
  readonly experts: number;
  readonly dots: readonly PairDot[];
}

export interface TaskPairs {
  readonly task: string;
  readonly metric: MetricName;
  readonly n: number;
  readonly rows: readonly PairRow[];
}

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];
const ascending = (left: number, right: number): number => left - right;

const standing = (pairs: readonly SizePair[]): PairDot['standing'] => {
  if (pairs.some(({ pastThreshold }) => pastThreshold === true)) return 'past';
  return pairs.every(({ pastThreshold }) => pastThreshold === false) ? 'within' : 'unknown';
};

const dotOf = (method: string, pairs: readonly SizePair[]): PairDot => {
  const differences = pairs.map(({ difference }) => difference);
  const single = pairs.length === 1;
  return {
    method,
    difference: differences.reduce((sum, value) => sum + value, 0) / differences.length,
    low: Math.min(...(single ? pairs.map(({ low }) => low) : differences)),
    high: Math.max(...(single ? pairs.map(({ high }) => high) : differences)),
    pairs,
    standing: standing(pairs),
  };
};

/**
 * Comparisons gathered for drawing: a small multiple per task, a row per pair of sizes (by E', then E), a dot per
 * method.
 */
export const taskPairs = (pairs: readonly SizePair[], tasks: readonly string[]): readonly TaskPairs[] =>
  tasks.flatMap((task): readonly TaskPairs[] => {
    const own = pairs.filter((pair) => pair.task === task);
    const [first] = own;
    if (first === undefined) return [];
    const rows = distinct(own.map(({ experts }) => experts))
      .toSorted(ascending)
      .flatMap((experts) => {
        const toThis = own.filter((pair) => pair.experts === experts);
        return distinct(toThis.map(({ largeExperts }) => largeExperts))
          .toSorted(ascending)
          .map((largeExperts): PairRow => {
            const ofRow = toThis.filter((pair) => pair.largeExperts === largeExperts);
            const methods = distinct(ofRow.map(({ method }) => method));
            return {
              largeExperts,
              experts,
              dots: methods.map((method) =>
                dotOf(
                  method,
                  ofRow.filter((pair) => pair.method === method),
                ),
              ),
            };
          });
      });
    return [{ task, metric: first.metric, n: Math.min(...own.map(({ n }) => n)), rows }];
  });

/**
 * From the lowest to the highest end of any whisker, 0 among them; accuracies share one axis, each perplexity has its
 * own.
 */
export const differenceDomain = (shown: TaskPairs, all: readonly TaskPairs[]): readonly [number, number] => {
  const sharing = shown.metric === 'perplexity' ? [shown] : all.filter(({ metric }) => metric !== 'perplexity');
  const ends = sharing.flatMap(({ rows }) =>
    rows.flatMap(({ dots }) => dots.flatMap(({ low, high, difference }) => [low, high, difference])),
  );
  return [Math.min(0, ...ends), Math.max(0, ...ends)];
};

/**
 * Round numbers (1, 2 or 5 times a power of ten apart) within [low, high]: at most `most` of them, 0 among them where
 * it lies within.
 */
export const roundTicks = (low: number, high: number, most: number): readonly number[] => {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step =
    [1, 2, 5, 10, 20]
      .map((times) => times * power)
      .find((size) => Math.floor(high / size) - Math.ceil(low / size) < most) ?? span;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
};
