import { TemplateFault } from '../template/template-fault.ts';
import { Decimal, Opaque, isDict, isList, type PythonValue } from './python-value.ts';

/** Characters that repr() escapes: controls, format, surrogates, private, unassigned and every separator but the space. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}]/u;
const NAMED_ESCAPES: ReadonlyMap<string, string> = new Map([['\\', '\\\\'], ['\n', '\\n'], ['\r', '\\r'], ['\t', '\\t']]);

const escapeOf = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
};

/** repr() of a str: in single quotes unless it holds such and no double ones. */
const quoted = (text: string): string => {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const character of text) {
    if (character === quote) out += `\\${character}`;
    else out += NAMED_ESCAPES.get(character) ?? (character !== ' ' && UNPRINTABLE.test(character) ? escapeOf(character) : character);
  }
  return out + quote;
};

/** repr() of a float: the shortest digits that read back as the same number, with a point or an exponent of two digits. */
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
  if (value instanceof Opaque) throw new TemplateFault(`it reads ${value.what}, which has no text here`, 'Store it as text in the data file.');
  if (isList(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  if (isDict(value)) return `{${[...value].map(([key, member]) => `${quoted(key)}: ${pythonRepr(member)}`).join(', ')}}`;
  return value;
};

/** Python's str(): what `{{ value }}` prints. */
export const pythonText = (value: PythonValue): string => (typeof value === 'string' ? value : pythonRepr(value));
