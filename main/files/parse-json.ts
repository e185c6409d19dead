import type { z } from 'zod';
import { at, refuse } from '../contract/errors.ts';
import { type ReadLimits, readTextIfThere } from './regular-file.ts';

/** No configuration, index or item is deeper; recursive code would overflow its stack on deeper values. */
export const MAX_JSON_DEPTH = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** Spaces between a key and its colon that are looked through. */
const MOST_SPACES = 100;

const isEscaped = (text: string, quote: number): boolean => {
  let backslashes = 0;
  while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
};

/**
 * Index after the JSON string that begins at `at`, or the end of the text if it is unterminated. Regular expressions
 * overflow V8's stack at strings of some million characters.
 */
export const afterString = (text: string, at: number): number => {
  let quote = at;
  do {
    quote = text.indexOf('"', quote + 1);
    if (quote < 0) return text.length;
  } while (isEscaped(text, quote));
  return quote + 1;
};

/** Whether brackets outside strings nest deeper than `most`; stops at the first ones that do. */
const nestsDeeper = (text: string, most: number): boolean => {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = afterString(text, at) - 1;
    else if (OPENING.has(code)) {
      depth += 1;
      if (depth > most) return true;
    } else if (CLOSING.has(code)) depth -= 1;
  }
  return false;
};

/**
 * A key that stands twice in one object of a JSON text; null if there is none. JSON.parse keeps the last one, other
 * parsers the first.
 */
export const duplicateKey = (text: string): string | null => {
  const objects: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = afterString(text, at);
      const isKey = /^\s*:/.test(text.slice(end, end + MOST_SPACES));
      const keys = objects.at(-1);
      if (isKey && keys !== null && keys !== undefined) {
        const key = String(JSON.parse(text.slice(at, end)));
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end - 1;
    } else if (OPENING.has(code)) objects.push(text[at] === '{' ? new Set() : null);
    else if (CLOSING.has(code)) objects.pop();
  }
  return null;
};

/** JSON.parse for foreign text: also throws a SyntaxError for values nested deeper than 200. */
export const parseForeignJson = (text: string): unknown => {
  if (nestsDeeper(text, MAX_JSON_DEPTH)) throw new SyntaxError(`values are nested deeper than ${MAX_JSON_DEPTH}`);
  return JSON.parse(text);
};

/** A number that JSON has not, as Python writes it. */
const pythonFloat = /-?Infinity|NaN/y;

/**
 * The same for text of Python's json module, which writes Infinity, -Infinity and NaN as they stand: such a number
 * becomes `{"__float__": "Infinity"}`, which transformers 5 writes in its place.
 */
export const parsePythonJson = (text: string): unknown => {
  if (!/Infinity|NaN/.test(text)) return parseForeignJson(text);
  const parts: string[] = [];
  let kept = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) === QUOTE) {
      at = afterString(text, at) - 1;
      continue;
    }
    pythonFloat.lastIndex = at;
    const word = pythonFloat.exec(text)?.[0];
    if (word === undefined) continue;
    parts.push(text.slice(kept, at), `{"__float__":"${word}"}`);
    kept = at + word.length;
    at = kept - 1;
  }
  return parseForeignJson(parts.join('') + text.slice(kept));
};

/** The value of a file that came with a model. @throws WorkbenchError `bad-json`. */
export const parseModelJson = (file: string, text: string, parse = parseForeignJson): unknown => {
  try {
    return parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw refuse('bad-json', `${file} is not JSON: ${reason}.`, "Fetch the file again from the model's source.", cause);
  }
};

/** The errors for a text of the wrong form. */
export interface WrongForm {
  readonly notJson: (reason: string, cause: unknown) => Error;
  /** `issue`: where and how another form differs, for example "items.0: Required". */
  readonly otherForm: (issue: string) => Error;
  /** What a message calls the whole value; default: nothing. */
  readonly whole?: string;
}

/** Where and how a value first differs from its schema; `whole`: what is said of the value itself. */
export const firstIssue = ({ issues }: z.ZodError, whole: string): string => {
  const { path, message } = at(issues, 0);
  return `${path.join('.') || whole}: ${message}`;
};

/** The value of a foreign text in the form of `schema`. */
export const parseForm = <T extends z.ZodType>(
  text: string,
  schema: T,
  { notJson, otherForm, whole = '' }: WrongForm,
): z.output<T> => {
  let json: unknown;
  try {
    json = parseForeignJson(text);
  } catch (cause) {
    throw notJson(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw otherForm(firstIssue(parsed.error, whole));
};

/**
 * Reads a JSON file in the form of `schema`; null if there is no such file. `damaged` makes the error for invalid JSON
 * and for other forms.
 *
 * @throws what `damaged` returns, and those of `readTextIfThere`.
 */
export const readJsonIfThere = async <T extends z.ZodType>(
  file: string,
  schema: T,
  limits: ReadLimits,
  damaged: (cause: unknown) => Error,
): Promise<z.output<T> | null> => {
  const text = await readTextIfThere(file, limits);
  if (text === null) return null;
  try {
    return schema.parse(parseForeignJson(text));
  } catch (cause) {
    throw damaged(cause);
  }
};
