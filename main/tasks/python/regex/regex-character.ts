import { SPACE } from '../python-text.ts';
import { illFormed, type RegexReader, untranslated } from './regex-reader.ts';

/** Character classes of Python's str patterns, as members of a JavaScript set: \w is str.isalnum and "_". */
const SETS: ReadonlyMap<string, string> = new Map([
  ['d', '\\p{Nd}'],
  ['w', '\\p{L}\\p{N}_'],
  ['s', SPACE],
]);
export const WORD = `[${SETS.get('w') ?? ''}]`;

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['n', 10],
  ['t', 9],
  ['r', 13],
  ['f', 12],
  ['v', 11],
  ['a', 7],
]);
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);
const LAST_CODE_POINT = 0x10ffff;

/** Python's (?i) treats all four as one letter; JavaScript distinguishes the two Turkish ones. */
const LETTERS_I: readonly number[] = [0x49, 0x69, 0x130, 0x131];

/** A character in the source of an expression, inside or outside of sets. */
export const sourceOf = (code: number): string => {
  const character = String.fromCodePoint(code);
  return /^[A-Za-z0-9_]$/.test(character) ? character : `\\u{${code.toString(16)}}`;
};

/** One character as an atom. */
export const characterSource = (code: number, ignoreCase: boolean): string =>
  ignoreCase && LETTERS_I.includes(code) ? `[${LETTERS_I.map(sourceOf).join('')}]` : sourceOf(code);

/** A set as an atom, from its members in JavaScript's syntax. */
export const setSource = (members: string, isNegated: boolean, ignoreCase: boolean): string => {
  const takesI =
    ignoreCase && LETTERS_I.some((code) => new RegExp(`[${members}]`, 'iv').test(String.fromCodePoint(code)));
  return `[${isNegated ? '^' : ''}${members}${takesI ? LETTERS_I.map(sourceOf).join('') : ''}]`;
};

/** An escape that means the same inside and outside of sets: a set's members, or one character. */
export type Escape =
  { readonly kind: 'set'; readonly members: string } | { readonly kind: 'character'; readonly code: number };

/** Reads an escape after its backslash. Null, and nothing read, for letters that are only escapes outside of sets. */
export const readEscape = (reader: RegexReader): Escape | null => {
  const { position } = reader;
  const letter = reader.next('an escape');
  const character = (code: number): Escape => ({ kind: 'character', code });
  const set = SETS.get(letter.toLowerCase());
  if (set !== undefined) return { kind: 'set', members: letter === letter.toLowerCase() ? set : `[^${set}]` };
  const control = CONTROLS.get(letter);
  if (control !== undefined) return character(control);
  const digits = HEX_DIGITS.get(letter);
  if (digits !== undefined) {
    const hex = reader.run(/[0-9a-fA-F]/, digits);
    if (hex.length < digits) throw illFormed(`the escape \\${letter} needs ${digits} hexadecimal digits`, position);
    const code = Number.parseInt(hex, 16);
    if (code > LAST_CODE_POINT) throw illFormed(`\\${letter}${hex} is no character`, position);
    if (code >= 0xd800 && code <= 0xdfff) throw untranslated(`a lone surrogate (\\${letter}${hex})`, position);
    return character(code);
  }
  if (letter === 'N') throw untranslated('a character by its name (\\N)', position);
  if (letter === '0') return character(Number.parseInt(`0${reader.run(/[0-7]/, 2)}`, 8));
  if (/[0-7]/.test(letter) && /[0-7]/.test(reader.peek()) && /[0-7]/.test(reader.peek(1))) {
    const code = Number.parseInt(letter + reader.run(/[0-7]/, 2), 8);
    if (code > 0o377) throw illFormed('an octal escape beyond \\377', position);
    return character(code);
  }
  if (/[A-Za-z0-9]/.test(letter)) {
    reader.back(position);
    return null;
  }
  return character(letter.codePointAt(0) ?? 0);
};

/** Reads a set after its "[" and returns it as a JavaScript atom. */
export const readSet = (reader: RegexReader, ignoreCase: boolean): string => {
  const start = reader.position - 1;
  const isNegated = reader.take('^');
  const member = (): Escape => {
    const { position } = reader;
    const character = reader.next('a set of characters');
    if (character !== '\\') return { kind: 'character', code: character.codePointAt(0) ?? 0 };
    const escape = readEscape(reader);
    if (escape !== null) return escape;
    const letter = reader.next('an escape');
    if (letter === 'b') return { kind: 'character', code: 8 };
    throw illFormed(`the escape \\${letter} in a set`, position);
  };
  let members = '';
  let isFirst = true;
  while (isFirst || !reader.take(']')) {
    isFirst = false;
    const low = member();
    if (reader.peek() !== '-' || reader.peek(1) === ']' || reader.peek(1) === '') {
      members += low.kind === 'set' ? low.members : sourceOf(low.code);
      continue;
    }
    reader.take('-');
    const high = member();
    if (low.kind === 'set' || high.kind === 'set' || low.code > high.code) throw illFormed('an invalid range', start);
    members += `${sourceOf(low.code)}-${sourceOf(high.code)}`;
  }
  return setSource(members, isNegated, ignoreCase);
};
