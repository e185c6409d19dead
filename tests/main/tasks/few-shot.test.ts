import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawExamples } from '../../../main/tasks/few-shot.ts';

test('draws without replacement, only depending on the seed, and keeps the order of the others', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 }), fc.nat(), (size, wanted, seed) => {
      const pool = Array.from({ length: size }, (_, index) => index);
      const count = Math.min(size, wanted);
      const { examples, rest } = drawExamples(pool, { count, seed }, 'task.json');
      expect(examples.length).toBe(count);
      expect([...examples, ...rest].sort((a, b) => a - b)).toEqual(pool);
      expect(rest).toEqual([...rest].sort((a, b) => a - b));
      expect(drawExamples(pool, { count, seed }, 'task.json')).toEqual({ examples, rest });
    }),
  );
});

test('refuses more examples than there are, and more than the limit', () => {
  expect(() => drawExamples([1], { count: 2, seed: 0 }, 'task.json')).toThrow(
    'task.json: 2 few-shot examples are asked for, and their split has 1 items',
  );
  expect(() => drawExamples([1], { count: 129, seed: 0 }, 'task.json')).toThrow('(limit 128)');
});
