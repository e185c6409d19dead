/**
 * The match that `group_select` names (-1: the last), and of a match with several groups the first that is not empty.
 * Null where there is none.
 */
export const selectMatch = (found: readonly (string | readonly string[])[], groupSelect: number): string | null => {
  const match = found.at(groupSelect);
  if (match === undefined || typeof match === 'string') return match ?? null;
  return match.find((group) => group !== '') ?? null;
};
