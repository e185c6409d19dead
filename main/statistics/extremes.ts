/**
 * Largest and smallest of any number of values. `Math.max(...values)` puts every value on the stack and fails at about
 * a hundred thousand, which a file may contain; for the same reason no array is spread into arguments.
 */

/** Largest value; -Infinity of none, NaN where one is NaN. */
export const maxOf = (values: Iterable<number>): number => {
  let largest = -Infinity;
  for (const value of values) largest = Math.max(largest, value);
  return largest;
};

/** Smallest value; Infinity of none, NaN where one is NaN. */
export const minOf = (values: Iterable<number>): number => {
  let smallest = Infinity;
  for (const value of values) smallest = Math.min(smallest, value);
  return smallest;
};
