import { dot, lengthOf, softmax } from '../../arithmetic/vectors.ts';

export const distanceNames = ['euclidean', 'cosine', 'angular', 'centred-cosine', 'jensen-shannon'] as const;
export type DistanceName = (typeof distanceNames)[number];

/**
 * Distance of every pair of rows of an [n, width] matrix, float64 [n, n], symmetric with a zero diagonal:
 * - `euclidean`: length of the difference;
 * - `cosine`: 1 - cosine; `angular`: arccos of the cosine over pi;
 * - `centred-cosine`: 1 - cosine of the rows minus their own means (called CKA in the REAP repository);
 * - `jensen-shannon`: Jensen-Shannon divergence of softmax(row), in nats. A row without length has cosine 0 with the
 * others.
 */
export const pairwiseDistances = (name: DistanceName, rows: Float64Array, n: number): Float64Array => {
  const width = n === 0 ? 0 : rows.length / n;
  const list = Array.from({ length: n }, (_, index) => rows.subarray(index * width, (index + 1) * width));
  switch (name) {
    case 'euclidean':
      return betweenPairs(list, distance);
    case 'cosine':
      return betweenPairs(list, (a, b) => 1 - cosine(a, b));
    case 'angular':
      return betweenPairs(list, (a, b) => Math.acos(cosine(a, b)) / Math.PI);
    case 'centred-cosine':
      return betweenPairs(list.map(centre), (a, b) => 1 - cosine(a, b));
    case 'jensen-shannon':
      return betweenPairs(list.map(softmax), jensenShannon);
  }
};

const betweenPairs = (
  rows: readonly Float64Array[],
  measure: (a: Float64Array, b: Float64Array) => number,
): Float64Array => {
  const n = rows.length;
  const distances = new Float64Array(n * n);
  rows.forEach((a, i) => {
    for (let j = i + 1; j < n; j++) distances[i * n + j] = distances[j * n + i] = measure(a, rows[j]!);
  });
  return distances;
};

const distance = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return Math.sqrt(sum);
};

const cosine = (a: Float64Array, b: Float64Array): number => {
  const scale = lengthOf(a) * lengthOf(b);
  return scale > 0 ? Math.min(1, Math.max(-1, dot(a, b) / scale)) : 0;
};

const centre = (row: Float64Array): Float64Array => {
  const mean = row.reduce((sum, value) => sum + value / row.length, 0);
  return row.map((value) => value - mean);
};

/** Mean of the divergences of p and q from their mean; 0 log 0 is 0. */
const jensenShannon = (p: Float64Array, q: Float64Array): number => {
  let sum = 0;
  for (let k = 0; k < p.length; k++) {
    const middle = (p[k]! + q[k]!) / 2;
    if (p[k]! > 0) sum += p[k]! * Math.log(p[k]! / middle);
    if (q[k]! > 0) sum += q[k]! * Math.log(q[k]! / middle);
  }
  return Math.max(0, sum / 2);
};
