/** White space of Python's str methods; JavaScript's set differs (no U+001C to U+001F, but U+FEFF). */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const SPACE_CHARACTER = new RegExp(`^[${SPACE}]$`);
const SPACE_RUN = new RegExp(`[${SPACE}]+`);
const NO_SPACE = new RegExp(`[^${SPACE}]`);

/** Whether a text is empty or only white space. */
export const isBlank = (text: string): boolean => !NO_SPACE.test(text);

/** str.strip, lstrip or rstrip. `characters` is a set; null means white space. */
export const strip = (text: string, side: 'both' | 'left' | 'right', characters: string | null): string => {
  const set = characters === null ? null : new Set(characters);
  const goes = (character: string | undefined): boolean =>
    character !== undefined && (set === null ? SPACE_CHARACTER.test(character) : set.has(character));
  const points = Array.from(text);
  let start = 0;
  let end = points.length;
  if (side !== 'right') while (start < end && goes(points[start])) start++;
  if (side !== 'left') while (end > start && goes(points[end - 1])) end--;
  return points.slice(start, end).join('');
};

/** str.split(): splits at runs of white space and drops it at the ends. */
export const splitAtSpace = (text: string): string[] => text.split(SPACE_RUN).filter((part) => part !== '');

/** Compares texts like Python, by code point. UTF-16 order would put characters beyond U+FFFF before some others. */
export const compareTexts = (a: string, b: string): number => {
  const [x, y] = [Array.from(a), Array.from(b)];
  const differs = x.findIndex((character, index) => character !== y[index]);
  if (differs < 0) return x.length - y.length;
  return (x[differs]?.codePointAt(0) ?? 0) - (y[differs]?.codePointAt(0) ?? -1);
};
