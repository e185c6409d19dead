import { parseForeignJson } from '../../files/parse-json.ts';
import { Decimal } from './python-value.ts';

/** A private key that stands for a decimal number while JSON.parse runs; it begins with a noncharacter of Unicode. */
const MARK = '\uFFFFdecimal';
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * JSON.parse that keeps 1.0 apart from 1, as Python's reader does: numbers with a point or an exponent become Decimals.
 */
export const parseJsonWithDecimals = (text: string): unknown => {
  // What is no JSON must fail as what it is, not as what it is turned into.
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
