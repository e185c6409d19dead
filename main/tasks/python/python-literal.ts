import { TemplateFault } from '../template/template-fault.ts';
import { Decimal, type PythonValue } from './python-value.ts';

/** Limit for nested brackets; choices are a list of texts. */
const MAX_DEPTH = 20;
const SIMPLE_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\n', ''],
]);
const HEX_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);
const NUMBER = /[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?/y;
const NAMES: ReadonlyMap<string, PythonValue> = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
]);

/**
 * ast.literal_eval for strings, numbers, True, False, None, lists, tuples (as lists) and dicts with string keys.
 * lm-evaluation-harness reads the list printed by a `doc_to_choice` template this way. Else throws a TemplateFault.
 */
export const parsePythonLiteral = (source: string): PythonValue => {
  // Python normalises line ends before parsing.
  const text = source.replace(/\r\n?/g, '\n');
  let at = 0;
  const fail = (what: string): TemplateFault =>
    new TemplateFault(
      `its result is not a Python list: ${what} at character ${String(at + 1)} of ` +
        JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text),
      'Let it give a list, such as {{ [choice1, choice2] }}, or name a column with the choices.',
    );
  const skip = (): void => {
    while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\f') at++;
  };

  const escape = (): string => {
    const kind = text[at];
    const digits = HEX_ESCAPES.get(kind ?? '');
    if (kind === undefined) throw fail('an unfinished escape');
    if (digits !== undefined) {
      const hex = text.slice(at + 1, at + 1 + digits);
      const code = Number.parseInt(hex, 16);
      if (hex.length !== digits || !/^[0-9a-fA-F]+$/.test(hex) || code > 0x10ffff) throw fail('a bad escape');
      at += 1 + digits;
      return String.fromCodePoint(code);
    }
    const octal = /^[0-7]{1,3}/.exec(text.slice(at, at + 3))?.[0];
    if (octal !== undefined) {
      at += octal.length;
      return String.fromCodePoint(Number.parseInt(octal, 8));
    }
    if (kind === 'N') throw fail('an escape by name');
    const simple = SIMPLE_ESCAPES.get(kind);
    at++;
    // Python keeps the backslash of an unknown escape.
    return simple ?? `\\${kind}`;
  };

  const oneText = (): string => {
    const mark = text[at] ?? '';
    const quote = text.startsWith(mark.repeat(3), at) ? mark.repeat(3) : mark;
    at += quote.length;
    let out = '';
    while (!text.startsWith(quote, at)) {
      const character = text[at];
      if (character === undefined || (character === '\n' && quote.length === 1)) throw fail('a text without an end');
      at++;
      out += character === '\\' ? escape() : character;
    }
    at += quote.length;
    return out;
  };

  const sequence = (close: string, depth: number): { readonly members: PythonValue[]; readonly hasComma: boolean } => {
    const members: PythonValue[] = [];
    let hasComma = false;
    for (skip(); text[at] !== close; skip()) {
      members.push(value(depth + 1));
      skip();
      if (text[at] === ',') {
        hasComma = true;
        at++;
      } else if (text[at] !== close) throw fail('neither a comma nor the end');
    }
    at++;
    return { members, hasComma };
  };

  const dict = (depth: number): PythonValue => {
    const entries = new Map<string, PythonValue>();
    for (skip(); text[at] !== '}'; skip()) {
      const key = value(depth + 1);
      skip();
      if (typeof key !== 'string' || text[at] !== ':') throw fail('no string with a colon');
      at++;
      entries.set(key, value(depth + 1));
      skip();
      if (text[at] === ',') at++;
      else if (text[at] !== '}') throw fail('neither a comma nor the end');
    }
    at++;
    return entries;
  };

  const number = (): PythonValue | undefined => {
    NUMBER.lastIndex = at;
    const digits = NUMBER.exec(text)?.[0];
    if (digits === undefined) return undefined;
    at += digits.length;
    if (/[.eE]/.test(digits)) return new Decimal(Number(digits));
    if (!Number.isSafeInteger(Number(digits)) || /^[+-]?0\d/.test(digits)) throw fail('a number that cannot be read');
    return Number(digits);
  };

  const value = (depth: number): PythonValue => {
    if (depth > MAX_DEPTH) throw fail('brackets too deep');
    skip();
    const character = text[at] ?? '';
    if (character === "'" || character === '"') {
      let joined = oneText();
      for (skip(); text[at] === "'" || text[at] === '"'; skip()) joined += oneText();
      return joined;
    }
    if (character === '[' || character === '(') {
      at++;
      const { members, hasComma } = sequence(character === '[' ? ']' : ')', depth);
      const [only] = members;
      return character === '(' && members.length === 1 && !hasComma && only !== undefined ? only : members;
    }
    if (character === '{') {
      at++;
      return dict(depth);
    }
    const name = /^[A-Za-z_]\w*/.exec(text.slice(at, at + 8))?.[0] ?? '';
    const named = NAMES.get(name);
    if (named !== undefined) {
      at += name.length;
      return named;
    }
    const found = number();
    if (found === undefined) throw fail(character === '' ? 'an end' : `an unexpected ${JSON.stringify(character)}`);
    return found;
  };

  const parsed = value(0);
  skip();
  if (at < text.length) throw fail('more text');
  return parsed;
};
