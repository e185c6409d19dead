import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { drawPerItem } from '../../../../main/tasks/harness/question-splits.ts';

/** Made by tests/fixtures/few-shot/draws.py with the samplers of lm-evaluation-harness 0.4.13. */
const cases = z
  .array(
    z.object({
      sampler: z.enum(['default', 'first_n']),
      size: z.number(),
      repeats: z.number(),
      count: z.number(),
      seed: z.number(),
      holdsItems: z.boolean(),
      drawn: z.array(z.array(z.number())),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('../../../fixtures/few-shot/draws.json', import.meta.url), 'utf8')));

interface Row {
  readonly n: number;
}
const isSame = (one: Row, other: Row): boolean => one.n === other.n;
const rows = (size: number, repeats: number): readonly Row[] =>
  Array.from({ length: size }, (_, index) => ({ n: Math.floor(index / repeats) }));

test.each(cases)(
  '$count of $size by $sampler with seed $seed, each $repeats times, items among them: $holdsItems',
  ({ sampler, size, repeats, count, seed, holdsItems, drawn }) => {
    const documents = rows(size, repeats);
    const order = sampler === 'first_n' ? 'first' : 'drawn';
    const examples = drawPerItem(
      documents.slice(0, 20),
      { documents, holdsItems, isSame, location: 'task.yaml: train' },
      { count, seed, order },
    );
    expect(examples.map((own) => own.map(({ n }) => n))).toEqual(drawn);
  },
);

test('refuses more examples than there are beside the item', () => {
  const draw = (count: number, holdsItems: boolean, repeats = 1): unknown =>
    drawPerItem(
      rows(3, repeats),
      { documents: rows(3, repeats), holdsItems, isSame, location: 'task.yaml: train' },
      { count, seed: 1234, order: 'drawn' },
    );
  expect(() => draw(4, false)).toThrow(
    'task.yaml: train: 4 few-shot examples are asked for, and their split has 3 items',
  );
  expect(() => draw(3, true)).toThrow(
    '3 few-shot examples are asked for beside the item itself, and their split has 3 items',
  );
  expect(() => draw(2, true, 3)).toThrow('2 few-shot examples are asked for, and only 0 differ from an item');
  expect(() => draw(129, false)).toThrow('(limit 128)');
  expect(draw(0, true)).toEqual([[], [], []]);
});
