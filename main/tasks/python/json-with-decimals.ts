import { parseForeignJson } from '../../files/parse-json.ts';
import { Decimal } from './python-value.ts';

/** Private key that marks a decimal number during JSON.parse; it begins with a Unicode noncharacter. */
const MARK = '\uFFFFdecimal';
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * JSON.parse that distinguishes 1.0 from 1, like Python's reader: numbers with a point or an exponent become Decimals.
 */
export const parseJsonWithDecimals = (text: string): unknown => {
  // Invalid JSON must fail with an error about the original text, not about the rewritten one.
  const plain = parseForeignJson(text);
  if (!/\d[.eE]/.test(text) || text.includes(MARK)) return plain;
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || !/[.eE]/.test(token) ? token : `{${JSON.stringify(MARK)}:${token}}`,
  );
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(MARK in value)) return value;
    return new Decimal(Number(value[MARK]));
  });
};
