import { productOf, type Steps } from '../../arithmetic/steps.ts';

/**
 * Features of one kept expert: for the tokens that chose it, its gate times its hidden activation g_e (act(w1 x) * w3
 * x). On all other tokens they are 0.
 */
export interface ExpertFeatures {
  /** Indices of those tokens among all N, ascending. */
  readonly tokens: Int32Array;
  /** [tokens, I]. */
  readonly values: Float32Array;
}

/** Refit of the down projections of one layer: the error of the block's output, as a sum over experts. */
export interface RecoveryProblem {
  /** I, width of an expert. */
  readonly width: number;
  /** d, hidden size. */
  readonly hidden: number;
  readonly experts: readonly ExpertFeatures[];
  /** [N, d]: the unpruned block's output minus the pruned one's. */
  readonly residual: Float32Array;
  /** Item of each of the N tokens: cross-validation folds consist of whole items. */
  readonly items: Int32Array;
}

/** Corrections of the down projections, [I, d] per expert: their transposes are added to w2. */
export type Corrections = readonly Float64Array[];

/** Mean over all n * I features of their squared length, the unit of lambda. Experts without tokens count as 0. */
export const meanDiagonal = ({ experts, width }: Pick<RecoveryProblem, 'experts' | 'width'>): number => {
  const total = experts.reduce(
    (sum, { values }) => sum + values.reduce((squares, value) => squares + value * value, 0),
    0,
  );
  return experts.length === 0 ? 0 : total / (experts.length * width);
};

/** The part of a problem with the tokens selected by `keeps`, reindexed. */
export const restrictProblem = (problem: RecoveryProblem, keeps: (token: number) => boolean): RecoveryProblem => {
  const { width, hidden, experts, residual, items } = problem;
  const newIndex = new Int32Array(items.length).fill(-1);
  let count = 0;
  for (let token = 0; token < items.length; token++) if (keeps(token)) newIndex[token] = count++;
  const part = new Float32Array(count * hidden);
  const counts = new Int32Array(count);
  newIndex.forEach((to, token) => {
    if (to === -1) return;
    part.set(residual.subarray(token * hidden, (token + 1) * hidden), to * hidden);
    counts[to] = items[token]!;
  });
  return {
    width,
    hidden,
    residual: part,
    items: counts,
    experts: experts.map(({ tokens, values }) => {
      const rows = [...tokens.keys()].filter((row) => newIndex[tokens[row]!] !== -1);
      const kept = new Float32Array(rows.length * width);
      rows.forEach((row, at) => kept.set(values.subarray(row * width, (row + 1) * width), at * width));
      return { tokens: Int32Array.from(rows, (row) => newIndex[tokens[row]!]!), values: kept };
    }),
  };
};

/** residual - sum over experts of features * corrections, float64 [N, d]. */
export function* remainder(
  { width, hidden, experts, residual }: RecoveryProblem,
  corrections: Corrections,
): Steps<Float64Array> {
  const rest = Float64Array.from(residual);
  for (const [expert, features] of experts.entries())
    yield* addProduct(rest, features, corrections[expert]!, width, hidden, -1);
  return rest;
}

/** Largest matrix of a product, in numbers, so that the float64 copies of features take 16 MB at a time. */
const MOST_NUMBERS = 2 ** 21;

/** A range of an expert's rows: their tokens, and their features in float64. */
interface FeatureRows {
  readonly tokens: Int32Array;
  /** [tokens, I]. */
  readonly values: Float64Array;
}

function* featureRows({ tokens, values }: ExpertFeatures, width: number, hidden: number): Generator<FeatureRows> {
  const most = Math.max(1, Math.floor(MOST_NUMBERS / Math.max(width, hidden)));
  for (let first = 0; first < tokens.length; first += most) {
    const end = Math.min(first + most, tokens.length);
    yield {
      tokens: tokens.subarray(first, end),
      values: new Float64Array(values.subarray(first * width, end * width)),
    };
  }
}

/** to[token] += sign * features[row] * matrix, for each row of an expert's features. `matrix` is [I, d]. */
export function* addProduct(
  to: Float64Array,
  features: ExpertFeatures,
  matrix: Float64Array,
  width: number,
  hidden: number,
  sign: 1 | -1,
): Steps<void> {
  for (const { tokens, values } of featureRows(features, width, hidden)) {
    const size = { rows: tokens.length, inner: width, columns: hidden };
    const product = yield* productOf({ a: values, isTransposed: false, b: matrix, ...size });
    for (let row = 0, from = 0; row < tokens.length; row++) {
      const start = tokens[row]! * hidden;
      for (let at = start; at < start + hidden; at++, from++) to[at]! += sign * product[from]!;
    }
  }
}

/** [I, d] sums of features transposed times the rows of `rest` that they belong to. */
export function* projectedOn(
  features: ExpertFeatures,
  rest: Float32Array | Float64Array,
  width: number,
  hidden: number,
): Steps<Float64Array> {
  const sum = new Float64Array(width * hidden);
  for (const { tokens, values } of featureRows(features, width, hidden)) {
    const rows = new Float64Array(tokens.length * hidden);
    for (let row = 0; row < tokens.length; row++) {
      const from = tokens[row]! * hidden;
      rows.set(rest.subarray(from, from + hidden), row * hidden);
    }
    const size = { rows: width, inner: tokens.length, columns: hidden };
    const product = yield* productOf({ a: values, isTransposed: true, b: rows, ...size });
    for (let at = 0; at < sum.length; at++) sum[at]! += product[at]!;
  }
  return sum;
}

/** [I, I] products of one expert's features with another's on the tokens that chose both. */
export function* productsOf(a: ExpertFeatures, b: ExpertFeatures, width: number): Steps<Float64Array> {
  if (a === b) {
    const tokens = Int32Array.from(a.tokens.keys());
    return yield* projectedOn({ tokens, values: a.values }, a.values, width, width);
  }
  const rowOf = new Map<number, number>();
  b.tokens.forEach((token, row) => rowOf.set(token, row));
  const shared = [...a.tokens.keys()].filter((row) => rowOf.has(a.tokens[row]!));
  const values = new Float32Array(shared.length * width);
  shared.forEach((row, at) => values.set(a.values.subarray(row * width, (row + 1) * width), at * width));
  const rows = Int32Array.from(shared, (row) => rowOf.get(a.tokens[row]!)!);
  return yield* projectedOn({ tokens: rows, values }, b.values, width, width);
}

export const sumOfSquares = (values: Float32Array | Float64Array): number => {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
};
