import { expect, test } from 'vitest';
import { scoredSequence, type ScoredSequence } from '../../../main/inference/scorer.ts';
import { type ScoreBatch, scoreWork } from '../../../main/torch/score-batches.ts';

const sequences: readonly ScoredSequence[] = [
  scoredSequence('short', [1, 2], [3], 100),
  scoredSequence('same context', [1, 2], [4], 100),
  scoredSequence('longer', [1, 2], [3, 5], 100),
  scoredSequence('other', [9], [8, 7], 100),
];

/** "sequence: the tokens that a target is predicted from: the target" of every row. */
const scoredTargets = (prefix: readonly number[], batches: readonly ScoreBatch[]): readonly string[] =>
  batches.flatMap(({ isBehind, trunks, branches, parents, trunkRows, branchRows, sequenceOfRow }) => {
    const before = (trunk: number): readonly number[] => [...(isBehind ? prefix : []), ...(trunks[trunk] ?? [])];
    const seen = [
      ...trunkRows.map(([trunk, position]) => before(trunk).slice(0, (isBehind ? prefix.length : 0) + position + 1)),
      ...branchRows.map(([branch, position]) => [
        ...before(parents[branch] ?? -1),
        ...(branches[branch] ?? []).slice(0, position + 1),
      ]),
    ];
    return [...trunkRows, ...branchRows].map(
      ([, , token], at) => `${String(sequenceOfRow[at])}: ${seen[at]?.join(' ') ?? ''}: ${String(token)}`,
    );
  });

const expected = ['0: 1 2: 3', '1: 1 2: 4', '2: 1 2: 3', '2: 1 2 3: 5', '3: 9: 8', '3: 9 8: 7'].toSorted();

test.each(['prefixes' as const, 'contexts' as const, 'inputs' as const])(
  'every target is scored once from the tokens before it, sharing %s, whatever the size of batches',
  (sharing) => {
    for (const vocabulary of [10, 2 ** 26]) {
      const { prefix, batches } = scoreWork(sequences, vocabulary, sharing);
      expect(prefix).toEqual([]);
      expect(scoredTargets(prefix, batches).toSorted()).toEqual(expected);
      if (vocabulary > 10) expect(batches.length).toBeGreaterThan(1);
    }
  },
);

test('a context runs once for its choices', () => {
  const { batches } = scoreWork(sequences, 10, 'prefixes');
  expect(batches).toHaveLength(1);
  expect(batches[0]).toMatchObject({
    trunks: [
      [1, 2],
      [9, 8],
    ],
    branches: [[3]],
    parents: [0],
    tokens: 5,
  });
  // Two of [1, 2], [1, 2], [1, 2, 3] and [9, 8] are equal.
  expect(scoreWork(sequences, 10, 'inputs').batches.flatMap(({ trunks }) => trunks)).toHaveLength(3);
});

test('a prefix that most contexts begin with runs once', () => {
  const prompt = Array.from({ length: 40 }, (_, at) => 100 + at);
  const shots = [1, 2, 3].flatMap((question) =>
    [
      [7, 8],
      [7, 9],
    ].map((choice, at) => scoredSequence(`${String(question)} ${String(at)}`, [...prompt, question], choice, 100)),
  );
  const { prefix, batches } = scoreWork([...shots, ...sequences], 10, 'prefixes');
  expect(prefix).toEqual(prompt);
  expect(scoreWork([...shots, ...sequences], 10, 'contexts').prefix).toEqual([]);
  expect(batches.filter(({ isBehind }) => isBehind).flatMap(({ trunks }) => trunks)).toEqual([
    [1, 7],
    [2, 7],
    [3, 7],
  ]);
  const targets = scoredTargets(prefix, batches);
  expect(targets).toHaveLength(2 * shots.length + expected.length);
  expect(targets).toContain(`5: ${prompt.join(' ')} 3 7: 9`);
});

test('a batch holds at most 2048 tokens, padding included, and the longest trunk comes first', () => {
  const long = [600, 1000, 900, 30].map((length, index) =>
    scoredSequence(
      String(index),
      Array.from({ length }, (_, at) => index + 5 * at),
      [1],
      2000,
    ),
  );
  expect(scoreWork(long, 10, 'prefixes').batches.map(({ trunks }) => trunks.map(({ length }) => length))).toEqual([
    [1000, 900],
    [600, 30],
  ]);
});
