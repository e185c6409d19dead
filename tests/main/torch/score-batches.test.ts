import { expect, test } from 'vitest';
import { scoredSequence, type ScoredSequence } from '../../../main/inference/scorer.ts';
import { scoreBatches, sequencesToRun } from '../../../main/torch/score-batches.ts';

const sequences: readonly ScoredSequence[] = [
  scoredSequence('short', [1, 2], [3], 100),
  scoredSequence('same context', [1, 2], [4], 100),
  scoredSequence('longer', [1, 2], [3, 5], 100),
  scoredSequence('other', [9], [8, 7], 100),
];

test('sequences that another one begins with need no run of their own', () => {
  const { runs, hostOf } = sequencesToRun(sequences);
  // The inputs are [1, 2], [1, 2], [1, 2, 3] and [9, 8].
  expect(runs).toEqual([2, 3]);
  expect(hostOf).toEqual([2, 2, 2, 3]);
});

test('every target is scored once, at the position before it, whatever the size of the batches', () => {
  const scoredTargets = (vocabulary: number): readonly string[] =>
    scoreBatches(sequences, sequencesToRun(sequences), vocabulary).flatMap(({ inputs, rows, sequenceOfRow }) =>
      rows.map(([row, position, token], at) =>
        [sequenceOfRow[at], inputs[row]?.slice(0, position + 1).join(' '), token].join(': '),
      ),
    );
  const expected = ['0: 1 2: 3', '1: 1 2: 4', '2: 1 2: 3', '2: 1 2 3: 5', '3: 9: 8', '3: 9 8: 7'].sort();
  expect(scoredTargets(10).toSorted()).toEqual(expected);
  // So large a vocabulary that every batch holds one run.
  expect(scoreBatches(sequences, sequencesToRun(sequences), 2 ** 26)).toHaveLength(2);
  expect(scoredTargets(2 ** 26).toSorted()).toEqual(expected);
});

test('a batch holds at most 2048 tokens, padding included, and the longest run comes first', () => {
  const long = [600, 1000, 900, 30].map((length, index) =>
    scoredSequence(
      String(index),
      Array.from({ length }, (_, at) => index + 5 * at),
      [1],
      2000,
    ),
  );
  const lengths = scoreBatches(long, sequencesToRun(long), 10).map(({ inputs, tokens }) => {
    expect(tokens).toBe(inputs.reduce((sum, { length }) => sum + length, 0));
    return inputs.map(({ length }) => length);
  });
  expect(lengths).toEqual([
    [1000, 900],
    [600, 30],
  ]);
});
