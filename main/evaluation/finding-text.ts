/** "a", "a and b", "a, b and c". */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;

/** "1 task", "9 tasks". */
export const counted = (count: number, one: string, several = `${one}s`): string => `${count} ${count === 1 ? one : several}`;

/** "p = 0.016", "p < 0.001": two significant digits. */
export const printedP = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${Number(p.toPrecision(2))}`);

/** At most two decimals: 16 / 13 -> "1.23". */
export const printedFactor = (factor: number): string => String(Math.round(factor * 100) / 100);

/** "E = 8", "E = 8 to 64". */
export const printedSizes = (sizes: readonly number[]): string =>
  sizes.length === 1 ? `E = ${sizes[0]}` : `E = ${Math.min(...sizes)} to ${Math.max(...sizes)}`;

/** A share in percentage points with sign and one decimal, a true minus: "-24.3 points". */
export const printedPoints = (share: number): string => {
  const points = Math.round(Math.abs(share) * 1000) / 10;
  return `${share < 0 && points > 0 ? '\u2212' : share > 0 && points > 0 ? '+' : ''}${points} points`;
};

/** Two-sided level of tests, and of intervals that leave out 0: below it a difference is read as more than chance. */
export const LEVEL = 0.05;

/** "rises by a (7) and b (5), falls by c (3)": one clause per predicate, in the order in which they first appear. */
export const clauses = (parts: readonly { readonly predicate: string; readonly subject: string }[]): string =>
  listed(
    [...new Set(parts.map(({ predicate }) => predicate))].map(
      (predicate) => `${predicate} by ${listed(parts.filter((part) => part.predicate === predicate).map(({ subject }) => subject))}`,
    ),
  );
