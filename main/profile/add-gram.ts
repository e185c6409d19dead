/**
 * gram += rows rows^T over the first `count` entries of each row, both triangles, float64.
 * `rows` is [n, stride], `gram` [n, n]. Works on 2 x 2 blocks of the upper triangle: four sums in registers share four
 * loads, about three times the speed of one dot product at a time.
 */
export const addGram = (gram: Float64Array, rows: Float64Array, n: number, stride: number, count: number): void => {
  const even = n - (n % 2);
  for (let i = 0; i < even; i += 2) {
    for (let j = i; j < even; j += 2) {
      let s00 = 0;
      let s01 = 0;
      let s10 = 0;
      let s11 = 0;
      let a = i * stride;
      let b = j * stride;
      for (let t = 0; t < count; t++, a++, b++) {
        const a0 = rows[a]!;
        const a1 = rows[a + stride]!;
        const b0 = rows[b]!;
        const b1 = rows[b + stride]!;
        s00 += a0 * b0;
        s01 += a0 * b1;
        s10 += a1 * b0;
        s11 += a1 * b1;
      }
      add(gram, n, i, j, s00);
      add(gram, n, i, j + 1, s01);
      // On the diagonal block (i, i + 1) was just added in both triangles.
      if (i !== j) add(gram, n, i + 1, j, s10);
      add(gram, n, i + 1, j + 1, s11);
    }
  }
  if (even === n) return;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let t = 0; t < count; t++) sum += rows[i * stride + t]! * rows[even * stride + t]!;
    add(gram, n, i, even, sum);
  }
};

const add = (gram: Float64Array, n: number, i: number, j: number, value: number): void => {
  gram[i * n + j]! += value;
  if (i !== j) gram[j * n + i]! += value;
};
