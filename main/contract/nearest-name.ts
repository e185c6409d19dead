/** Edits (insert, remove or replace a character, swap two neighbours) that turn one word into the other. */
export const editDistance = (from: string, to: string): number => {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= from.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column += 1) {
      const replace = at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swap = isSwap ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[row]?.push(Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, replace, swap));
    }
  }
  return at(from.length, to.length);
};

/**
 * The name that was probably meant: at most a third of its letters differ, or it begins with the typed text. Of names
 * that are equally near, one with the same first letter.
 */
export const nearestName = (typed: string, names: readonly string[]): string | null => {
  const ranked = names
    .map((name) => ({ name, distance: editDistance(typed, name), beginsAlike: name.startsWith(typed.charAt(0)) }))
    .sort(
      (a, b) => a.distance - b.distance || Number(b.beginsAlike) - Number(a.beginsAlike) || (a.name < b.name ? -1 : 1),
    );
  const [best] = ranked;
  if (best !== undefined && best.distance <= Math.max(1, Math.floor(best.name.length / 3))) return best.name;
  return names.find((name) => typed.length >= 2 && name.startsWith(typed)) ?? null;
};

/** `Did you mean "x"?`, or all names where none is near. */
export const suggestion = (typed: string, names: readonly string[]): string => {
  const near = nearestName(typed, names);
  return near === null ? `Known names: ${names.join(', ')}.` : `Did you mean "${near}"?`;
};
