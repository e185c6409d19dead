/** The member `step` places after `current`, round the ends; the first where `current` is not in the list. */
export const neighbour = <T>(list: readonly T[], current: T | null, step: number): T | null => {
  if (list.length === 0) return null;
  const position = list.findIndex((member) => member === current);
  return list[position < 0 ? 0 : (position + step + list.length) % list.length] ?? null;
};
