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
  const total = experts.reduce((sum, { values }) => sum + values.reduce((squares, value) => squares + value * value, 0), 0);
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
export const remainder = ({ width, hidden, experts, residual }: RecoveryProblem, corrections: Corrections): Float64Array => {
  const rest = Float64Array.from(residual);
  experts.forEach((features, expert) => addProduct(rest, features, corrections[expert]!, width, hidden, -1));
  return rest;
};

/** to[token] += sign * features[row] * matrix, for each row of an expert's features. */
export const addProduct = (
  to: Float64Array,
  { tokens, values }: ExpertFeatures,
  matrix: Float64Array,
  width: number,
  hidden: number,
  sign: 1 | -1,
): void => {
  tokens.forEach((token, row) => {
    for (let i = 0; i < width; i++) {
      const value = sign * values[row * width + i]!;
      if (value === 0) continue;
      for (let h = 0, a = token * hidden, b = i * hidden; h < hidden; h++, a++, b++) to[a]! += value * matrix[b]!;
    }
  });
};

/** [I, d] sums of features transposed times the rows of `rest` that they belong to. */
export const projectedOn = ({ tokens, values }: ExpertFeatures, rest: ArrayLike<number>, width: number, hidden: number): Float64Array => {
  const product = new Float64Array(width * hidden);
  tokens.forEach((token, row) => {
    for (let i = 0; i < width; i++) {
      const value = values[row * width + i]!;
      if (value === 0) continue;
      for (let h = 0, a = i * hidden, b = token * hidden; h < hidden; h++, a++, b++) product[a]! += value * rest[b]!;
    }
  });
  return product;
};

/** [I, I] products of one expert's features with another's on the tokens that chose both. */
export const productsOf = (a: ExpertFeatures, b: ExpertFeatures, width: number): Float64Array => {
  const products = new Float64Array(width * width);
  let row = 0;
  a.tokens.forEach((token, at) => {
    while (row < b.tokens.length && b.tokens[row]! < token) row++;
    if (row === b.tokens.length || b.tokens[row] !== token) return;
    for (let i = 0; i < width; i++) {
      const value = a.values[at * width + i]!;
      if (value === 0) continue;
      for (let j = 0, to = i * width, from = row * width; j < width; j++, to++, from++) products[to]! += value * b.values[from]!;
    }
  });
  return products;
};

export const sumOfSquares = (values: Float32Array | Float64Array): number => {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum;
};
