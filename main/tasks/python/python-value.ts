import { TemplateFault } from '../template/template-fault.ts';

/** A Python float, which prints differently from an int: 1.0, not 1. */
export class Decimal {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/**
 * A value without a text form here (a date, bytes, an integer beyond 2^53): a row may contain it, a template may not
 * read it.
 */
export class Opaque {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

/** A missing value in a chat template: prints as nothing and is false (Jinja's Undefined). */
export class Missing {
  readonly what: string;
  constructor(what: string) {
    this.what = what;
  }
}

/** Jinja's namespace(): the only value with members that a template may set. */
export class Namespace {
  readonly members = new Map<string, PythonValue>();
}

export type PythonList = readonly PythonValue[];
/** A dict; only string keys are supported. */
export type PythonDict = ReadonlyMap<string, PythonValue>;
/** A value as lm-evaluation-harness's templates see it. Numbers are Python ints within +-(2^53 - 1). */
export type PythonValue =
  string | number | boolean | null | Decimal | Opaque | Missing | Namespace | PythonList | PythonDict;

export const isList = (value: PythonValue): value is PythonList => Array.isArray(value);
export const isDict = (value: PythonValue): value is PythonDict => value instanceof Map;

const numberValue = (value: number): PythonValue => {
  if (Number.isSafeInteger(value)) return value;
  if (Number.isInteger(value) || !Number.isFinite(value)) return new Opaque(`the number ${String(value)}`);
  return new Decimal(value);
};

/** Converts values of a JSON or Parquet reader to those of Python's readers: missing is None, bigints are ints. */
export const pythonValue = (value: unknown): PythonValue => {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return numberValue(value);
  if (typeof value === 'bigint') return numberValue(Number(value));
  if (value instanceof Decimal || value instanceof Opaque) return value;
  if (Array.isArray(value)) return value.map((member: unknown) => pythonValue(member));
  if (value instanceof Date) return new Opaque('a date');
  if (ArrayBuffer.isView(value)) return new Opaque('bytes');
  if (typeof value === 'object')
    return new Map(Object.entries(value).map(([key, member]: [string, unknown]) => [key, pythonValue(member)]));
  return new Opaque(typeof value);
};

/** Converts every number in a value to a float, as Arrow does to a column that contains one. */
export const withDecimals = (value: PythonValue): PythonValue => {
  if (typeof value === 'number') return new Decimal(value);
  if (isList(value)) return value.map(withDecimals);
  if (isDict(value)) return new Map([...value].map(([key, member]) => [key, withDecimals(member)]));
  return value;
};

/** White space of Python's str methods; JavaScript's set differs (no U+001C to U+001F, but U+FEFF). */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const SPACE_CHARACTER = new RegExp(`^[${SPACE}]$`);
const SPACE_RUN = new RegExp(`[${SPACE}]+`);
const NO_SPACE = new RegExp(`[^${SPACE}]`);

const isPythonSpace = (character: string): boolean => SPACE_CHARACTER.test(character);

/** Whether a text is empty or only white space. */
export const isBlank = (text: string): boolean => !NO_SPACE.test(text);

/** str.strip, lstrip or rstrip. `characters` is a set; null means white space. */
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

/** str.split(): splits at runs of white space and drops it at the ends. */
export const splitAtSpace = (text: string): string[] => text.split(SPACE_RUN).filter((part) => part !== '');

/** str.capitalize(): the first character in upper case, the others in lower. */
export const capitalize = (text: string): string => {
  const [first, ...rest] = Array.from(text);
  if (first === undefined) return '';
  // Where upper case has two letters (German sharp s), title case only capitalises the first.
  const [large = '', ...small] = Array.from(first.toUpperCase());
  return large + (small.join('') + rest.join('')).toLowerCase();
};

/** str.title(): capitalises the first letter of every run of letters and lowercases the rest. */
export const titled = (text: string): string => text.replace(/\p{L}+/gu, capitalize);

/** Compares texts like Python, by code point. UTF-16 order would put characters beyond U+FFFF before some others. */
export const compareTexts = (a: string, b: string): number => {
  const [x, y] = [Array.from(a), Array.from(b)];
  const differs = x.findIndex((character, index) => character !== y[index]);
  if (differs < 0) return x.length - y.length;
  return (x[differs]?.codePointAt(0) ?? 0) - (y[differs]?.codePointAt(0) ?? -1);
};

/** str.isdigit() for decimal digits of any script; other digits (superscripts) do not occur as indices. */
export const isDigits = (text: string): boolean => /^\p{Nd}+$/u.test(text);

/**
 * Indices that `[start:stop:step]` selects from a sequence of `length`, in order (Python Language Reference, 3.2,
 * sequences).
 */
export const sliceIndices = (length: number, start: number | null, stop: number | null, step: number): number[] => {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? length : length - 1;
  const bound = (index: number | null, otherwise: number): number =>
    index === null ? otherwise : Math.min(high, Math.max(low, index < 0 ? index + length : index));
  const from = bound(start, step > 0 ? low : high);
  const to = bound(stop, step > 0 ? high : low);
  const indices: number[] = [];
  for (let index = from; step > 0 ? index < to : index > to; index += step) indices.push(index);
  return indices;
};

/** Characters that repr() escapes: control, format, surrogate, private, unassigned, and separators but the space. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}]/u;
const NAMED_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

const escapeOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
};

/** repr() of a str: in single quotes unless it contains single and no double quotes. */
const quoted = (text: string): string => {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const character of text) {
    if (character === quote) out += `\\${character}`;
    else
      out +=
        NAMED_ESCAPES.get(character) ??
        (character !== ' ' && UNPRINTABLE.test(character) ? escapeOf(character) : character);
  }
  return out + quote;
};

/** repr() of a float: the shortest digits that parse to the same number, with a point or a two-digit exponent. */
const decimalText = (value: number): string => {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  if (Number.isInteger(value)) return `${Object.is(value, -0) ? '-0' : String(value)}.0`;
  return String(value);
};

/** Python's repr(): the text of a value inside a list or dict. */
export const pythonRepr = (value: PythonValue): string => {
  if (value === null) return 'None';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (value instanceof Decimal) return decimalText(value.value);
  if (value instanceof Opaque)
    throw new TemplateFault(
      `it reads ${value.what}, which cannot be written as text here`,
      'Store it as text in the data file.',
    );
  if (value instanceof Missing) return 'Undefined';
  if (value instanceof Namespace) throw new TemplateFault('it prints a namespace', 'Print its members.');
  if (isList(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  if (isDict(value))
    return `{${[...value].map(([key, member]) => `${quoted(key)}: ${pythonRepr(member)}`).join(', ')}}`;
  return value;
};

/** Python's str(): what `{{ value }}` prints. */
export const pythonText = (value: PythonValue): string =>
  typeof value === 'string' ? value : value instanceof Missing ? '' : pythonRepr(value);
