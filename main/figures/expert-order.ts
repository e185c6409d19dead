import type { CellMatrix } from './cell-matrix.ts';

/** The expert at each position of its layer, [L][position]; every layer has its own order. */
export type ExpertOrder = readonly (readonly number[])[];

/** Experts of a layer by falling value; ties go to the lower expert, those without a value come last. */
export const byFallingValue = (row: readonly (number | null)[]): readonly number[] =>
  row
    .map((value, expert) => ({ value: value ?? -Infinity, expert }))
    .sort((left, right) => (left.value === right.value ? left.expert - right.expert : right.value - left.value))
    .map(({ expert }) => expert);

/** The order of every layer by falling value. */
export const orderByValue = (matrix: CellMatrix): ExpertOrder => matrix.map(byFallingValue);

/** Cells in an order; null: by the experts' numbers. */
export const inOrder = <T>(cells: readonly (readonly T[])[], order: ExpertOrder | null): readonly (readonly T[])[] =>
  order === null
    ? cells
    : cells.map((row, layer) =>
        (order[layer] ?? []).flatMap((expert) => {
          const cell = row[expert];
          return cell === undefined ? [] : [cell];
        }),
      );

/** Whether an order names every expert of every layer once. */
export const isOrderOf = (order: ExpertOrder, layers: number, experts: number): boolean =>
  order.length === layers &&
  order.every((row) => row.length === experts && new Set(row).size === experts && row.every((e) => e < experts));
