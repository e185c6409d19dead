import { expect, test } from 'vitest';
import { sweepCounts } from '../../../main/jobs/sweep-work.ts';
import { uniqueNames } from '../../../main/jobs/write-sweep-files.ts';

const small = { name: 'small', experts: 8, topK: 2 };
const large = { name: 'large', experts: 64, topK: 2 };

test('factors become kept counts, falling, each once, without the unpruned model', () => {
  const { kept, notes } = sweepCounts([small], { factors: [4, 1, 2, 2, 8 / 3] });
  expect(kept.get('small')).toEqual([4, 3, 2]);
  expect(notes).toEqual([]);
});

test('a factor that no model can reach is refused with the largest possible one of each', () => {
  expect(() => sweepCounts([small], { factors: [8] })).toThrow('The pruning factor 8 leaves fewer experts');
  expect(() => sweepCounts([small, large], { factors: [2, 64] })).toThrow(
    expect.objectContaining({
      kind: 'refused',
      code: 'factor-too-large',
      remedy: expect.stringMatching(/small .* at most 4; large .* at most 32/),
    }),
  );
});

test('a factor that only some models can reach is left out for the others, and said', () => {
  const { kept, notes } = sweepCounts([small, large], { factors: [2, 16] });
  expect(kept.get('small')).toEqual([4]);
  expect(kept.get('large')).toEqual([32, 4]);
  expect(notes).toEqual([
    'Factor 16 was left out where it would leave fewer than top-k experts: small (top-2 of 8 experts): at most 4.',
  ]);
});

test('namesakes are told apart, others keep their names', () => {
  expect(
    uniqueNames([
      { name: 'a', hash: '1111111' },
      { name: 'b', hash: '2' },
    ]),
  ).toEqual(['a', 'b']);
  const named = uniqueNames([
    { name: 'a', hash: '1111111' },
    { name: 'a', hash: '2222222' },
    { name: 'a', hash: '1111111' },
  ]);
  expect(named).toEqual(['a (111111)', 'a (222222)', 'a (111111) 2']);
});
