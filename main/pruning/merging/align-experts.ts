import type { ExpertShape, ExpertWeights } from './expert-weights.ts';
import { solveAssignment } from './hungarian.ts';

/**
 * Permutation of the member's neurons that brings it nearest to the reference: new neuron j is old neuron
 * `permutation[j]`. Time O(I^2 H + I^3), memory O(I^2).
 */
export const alignExpert = (member: ExpertWeights, reference: ExpertWeights, shape: ExpertShape): Int32Array => {
  const columns = solveAssignment(alignmentCost(member, reference, shape), shape.width, shape.width);
  const permutation = new Int32Array(shape.width);
  columns.forEach((target, neuron) => {
    permutation[target] = neuron;
  });
  return permutation;
};

/** The same function with permuted neurons: rows of gate and up, columns of down. */
export const permuteExpert = (
  expert: ExpertWeights,
  { hidden, width }: ExpertShape,
  permutation: Int32Array,
): ExpertWeights => {
  const gate = new Float32Array(expert.gate.length);
  const up = new Float32Array(expert.up.length);
  const down = new Float32Array(expert.down.length);
  permutation.forEach((from, to) => {
    gate.set(expert.gate.subarray(from * hidden, (from + 1) * hidden), to * hidden);
    up.set(expert.up.subarray(from * hidden, (from + 1) * hidden), to * hidden);
    for (let h = 0; h < hidden; h++) down[h * width + to] = expert.down[h * width + from]!;
  });
  return { gate, up, down };
};

/** Features per panel: two packed panels of 64 columns are small compared with the cost matrix. */
const FEATURES_PER_PANEL = 64;
const ROWS_PER_BLOCK = 4;
const COLUMNS_PER_BLOCK = 2;

/**
 * Squared distances between the neurons of two experts, float64 [I, I]: entry (i, j) is
 * ||gate_m[i] - gate_r[j]||^2 + ||up_m[i] - up_r[j]||^2 + ||down_m[:, i] - down_r[:, j]||^2, m the member, r the
 * reference. Computed as |a|^2 + |b|^2 - 2 a.b by a blocked product, so memory is I^2 + O(I) float64 whatever H is.
 * Source: weight matching, Ainsworth et al. 2023 (arXiv 2209.04836); published code casts the cost to float16, which
 * causes ties and overflows, so it stays in float64 here.
 */
export const alignmentCost = (
  member: ExpertWeights,
  reference: ExpertWeights,
  { hidden, width }: ExpertShape,
): Float64Array => {
  const rows = Math.ceil(width / ROWS_PER_BLOCK) * ROWS_PER_BLOCK;
  const columns = Math.ceil(width / COLUMNS_PER_BLOCK) * COLUMNS_PER_BLOCK;
  const products = new Float64Array(rows * columns);
  const memberPanel = new Float64Array(rows * FEATURES_PER_PANEL);
  const referencePanel = new Float64Array(columns * FEATURES_PER_PANEL);
  const memberNorms = new Float64Array(width);
  const referenceNorms = new Float64Array(width);
  for (const matrix of ['gate', 'up', 'down'] as const) {
    const layout = matrix === 'down' ? { neuron: 1, feature: width } : { neuron: hidden, feature: 1 };
    for (let first = 0; first < hidden; first += FEATURES_PER_PANEL) {
      const depth = Math.min(FEATURES_PER_PANEL, hidden - first);
      const source = { ...layout, width, first, depth };
      pack(member[matrix], source, ROWS_PER_BLOCK, memberPanel, memberNorms);
      pack(reference[matrix], source, COLUMNS_PER_BLOCK, referencePanel, referenceNorms);
      addProducts(products, memberPanel, referencePanel, rows, columns, depth);
    }
  }
  const cost = new Float64Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      const squared = memberNorms[i]! + referenceNorms[j]! - 2 * products[i * columns + j]!;
      cost[i * width + j] = Math.max(0, squared);
    }
  }
  return cost;
};

interface PanelSource {
  /** Distance in the matrix between neighbouring neurons, and between neighbouring features of one neuron. */
  readonly neuron: number;
  readonly feature: number;
  readonly width: number;
  readonly first: number;
  readonly depth: number;
}

/**
 * Copies `depth` features of every neuron into blocks [neurons / block, depth, block]; adds their squares to `norms`.
 */
const pack = (
  matrix: Float32Array,
  { neuron, feature, width, first, depth }: PanelSource,
  block: number,
  panel: Float64Array,
  norms: Float64Array,
): void => {
  for (let i = 0; i < width; i++) {
    const target = (i - (i % block)) * depth + (i % block);
    const from = i * neuron + first * feature;
    let squares = 0;
    for (let d = 0; d < depth; d++) {
      const value = matrix[from + d * feature]!;
      panel[target + d * block] = value;
      squares += value * value;
    }
    norms[i]! += squares;
  }
};

/** products += A B^T, A and B packed in blocks of 4 and 2 neurons: eight sums in registers share six loads. */
const addProducts = (
  products: Float64Array,
  a: Float64Array,
  b: Float64Array,
  rows: number,
  columns: number,
  depth: number,
): void => {
  for (let i = 0; i < rows; i += ROWS_PER_BLOCK) {
    for (let j = 0; j < columns; j += COLUMNS_PER_BLOCK) {
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      let s20 = 0;
      let s21 = 0;
      let s30 = 0;
      let s31 = 0;
      const end = (i + ROWS_PER_BLOCK) * depth;
      for (let p = i * depth, q = j * depth; p < end; p += ROWS_PER_BLOCK, q += COLUMNS_PER_BLOCK) {
        const b0 = b[q]!;
        const b1 = b[q + 1]!;
        const a0 = a[p]!;
        const a1 = a[p + 1]!;
        const a2 = a[p + 2]!;
        const a3 = a[p + 3]!;
        s00 += a0 * b0;
        s01 += a0 * b1;
        s10 += a1 * b0;
        s11 += a1 * b1;
        s20 += a2 * b0;
        s21 += a2 * b1;
        s30 += a3 * b0;
        s31 += a3 * b1;
      }
      let at = i * columns + j;
      products[at]! += s00;
      products[at + 1]! += s01;
      at += columns;
      products[at]! += s10;
      products[at + 1]! += s11;
      at += columns;
      products[at]! += s20;
      products[at + 1]! += s21;
      at += columns;
      products[at]! += s30;
      products[at + 1]! += s31;
    }
  }
};
