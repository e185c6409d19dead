import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { pythonRandom } from '../../../../main/tasks/python/python-random.ts';

const pair = z.tuple([z.number(), z.number()]);
const vectors = z
  .array(
    z.object({
      seed: z.number(),
      bits: z.array(pair),
      below: z.array(pair),
      late: z.array(z.number()),
      samples: z.array(z.tuple([z.number(), z.number(), z.array(z.number())])),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('../../../fixtures/python/random.json', import.meta.url), 'utf8')));

const numbers = Array.from({ length: 70_000 }, (_, index) => index);

describe("draws the same as CPython's random.Random", () => {
  test.each(vectors)('with seed $seed', ({ seed, bits, below, late, samples }) => {
    const random = pythonRandom(seed);
    for (const [count, drawn] of bits) expect(random.bits(count)).toBe(drawn);
    for (const [n, drawn] of below) expect(random.below(n)).toBe(drawn);
    expect(Array.from({ length: 1500 }, () => random.bits(32)).slice(-2)).toEqual(late);
    for (const [size, count, drawn] of samples) {
      expect(random.sample(numbers.slice(0, size), count), `${String(count)} of ${String(size)}`).toEqual(drawn);
    }
  });
});

test('a sample is of distinct members', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 200 }), fc.nat(200), (seed, size, wanted) => {
      const count = Math.min(size, wanted);
      const drawn = pythonRandom(seed).sample(
        Array.from({ length: size }, (_, index) => index),
        count,
      );
      expect(new Set(drawn).size).toBe(count);
    }),
  );
});

test('refuses invalid seeds and samples', () => {
  expect(() => pythonRandom(-1)).toThrow('not a seed: -1');
  expect(() => pythonRandom(1).sample([1], 2)).toThrow('a sample of 2 from 1');
});
