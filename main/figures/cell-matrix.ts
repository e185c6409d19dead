/** [L][E]; null for an expert without a value, because no token chose it. */
export type CellMatrix = readonly (readonly (number | null)[])[];

/** How a plan marks an expert's cell: not at all, as dropped, or as merged into another. */
export type Hatch = 'none' | 'dropped' | 'merged';

/** Largest value of several matrices, at least 0: the upper end of a colour scale that starts at 0. */
export const largestCell = (matrices: readonly CellMatrix[]): number => {
  let largest = 0;
  for (const matrix of matrices) {
    for (const row of matrix) for (const value of row) if (value !== null && value > largest) largest = value;
  }
  return largest;
};

/** left - right; null where one has no value. */
export const matrixDifference = (left: CellMatrix, right: CellMatrix): CellMatrix =>
  left.map((row, layer) =>
    row.map((value, expert) => {
      const other = right[layer]?.[expert] ?? null;
      return value === null || other === null ? null : value - other;
    }),
  );

/** Largest absolute value, at least 0: the ends of a scale of differences. */
export const largestDifference = (matrix: CellMatrix): number =>
  matrix.reduce(
    (largest, row) => row.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), largest),
    0,
  );
