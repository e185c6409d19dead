/** White space as Python's str methods take it; JavaScript's set differs (no U+001C to U+001F, but U+FEFF). */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const SPACE_CHARACTER = new RegExp(`^[${SPACE}]$`);
const SPACE_RUN = new RegExp(`[${SPACE}]+`);
const NO_SPACE = new RegExp(`[^${SPACE}]`);

const isPythonSpace = (character: string): boolean => SPACE_CHARACTER.test(character);

/** Whether a text is empty or white space only. */
export const isBlank = (text: string): boolean => !NO_SPACE.test(text);

/** str.strip, lstrip or rstrip: `characters` is a set, white space where it is null. */
export const strip = (text: string, side: 'both' | 'left' | 'right', characters: string | null): string => {
  const set = characters === null ? null : new Set(characters);
  const goes = (character: string | undefined): boolean =>
    character !== undefined && (set === null ? isPythonSpace(character) : set.has(character));
  const points = Array.from(text);
  let start = 0;
  let end = points.length;
  if (side !== 'right') while (start < end && goes(points[start])) start++;
  if (side !== 'left') while (end > start && goes(points[end - 1])) end--;
  return points.slice(start, end).join('');
};

/** str.split(): at runs of white space, none left at the ends. */
export const splitAtSpace = (text: string): string[] => text.split(SPACE_RUN).filter((part) => part !== '');

/** str.capitalize(): the first character in upper case, the others in lower. */
export const capitalize = (text: string): string => {
  const [first, ...rest] = Array.from(text);
  if (first === undefined) return '';
  // Where upper case is two letters (German sharp s), title case has only the first of them large.
  const [large = '', ...small] = Array.from(first.toUpperCase());
  return large + (small.join('') + rest.join('')).toLowerCase();
};

/** Python's order of texts, by code point; UTF-16 units would put characters beyond U+FFFF before some others. */
export const compareTexts = (a: string, b: string): number => {
  const [x, y] = [Array.from(a), Array.from(b)];
  const differs = x.findIndex((character, index) => character !== y[index]);
  if (differs < 0) return x.length - y.length;
  return (x[differs]?.codePointAt(0) ?? 0) - (y[differs]?.codePointAt(0) ?? -1);
};

/** str.isdigit() for decimal digits of any script; other digits (superscripts) do not occur as indices. */
export const isDigits = (text: string): boolean => /^\p{Nd}+$/u.test(text);

/** Indices that `[start:stop:step]` takes of a sequence of `length`, in order (Python Language Reference, 3.2, sequences). */
export const sliceIndices = (length: number, start: number | null, stop: number | null, step: number): number[] => {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? length : length - 1;
  const place = (index: number | null, otherwise: number): number =>
    index === null ? otherwise : Math.min(high, Math.max(low, index < 0 ? index + length : index));
  const from = place(start, step > 0 ? low : high);
  const to = place(stop, step > 0 ? high : low);
  const indices: number[] = [];
  for (let index = from; step > 0 ? index < to : index > to; index += step) indices.push(index);
  return indices;
};
