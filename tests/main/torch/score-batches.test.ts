import { expect, test } from 'vitest';
import { scoredSequence, type ScoredSequence } from '../../../main/inference/scorer.ts';
import { type ScoreBatch, scoreWork, treeRows } from '../../../main/torch/score-batches.ts';

const sequences: readonly ScoredSequence[] = [
  scoredSequence('short', [1, 2], [3], 100),
  scoredSequence('same context', [1, 2], [4], 100),
  scoredSequence('longer', [1, 2], [3, 5], 100),
  scoredSequence('other', [9], [8, 7], 100),
];

/** "sequence: the tokens that a target is predicted from: the target" of every row. */
const scoredTargets = (prefix: readonly number[], batches: readonly ScoreBatch[]): readonly string[] =>
  batches.flatMap((batch) => {
    const begun = batch.isBehind ? prefix : [];
    const found = batch.rows === null ? inTwoPasses(batch) : inOnePass(batch);
    return found.map(
      ({ seen, token }, at) => `${String(batch.sequenceOfRow[at])}: ${[...begun, ...seen].join(' ')}: ${String(token)}`,
    );
  });

interface Target {
  /** Tokens that it is predicted from. */
  readonly seen: readonly number[];
  readonly token: number;
}

const inTwoPasses = ({ trunks, branches, parents, trunkRows, branchRows }: ScoreBatch): readonly Target[] => [
  ...trunkRows.map(([trunk, position, token]) => ({ seen: (trunks[trunk] ?? []).slice(0, position + 1), token })),
  ...branchRows.map(([branch, position, token]) => ({
    seen: [...(trunks[parents[branch] ?? -1] ?? []), ...(branches[branch] ?? []).slice(0, position + 1)],
    token,
  })),
];

/** By what a token sees (`trees_in_rows` of the worker): what is not after it in the trunk and in its own branch. */
const inOnePass = (batch: ScoreBatch): readonly Target[] => {
  const { tokens, places, trees, branches, scores } = treeRows(batch);
  return scores.map(([row, at, token]) => {
    const of = (list: readonly (readonly number[])[], column: number): number => list[row]?.[column] ?? NaN;
    const seen = [...(tokens[row] ?? []).keys()].filter(
      (other) =>
        of(trees, other) === of(trees, at) &&
        [0, of(branches, at)].includes(of(branches, other)) &&
        of(places, other) <= of(places, at),
    );
    expect(seen.map((other) => of(places, other)).toSorted((a, b) => a - b)).toEqual([...seen.keys()]);
    return {
      seen: seen.toSorted((a, b) => of(places, a) - of(places, b)).map((other) => of(tokens, other)),
      token,
    };
  });
};

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
    rows: [[0], [1]],
    tokens: 5,
  });
  expect(scoreWork(sequences, 10, 'contexts').batches.map(({ rows }) => rows)).toEqual([null]);
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
  // Rows that get a copy of the prefix hold about as many tokens of their own.
  expect(batches.filter(({ isBehind }) => isBehind).map(({ rows }) => rows)).toEqual([[[0, 1, 2]]]);
  const targets = scoredTargets(prefix, batches);
  expect(targets).toHaveLength(2 * shots.length + expected.length);
  expect(targets).toContain(`5: ${prompt.join(' ')} 3 7: 9`);
});

test('a pass holds at most 2048 tokens, padding included, and the longest come first', () => {
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
  const branched = long.flatMap(({ input }, index) => [
    scoredSequence(`${String(index)} yes`, input, [1, 2], 2000),
    scoredSequence(`${String(index)} no`, input, [3, 4], 2000),
  ]);
  expect(scoreWork(branched, 10, 'prefixes').batches.map(({ rows }) => rows)).toEqual([
    [[0], [1]],
    [[0], [1]],
  ]);
  // A context that is longer than a pass runs before its continuations.
  const context = Array.from({ length: 2100 }, (_, at) => at);
  const longest = [1, 2].map((choice) => scoredSequence(String(choice), context, [choice, 3], 3000));
  expect(scoreWork(longest, 10, 'prefixes').batches).toMatchObject([{ rows: null, branches: [[1], [2]] }]);
});
