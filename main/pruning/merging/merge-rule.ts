import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { at, refuse } from '../../contract/errors.ts';
import { dot, lengthOf } from '../../arithmetic/vectors.ts';
import { productOf, type Steps } from '../../arithmetic/steps.ts';
import type { MergeRule } from '../../contract/plan.ts';

/** One matrix of each member of a group, aligned. Members with share 0 have been left out. */
interface MergeInput {
  /** [rows, columns] each, row-major. */
  readonly matrices: readonly Float32Array[];
  readonly rows: number;
  /** One per matrix, summing to 1. */
  readonly shares: readonly number[];
  /** Index of the reference among `matrices`; -1 where it has no share. */
  readonly reference: number;
  /** The reference's own matrix. */
  readonly base: Float32Array;
}

/** sum of share_i W_i, in the order of the members. */
export const weightedSum = (
  matrices: readonly (Float32Array | Float64Array)[],
  shares: readonly number[],
): Float64Array => {
  const sum = new Float64Array(at(matrices, 0).length);
  matrices.forEach((matrix, member) => addScaled(sum, matrix, shares[member]!));
  return sum;
};

const addScaled = (to: Float64Array, matrix: Float32Array | Float64Array, factor: number): void => {
  for (let k = 0; k < to.length; k++) to[k]! += factor * matrix[k]!;
};

/** Differences of the other members from the reference, with their shares among themselves (summing to 1). */
const taskVectors = ({
  matrices,
  shares,
  reference,
  base,
}: MergeInput): { readonly vectors: readonly Float64Array[]; readonly shares: readonly number[] } => {
  const others = matrices.flatMap((matrix, member) =>
    member === reference ? [] : [{ matrix, share: shares[member]! }],
  );
  const total = others.reduce((sum, { share }) => sum + share, 0);
  return {
    vectors: others.map(({ matrix }) => Float64Array.from(matrix, (value, k) => value - base[k]!)),
    shares: others.map(({ share }) => share / total),
  };
};

/** For entry `k`, whether each vector's sign is that of the sum of all (a sum of 0 counts as positive). */
const agreesWithSum = (vectors: readonly Float64Array[], k: number): readonly boolean[] => {
  const majority = vectors.reduce((sum, vector) => sum + vector[k]!, 0) >= 0 ? 1 : -1;
  return vectors.map((vector) => Math.sign(vector[k]!) === majority);
};

/** Marks the indices of the `count` largest magnitudes; ties go to the lower index. */
const largestElements = (values: Float64Array, count: number): Uint8Array => {
  const order = Array.from(values.keys()).sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
  const chosen = new Uint8Array(values.length);
  for (const index of order.slice(0, count)) chosen[index] = 1;
  return chosen;
};

/**
 * TIES around the reference: the `density` largest entries of each member's difference from it are kept and weighted by
 * the shares; where their signs disagree, those against the sum are dropped; the rest is added to the reference.
 * Source: Yadav et al. 2023, arXiv 2306.01708. The REAP repository takes base - member and adds it, which moves the
 * result away from the members; here it moves towards them.
 */
const tiesMerge = (input: MergeInput, density: number): Float64Array => {
  const { vectors, shares } = taskVectors(input);
  const trimmed = vectors.map((vector, member) => {
    const kept = density < 1 ? largestElements(vector, Math.floor(vector.length * density)) : null;
    return vector.map((value, k) => (kept === null || kept[k] === 1 ? value * shares[member]! : 0));
  });
  return Float64Array.from(input.base, (value, k) => {
    const agreeing = agreesWithSum(trimmed, k);
    return trimmed.reduce((sum, vector, member) => (agreeing[member] === true ? sum + vector[k]! : sum), value);
  });
};

/** Below this sum the members' differences from the reference count as 0. */
const NEGLIGIBLE_SUM = 1e-6;

/**
 * SCE around the reference: of the members' differences from it, the entries whose variance over the members is among
 * the `density` largest are kept; each member is weighted by its mean squared difference; in each entry, members
 * against the sign of the sum are dropped. Shares are not used. Source: Wan et al. 2024, arXiv 2408.07990 (select,
 * calculate, erase).
 */
const sceMerge = (input: MergeInput, density: number): Float64Array => {
  const { vectors } = taskVectors(input);
  const kept = density < 1 ? varyingElements(vectors, density) : null;
  const selected = vectors.map((vector) => vector.map((value, k) => (kept === null || kept[k] === 1 ? value : 0)));
  const squares = selected.map((vector) => vector.reduce((sum, value) => sum + value * value, 0) / vector.length);
  const total = squares.reduce((sum, square) => sum + square, 0);
  const weights = squares.map((square) => (total < NEGLIGIBLE_SUM ? 1 / squares.length : square / total));
  return Float64Array.from(input.base, (value, k) => {
    let sum = 0;
    let weight = 0;
    agreesWithSum(selected, k).forEach((agrees, member) => {
      if (!agrees) return;
      sum += weights[member]! * selected[member]![k]!;
      weight += weights[member]!;
    });
    return value + sum / Math.max(weight, NEGLIGIBLE_SUM);
  });
};

/** The fraction `density` of the varying entries with the largest variance. With one vector none varies. */
const varyingElements = (vectors: readonly Float64Array[], density: number): Uint8Array => {
  const variances = Float64Array.from(vectors[0] ?? [], (_, k) => {
    const mean = vectors.reduce((sum, vector) => sum + vector[k]! / vectors.length, 0);
    return vectors.reduce((sum, vector) => sum + (vector[k]! - mean) ** 2 / vectors.length, 0);
  });
  return largestElements(variances, Math.floor(variances.filter((value) => value > 0).length * density));
};

/** Directions whose weighted mean is shorter than this cancel out. */
const CANCELLED = 1e-8;

/**
 * Barycentric interpolation on the sphere: the members' directions are averaged in the tangent space at their mean
 * direction and scaled to the mean length. `fromReference` does the same with the differences from the reference, which
 * is then added; a single difference is unchanged. Source: multi-SLERP of mergekit, as used by the
 * CerebrasResearch/reap repository.
 *
 * @throws WorkbenchError `directions-cancel` where more than two directions cancel out.
 */
const slerpMerge = (input: MergeInput, fromReference: boolean): Float64Array => {
  if (!fromReference)
    return interpolate(
      input.matrices.map((matrix) => Float64Array.from(matrix)),
      input.shares,
    );
  const { vectors, shares } = taskVectors(input);
  const difference = interpolate(vectors, shares);
  return Float64Array.from(input.base, (value, k) => value + difference[k]!);
};

const interpolate = (vectors: readonly Float64Array[], shares: readonly number[]): Float64Array => {
  const [only] = vectors;
  if (only === undefined) throw new RangeError('nothing to interpolate');
  if (vectors.length === 1) return only;
  const lengths = vectors.map(lengthOf);
  const units = vectors.map((vector, i) => vector.map((value) => (lengths[i]! > 0 ? value / lengths[i]! : 0)));
  const mean = weightedSum(units, shares);
  const meanLength = lengthOf(mean);
  if (meanLength < CANCELLED) {
    if (vectors.length === 2) return weightedSum(vectors, shares);
    throw refuse(
      'directions-cancel',
      'The directions of the experts of a group cancel out on average.',
      'Use the merge rule average.',
    );
  }
  const direction = mean.map((value) => value / meanLength);
  const tangents = units.map((unit) => {
    const along = dot(unit, direction);
    return unit.map((value, k) => value - along * direction[k]!);
  });
  const tangent = weightedSum(tangents, shares);
  const angle = lengthOf(tangent);
  const scale = lengths.reduce((sum, value, i) => sum + value * shares[i]!, 0);
  const sine = angle > 0 ? Math.sin(angle) / angle : 1;
  return direction.map((value, k) => scale * (value * Math.cos(angle) + tangent[k]! * sine));
};

const MAX_STEPS = 10;
/** Lengths and angles below this count as 0. */
const NEGLIGIBLE = 1e-5;

/**
 * Weighted Karcher mean of the members' directions on the unit sphere, times the weighted mean of their lengths. At
 * most ten steps. Source: Karcher 1977; steps and tolerance as in mergekit. The REAP repository scales the result by
 * weights that do not sum to 1, and leaves the dominant expert out where it is named as the base.
 */
const karcherMean = ({ matrices, shares }: MergeInput): Float64Array => {
  const lengths = matrices.map(lengthOf);
  const scale = lengths.reduce((sum, value, i) => sum + value * shares[i]!, 0);
  const usable = matrices.flatMap((matrix, i) =>
    lengths[i]! > NEGLIGIBLE
      ? [{ unit: Float64Array.from(matrix, (value) => value / lengths[i]!), share: shares[i]! }]
      : [],
  );
  const total = usable.reduce((sum, { share }) => sum + share, 0);
  const size = at(matrices, 0).length;
  if (usable.length === 0 || total === 0) return new Float64Array(size);

  let mean = new Float64Array(size);
  for (const { unit, share } of usable) addScaled(mean, unit, share / total);
  const start = lengthOf(mean);
  mean = start < NEGLIGIBLE ? usable[0]!.unit.slice() : mean.map((value) => value / start);
  for (let step = 0; step < MAX_STEPS; step++) {
    const tangent = new Float64Array(size);
    for (const { unit, share } of usable) {
      const cosine = Math.min(1, Math.max(-1, dot(mean, unit)));
      const angle = Math.acos(cosine);
      if (angle < NEGLIGIBLE) continue;
      const weight = (share / total) * (angle / Math.sin(angle));
      addScaled(tangent, unit, weight);
      addScaled(tangent, mean, -weight * cosine);
    }
    const turn = lengthOf(tangent);
    if (turn < NEGLIGIBLE) break;
    const [cosine, sine] = [Math.cos(turn), Math.sin(turn) / turn];
    mean = mean.map((value, k) => cosine * value + sine * tangent[k]!);
    const now = lengthOf(mean);
    mean = mean.map((value) => value / now);
  }
  return mean.map((value) => value * scale);
};

/**
 * Sub-MoE's merge truncated to `rank`: with [W_1 .. W_n] = U S [V_1 .. V_n]^T side by side, the result is U_r S_r (sum
 * share_i V_i,r)^T. As U_r S_r V_i,r^T = U_r U_r^T W_i, this is the weighted average projected onto the `rank` leading
 * left singular vectors, which are eigenvectors of sum W_i W_i^T; without truncation it is the average. Source:
 * Sub-MoE, arXiv 2506.23266, equations 5 to 8.
 */
export function* subspaceAverage({ rows, matrices, shares }: MergeInput, rank: number): Steps<Float64Array> {
  const average = weightedSum(matrices, shares);
  if (rank >= rows) return average;
  const columns = average.length / rows;
  const products = new Float64Array(rows * rows);
  for (const matrix of matrices) {
    const size = { rows, inner: columns, columns: rows };
    const across = transposed(matrix, rows, columns);
    const gram = yield* productOf({ a: across, isTransposed: true, b: across, ...size });
    for (let at = 0; at < products.length; at++) products[at]! += gram[at]!;
  }
  const basis = leadingVectors(products, rows, rank);
  const within = { rows: rank, inner: rows, columns };
  const coefficients = yield* productOf({ a: basis, isTransposed: true, b: average, ...within });
  return yield* productOf({ a: basis, isTransposed: false, b: coefficients, rows, inner: rank, columns });
}

/** [columns, rows] in float64. */
const transposed = (matrix: Float32Array, rows: number, columns: number): Float64Array => {
  const across = new Float64Array(matrix.length);
  for (let row = 0, from = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, from++) across[column * rows + row] = matrix[from]!;
  return across;
};

/** [rows, rank] eigenvectors of the largest eigenvalues of a symmetric matrix, by decreasing eigenvalue. */
const leadingVectors = (symmetric: Float64Array, rows: number, rank: number): Float64Array => {
  const matrix = new Matrix(
    Array.from({ length: rows }, (_, row) => Array.from(symmetric.subarray(row * rows, (row + 1) * rows))),
  );
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const leading = realEigenvalues
    .map((_, at) => at)
    .sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!)
    .slice(0, rank);
  return Float64Array.from(eigenvectorMatrix.subMatrixColumn(leading).to1DArray());
};

/** Merges several matrices into one by a rule, in float64. */
export function* mergeMatrices(rule: MergeRule, input: MergeInput): Steps<Float64Array> {
  switch (rule.name) {
    case 'average':
      return weightedSum(input.matrices, input.shares);
    case 'slerp':
      return slerpMerge(input, rule.fromReference);
    case 'karcher':
      return karcherMean(input);
    case 'sce':
      return sceMerge(input, rule.density);
    case 'ties':
      return tiesMerge(input, rule.density);
    case 'subspace':
      return yield* subspaceAverage(input, rule.rank);
  }
}
