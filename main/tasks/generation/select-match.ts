/**
 * The match at index `group_select` (-1: the last); in a match with several groups, the first that is not empty. Null
 * if there is none.
 */
export const selectMatch = (found: readonly (string | readonly string[])[], groupSelect: number): string | null => {
  const match = found.at(groupSelect);
  if (match === undefined || typeof match === 'string') return match ?? null;
  return match.find((group) => group !== '') ?? null;
};
