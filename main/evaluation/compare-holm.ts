/**
 * Holm's step-down adjustment (Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal
 * of Statistics 6): the i-th smallest of m p-values times (m - i + 1), made monotone, at most 1. In the order given;
 * null (no p-value) stays null and does not count.
 */
export const holmAdjusted = (ps: readonly (number | null)[]): (number | null)[] => {
  const ascending = ps.flatMap((p, place) => (p === null ? [] : [{ p, place }])).sort((left, right) => left.p - right.p);
  const adjusted: (number | null)[] = ps.map(() => null);
  let largest = 0;
  ascending.forEach(({ p, place }, index) => {
    largest = Math.max(largest, Math.min(1, p * (ascending.length - index)));
    adjusted[place] = largest;
  });
  return adjusted;
};
