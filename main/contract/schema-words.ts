import { z } from 'zod';

const EXPECTED: Readonly<Partial<Record<string, string>>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

/** "null", "a list", "1.5", "a string". */
const givenWords = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return EXPECTED[typeof value] ?? typeof value;
};

// Values of a wrong type are the mistakes that people make most often in files of their own. A schema's own message
// takes precedence; other mistakes have zod's words.
z.config({
  customError: ({ code, expected, input }) => {
    const wanted = code === 'invalid_type' && typeof expected === 'string' ? EXPECTED[expected] : undefined;
    if (wanted === undefined) return undefined;
    return input === undefined ? `missing; ${wanted} is expected` : `${wanted} is expected, not ${givenWords(input)}`;
  },
});
