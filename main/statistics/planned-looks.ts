/**
 * One-sided levels of looks at growing numbers of items (ascending), planned before the first: the level is spent in
 * proportion to the items, and each look tests at the part that it adds. The chance that any look rejects a true
 * hypothesis is then at most `alpha`, by the sum of the parts, however the looks depend on each other. Source: spending
 * of the level, Lan and DeMets 1983 (Biometrika 70), linear; without their joint distribution, and so conservative.
 *
 * @throws RangeError for numbers that are not positive and ascending.
 */
export const plannedLevels = (items: readonly number[], alpha: number): number[] => {
  const all = items.at(-1) ?? 0;
  return items.map((n, look) => {
    const before = items[look - 1] ?? 0;
    if (!(n > before)) throw new RangeError(`looks must be ascending numbers of items, not ${items.join(', ')}`);
    return (alpha * (n - before)) / all;
  });
};
