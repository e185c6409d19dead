import type { RandomSource } from '../../../main/statistics/random.ts';

/** Values that readers of JSON, numbers and names rarely see. */
const ODD_VALUES = [
  ...['null', 'true', '[]', '{}', '""', '"\\u0000"', '".."', '-1', '1.5', '1e400', '1e9', '4294967296'],
  ...['9007199254740993', '-9223372036854775808', '"__proto__"', '{"__proto__":1}', '[[[[[[[[1]]]]]]]]', '"\\ud800"'],
];
const ODD_BYTES = [0, 0xff, 0x7f, 0x80, 0x22, 0x5c, 0x5b, 0x7b, 0x0a, 0x25];

type Mutation = (bytes: Buffer, random: RandomSource) => Buffer;

const below = (random: RandomSource, end: number): number => Math.floor(random.float() * end);
const oneOf = <T>(random: RandomSource, values: readonly T[]): T => {
  const value = values[below(random, values.length)];
  if (value === undefined) throw new Error('nothing to choose from');
  return value;
};

/** Replaces the bytes from `start` to `end` by `inner`. */
const splice = (bytes: Buffer, start: number, end: number, inner: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, start), inner, bytes.subarray(end)]);

const span = (bytes: Buffer, random: RandomSource, most: number): readonly [number, number] => {
  const start = below(random, bytes.length + 1);
  return [start, Math.min(bytes.length, start + 1 + below(random, most))];
};

/** Replaces one value that looks like JSON, at any position. */
const replaceValue: Mutation = (bytes, random) => {
  const text = bytes.toString('latin1');
  const values = [...text.matchAll(/-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|true|false|null/g)];
  if (values.length === 0) return bytes;
  const found = oneOf(random, values);
  return splice(bytes, found.index, found.index + found[0].length, Buffer.from(oneOf(random, ODD_VALUES)));
};

const mutations: readonly Mutation[] = [
  replaceValue,
  replaceValue,
  (bytes, random) => {
    const at = below(random, bytes.length);
    return splice(bytes, at, at + 1, Buffer.from([oneOf(random, ODD_BYTES)]));
  },
  (bytes, random) => {
    const at = below(random, bytes.length);
    return splice(bytes, at, at + 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << below(random, 8))]));
  },
  (bytes, random) => bytes.subarray(0, below(random, bytes.length)),
  (bytes, random) => splice(bytes, ...span(bytes, random, 64), Buffer.alloc(0)),
  (bytes, random) => {
    const [start, end] = span(bytes, random, 256);
    return splice(
      bytes,
      start,
      start,
      Buffer.concat(Array.from({ length: 1 + below(random, 8) }, () => bytes.subarray(start, end))),
    );
  },
  (bytes, random) => splice(bytes, ...span(bytes, random, 16), Buffer.from(oneOf(random, ODD_VALUES))),
  (bytes, random) =>
    splice(
      bytes,
      ...span(bytes, random, 1),
      Buffer.from(oneOf(random, ['[', '{', '"', '{%', '{{', '&a ', '- ']).repeat(1 + below(random, 400))),
    ),
];

/** The bytes after one to three mutations; the same `random` gives the same result. */
export const mutate = (bytes: Buffer, random: RandomSource): Buffer => {
  let mutated = bytes;
  for (let count = 1 + below(random, 3); count > 0; count -= 1) mutated = oneOf(random, mutations)(mutated, random);
  return mutated;
};
