/**
 * Features of one kept expert: for the tokens that chose it, its gate times its hidden activation
 * g_e (act(w1 x) * w3 x). On all other tokens they are 0.
 */
export interface ExpertFeatures {
  /** Places of those tokens among all N, rising. */
  readonly tokens: Int32Array;
  /** [tokens, I]. */
  readonly values: Float32Array;
}

/** Refit of the down projections of one layer: what is missing from the block's output, as a sum over experts. */
export interface RecoveryProblem {
  /** I, width of an expert. */
  readonly width: number;
  /** d, hidden size. */
  readonly hidden: number;
  readonly experts: readonly ExpertFeatures[];
  /** [N, d]: the unpruned block's output less the pruned one's. */
  readonly residual: Float32Array;
  /** Item of each of the N tokens: folds of the cross-validation are made of whole items. */
  readonly items: Int32Array;
}

/** Corrections of the down projections, [I, d] per expert: their transposes are added to w2. */
export type Corrections = readonly Float64Array[];

/** Mean over all n * I features of their squared length: what lambda multiplies. Experts without tokens count as 0. */
export const meanDiagonal = ({ experts, width }: Pick<RecoveryProblem, 'experts' | 'width'>): number => {
  const total = experts.reduce(
    (sum, { values }) => sum + values.reduce((squares, value) => squares + value * value, 0),
    0,
  );
  return experts.length === 0 ? 0 : total / (experts.length * width);
};

/** The part of a problem whose tokens `keeps` says yes to; places are counted anew. */
export const restrictProblem = (problem: RecoveryProblem, keeps: (token: number) => boolean): RecoveryProblem => {
  const { width, hidden, experts, residual, items } = problem;
  const place = new Int32Array(items.length).fill(-1);
  let count = 0;
  for (let token = 0; token < items.length; token++) if (keeps(token)) place[token] = count++;
  const part = new Float32Array(count * hidden);
  const own = new Int32Array(count);
  place.forEach((to, token) => {
    if (to === -1) return;
    part.set(residual.subarray(token * hidden, (token + 1) * hidden), to * hidden);
    own[to] = items[token]!;
  });
  return {
    width,
    hidden,
    residual: part,
    items: own,
    experts: experts.map(({ tokens, values }) => {
      const rows = [...tokens.keys()].filter((row) => place[tokens[row]!] !== -1);
      const kept = new Float32Array(rows.length * width);
      rows.forEach((row, at) => kept.set(values.subarray(row * width, (row + 1) * width), at * width));
      return { tokens: Int32Array.from(rows, (row) => place[tokens[row]!]!), values: kept };
    }),
  };
};

/** residual - sum over experts of features * corrections, float64 [N, d]. */
export const remainder = (
  { width, hidden, experts, residual }: RecoveryProblem,
  corrections: Corrections,
): Float64Array => {
  const rest = Float64Array.from(residual);
  experts.forEach((features, expert) => addProduct(rest, features, corrections[expert]!, width, hidden, -1));
  return rest;
};

/**
 * to[token] += sign * features[row] * matrix, for each row of an expert's features. Four rows of the matrix at a time:
 * a number of `to` is loaded and stored once for them.
 */
export const addProduct = (
  to: Float64Array,
  { tokens, values }: ExpertFeatures,
  matrix: Float64Array | Float32Array,
  width: number,
  hidden: number,
  sign: 1 | -1,
): void => {
  const whole = width - (width % AT_ONCE);
  for (let row = 0; row < tokens.length; row++) {
    const start = tokens[row]! * hidden;
    const end = start + hidden;
    const from = row * width;
    for (let i = 0; i < whole; i += AT_ONCE) {
      const v0 = sign * values[from + i]!;
      const v1 = sign * values[from + i + 1]!;
      const v2 = sign * values[from + i + 2]!;
      const v3 = sign * values[from + i + 3]!;
      for (let a = start, b = i * hidden; a < end; a++, b++) {
        to[a]! +=
          v0 * matrix[b]! + v1 * matrix[b + hidden]! + v2 * matrix[b + 2 * hidden]! + v3 * matrix[b + 3 * hidden]!;
      }
    }
    for (let i = whole; i < width; i++) {
      const value = sign * values[from + i]!;
      for (let a = start, b = i * hidden; a < end; a++, b++) to[a]! += value * matrix[b]!;
    }
  }
};

/** [I, d] sums of features transposed times the rows of `rest` that they belong to, four tokens at a time. */
export const projectedOn = (
  { tokens, values }: ExpertFeatures,
  rest: Float32Array | Float64Array,
  width: number,
  hidden: number,
): Float64Array => {
  const product = new Float64Array(width * hidden);
  const rows = tokens.length;
  const whole = rows - (rows % AT_ONCE);
  for (let row = 0; row < whole; row += AT_ONCE) {
    const r0 = tokens[row]! * hidden;
    const r1 = tokens[row + 1]! * hidden;
    const r2 = tokens[row + 2]! * hidden;
    const r3 = tokens[row + 3]! * hidden;
    for (let i = 0; i < width; i++) {
      const at = row * width + i;
      const v0 = values[at]!;
      const v1 = values[at + width]!;
      const v2 = values[at + 2 * width]!;
      const v3 = values[at + 3 * width]!;
      for (let h = 0, a = i * hidden; h < hidden; h++, a++) {
        product[a]! += v0 * rest[r0 + h]! + v1 * rest[r1 + h]! + v2 * rest[r2 + h]! + v3 * rest[r3 + h]!;
      }
    }
  }
  for (let row = whole; row < rows; row++) {
    const from = tokens[row]! * hidden;
    for (let i = 0; i < width; i++) {
      const value = values[row * width + i]!;
      for (let h = 0, a = i * hidden; h < hidden; h++, a++) product[a]! += value * rest[from + h]!;
    }
  }
  return product;
};

/** Rows or tokens that an inner loop takes at a time. */
const AT_ONCE = 4;

/** [I, I] products of one expert's features with another's on the tokens that chose both. */
export const productsOf = (a: ExpertFeatures, b: ExpertFeatures, width: number): Float64Array => {
  if (a === b)
    return projectedOn({ tokens: Int32Array.from(a.tokens.keys()), values: a.values }, a.values, width, width);
  const places = new Map<number, number>();
  b.tokens.forEach((token, row) => places.set(token, row));
  const shared = [...a.tokens.keys()].filter((row) => places.has(a.tokens[row]!));
  const values = new Float32Array(shared.length * width);
  shared.forEach((row, at) => values.set(a.values.subarray(row * width, (row + 1) * width), at * width));
  const rows = Int32Array.from(shared, (row) => places.get(a.tokens[row]!)!);
  return projectedOn({ tokens: rows, values }, b.values, width, width);
};

export const sumOfSquares = (values: Float32Array | Float64Array): number => {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
};
