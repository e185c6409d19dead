import { describe, expect, it } from 'vitest';
import {
  type ExperimentAnswer,
  type ExperimentRecord,
  experimentDocument as schema,
} from '../../../../main/contract/experiment.ts';
import { experimentDocument, publishedDifferences } from '../../../../main/evaluation/experiment/document.ts';
import { pairedInterval } from '../../../../main/statistics/exact-paired-test.ts';
import { answers, arm, ITEMS, record } from './made-up.ts';

const answerTo = (made: ExperimentRecord, question: 'scratch' | 'unpruned', delta?: number): ExperimentAnswer => {
  const found = schema.parse(experimentDocument(made, { delta })).answers.find((one) => one.question === question);
  if (found === undefined) throw new Error('a question without an answer');
  return found;
};

/** E = 8: 20 wrong; E = 32: 10 wrong; E = 64: none. The pruned ones as given. */
const family = (from32to8: number, from64to32: number, from64to8: number): ExperimentRecord =>
  record([
    arm(8, 8, answers(20)),
    arm(32, 32, answers(10)),
    arm(32, 8, answers(from32to8)),
    arm(64, 64, answers(0)),
    arm(64, 32, answers(from64to32)),
    arm(64, 8, answers(from64to8)),
  ]);

describe('the two questions', () => {
  it('compare the same arm with different models, item by item', () => {
    const made = family(0, 10, 60);
    const scratch = answerTo(made, 'scratch').pairs;
    const unpruned = answerTo(made, 'unpruned').pairs;
    expect(
      scratch.map(({ experts, kept, reference, gained, lost, sign }) => [experts, kept, reference, gained, lost, sign]),
    ).toEqual([
      [32, 8, 'family-8', 20, 0, 'plus'],
      [64, 32, 'family-32', 0, 0, 'cannot-tell'],
      [64, 8, 'family-8', 0, 40, 'minus'],
    ]);
    expect(
      unpruned.map(({ experts, kept, reference, gained, lost, sign }) => [
        experts,
        kept,
        reference,
        gained,
        lost,
        sign,
      ]),
    ).toEqual([
      [32, 8, 'family-32', 10, 0, 'plus'],
      [64, 32, 'family-64', 0, 10, 'minus'],
      [64, 8, 'family-64', 0, 60, 'minus'],
    ]);
    const [first] = scratch;
    expect(first).toMatchObject({
      n: ITEMS,
      pruned: 1,
      against: 280 / 300,
      ...pairedInterval({ gained: 20, lost: 0, n: ITEMS }),
    });
    expect(first?.difference).toBeCloseTo(20 / 300, 12);
  });

  it('pair by item and not by count', () => {
    const made = record([arm(8, 8, answers(20)), arm(32, 32, answers(0)), arm(32, 8, answers(20, 100))]);
    expect(answerTo(made, 'scratch').pairs[0]).toMatchObject({
      difference: 0,
      gained: 20,
      lost: 20,
      sign: 'cannot-tell',
    });
  });
});

describe('thresholds', () => {
  it('are the largest factor that holds with every smaller one, for each question', () => {
    // 64 to 32 (factor 2) and 64 to 8 (factor 8) are as good as scratch; against itself unpruned factor 2 fails.
    const made = family(20, 10, 20);
    expect(
      answerTo(made, 'scratch').thresholds.map(({ model, factor, verdict, bySign }) => [
        model,
        factor,
        verdict,
        bySign,
      ]),
    ).toEqual([
      ['family-32', 4, 'all-safe', 4],
      ['family-64', 8, 'all-safe', 8],
    ]);
    expect(
      answerTo(made, 'unpruned').thresholds.map(({ model, factor, firstUnsafe, bySign }) => [
        model,
        factor,
        firstUnsafe,
        bySign,
      ]),
    ).toEqual([
      ['family-32', 1, 4, 1],
      ['family-64', 1, 2, 1],
    ]);
  });

  it('stop at the first factor that does not hold, whatever lies beyond', () => {
    const made = family(20, 60, 20);
    expect(answerTo(made, 'scratch').thresholds[1]).toMatchObject({ factor: 1, firstUnsafe: 2, bySign: 1 });
  });

  it('read bare differences for the paper and intervals for the test: they can differ', () => {
    // One item worse of 300: not worse by the margin of 2 points, worse by the bare difference.
    const made = family(21, 11, 21);
    const [threshold] = answerTo(made, 'scratch').thresholds;
    expect(threshold).toMatchObject({ factor: 4, verdict: 'all-safe', bySign: 1 });
    expect(answerTo(made, 'scratch', 0.001).thresholds[0]).toMatchObject({ verdict: 'cannot-tell', factor: null });
  });

  it('follow E each for its own question', () => {
    // E = 32 holds at 4; E = 64 fails at 2 already.
    const falls = family(20, 60, 200);
    expect(answerTo(falls, 'scratch').trends).toMatchObject([{ task: 'one', direction: 'falls' }]);
    // E = 32 fails at 4; E = 64 holds at 8.
    const rises = family(60, 10, 20);
    expect(answerTo(rises, 'scratch').trends).toMatchObject([
      { method: 'uncurl', treatment: 'as-is', direction: 'rises', pairs: { rises: 1, falls: 0 } },
    ]);
    expect(answerTo(rises, 'scratch').findings[0]?.sentence).toContain(
      'rises on 1 of 1 task, falls on 0, shows neither on 0 and cannot be determined on 0 (relabelling whole models: ' +
        '2 of 2 orders show a trend as strong)',
    );
  });
});

describe('gates', () => {
  it('are curves of their own: pairs, cells, rows, thresholds and findings keep them apart', () => {
    const both = record(
      [
        arm(8, 8, answers(20)),
        arm(32, 32, answers(10)),
        arm(32, 8, answers(20), { gates: 'folded' }),
        arm(32, 8, answers(90)),
      ],
      { sizes: [8, 32] },
    );
    const answer = answerTo(both, 'scratch');
    expect(answer.pairs.map(({ gates, lost, gained }) => [gates, lost, gained])).toEqual([
      ['folded', 0, 0],
      [null, 70, 0],
    ]);
    expect(answer.cells.map(({ gates, sign, draws }) => [gates, sign, draws])).toEqual([
      ['folded', 'cannot-tell', 1],
      [null, 'minus', 1],
    ]);
    expect(answer.rows.map(({ gates, minus, tasks }) => [gates, minus, tasks])).toEqual([
      ['folded', 0, 1],
      [null, 1, 1],
    ]);
    expect(answer.thresholds.map(({ gates, verdict }) => [gates, verdict])).toEqual([
      ['folded', 'all-safe'],
      [null, 'none-safe'],
    ]);
    expect(answer.models.map(({ gates, factor }) => [gates, factor])).toEqual([
      ['folded', 4],
      [null, 1],
    ]);
    expect(answer.findings.map(({ sentence }) => sentence.split(', against')[0])).toEqual([
      'UNCURL, as it is, gates folded',
      'UNCURL, as it is',
    ]);
    expect(experimentDocument(both).notes.join(' ')).toContain('Arms without the word are plain deletions.');
    expect(experimentDocument(family(20, 60, 20)).notes.join(' ')).not.toContain('plain deletions');
  });
});

describe('rows', () => {
  it('count signs over tasks, by interval and bare, and pool the items', () => {
    const two = ['one', 'two'].flatMap((task, index) => [
      arm(8, 8, answers(20), { task }),
      arm(32, 32, answers(0), { task }),
      arm(32, 8, answers(index === 0 ? 0 : 21), { task }),
    ]);
    const { rows, models } = answerTo(record(two, { sizes: [8, 32] }), 'scratch');
    expect(rows).toMatchObject([
      { tasks: 2, plus: 1, minus: 0, cannotTell: 1, above: 1, below: 1, equal: 0, safe: 2, worse: 0 },
    ]);
    expect(rows[0]?.pooled).toEqual({
      n: 600,
      difference: 19 / 600,
      ...pairedInterval({ gained: 20, lost: 1, n: 600 }),
    });
    // One of two tasks is not more than half.
    expect(models).toMatchObject([{ model: 'family-32', factor: 1, largestTested: 4 }]);
  });

  it('pool nothing where items share passages, whose intervals are wider', () => {
    const arms = [arm(8, 8, answers(20)), arm(32, 32, answers(0)), arm(32, 8, answers(0))];
    const groups = Array.from({ length: ITEMS }, (_, item) => `passage ${String(Math.floor(item / 10))}`);
    const alone = answerTo(record(arms, { sizes: [8, 32] }), 'scratch');
    const shared = answerTo(record(arms, { sizes: [8, 32], groups }), 'scratch');
    expect(shared.rows[0]?.pooled).toBeNull();
    expect(shared.pairs[0]?.low ?? 0).toBeLessThan(alone.pairs[0]?.low ?? 0);
  });
});

describe('several draws', () => {
  /** E = 32 cut to 8: a draw of each number of wrong items (20 of 300 are wrong from scratch). */
  const drawn = (wrong: readonly number[]): ExperimentRecord =>
    record(
      [
        arm(8, 8, answers(20)),
        arm(32, 32, answers(10)),
        ...wrong.map((count, seed) => arm(32, 8, answers(count), { seed })),
      ],
      { sizes: [8, 32] },
    );
  const cellOf = (wrong: readonly number[]) => answerTo(drawn(wrong), 'scratch').cells[0] ?? expect.fail('a cell');

  it('have the sign that every one of them has', () => {
    expect(cellOf([60, 50, 70])).toMatchObject({ sign: 'minus', draws: 3, minus: 3, cannotTell: 0, worse: 3, safe: 0 });
    expect(cellOf([0, 1])).toMatchObject({ sign: 'plus', plus: 2 });
  });

  it('cannot tell a sign that one of them does not have', () => {
    expect(cellOf([60, 20, 70])).toMatchObject({ sign: 'cannot-tell', plus: 0, minus: 2, cannotTell: 1 });
    expect(cellOf([60, 0])).toMatchObject({ sign: 'cannot-tell', plus: 1, minus: 1, cannotTell: 0 });
  });

  it('show their mean, their spread, and an interval that contains the interval of each', () => {
    const { pairs, cells, rows } = answerTo(drawn([30, 50]), 'scratch');
    expect(pairs.map(({ seed }) => seed)).toEqual([0, 1]);
    const [few, many] = [
      pairedInterval({ gained: 0, lost: 10, n: ITEMS }),
      pairedInterval({ gained: 0, lost: 30, n: ITEMS }),
    ];
    expect(cells[0]).toMatchObject({ lowest: -30 / 300, highest: -10 / 300, low: many.low, high: few.high });
    expect(cells[0]?.difference).toBeCloseTo(-20 / 300, 12);
    expect(rows[0]).toMatchObject({ draws: 2, tasks: 1, minus: 1, worse: 0, safe: 0 });
    expect(rows[0]?.pooled).toMatchObject({ n: ITEMS, low: many.low, high: few.high });
  });

  it('hold a factor where each of them does, and say the threshold of each', () => {
    const all = answerTo(drawn([20, 19]), 'scratch').thresholds[0];
    expect(all).toMatchObject({ factor: 4, verdict: 'all-safe', bySign: 4 });
    const some = answerTo(drawn([20, 60]), 'scratch');
    expect(some.thresholds[0]).toMatchObject({ factor: 1, firstUnsafe: 4, bySign: 1 });
    expect(some.thresholds[0]?.draws).toMatchObject([
      { seed: 0, lastSafe: 4 },
      { seed: 1, lastSafe: 1 },
    ]);
    expect(some.findings[0]?.sentence).toContain('of 1 comparison of 2 draws each');
  });

  it('are compared with the reference of the same draw where there is one', () => {
    const made = record(
      [
        arm(8, 8, answers(20), { treatment: 'tuned', seed: 0 }),
        arm(8, 8, answers(60), { treatment: 'tuned', seed: 1 }),
        arm(32, 8, answers(60), { treatment: 'tuned', seed: 0 }),
        arm(32, 8, answers(60), { treatment: 'tuned', seed: 1 }),
      ],
      { sizes: [8, 32] },
    );
    expect(answerTo(made, 'scratch').pairs.map(({ seed, lost }) => [seed, lost])).toEqual([
      [0, 40],
      [1, 0],
    ]);
  });
});

describe('arms', () => {
  it('are compared with arms that were treated alike, refitted ones with unrefitted ones', () => {
    const made = record(
      [
        arm(8, 8, answers(20)),
        arm(8, 8, answers(5), { treatment: 'tuned' }),
        arm(32, 8, answers(30)),
        arm(32, 8, answers(20), { treatment: 'refit' }),
        arm(32, 8, answers(10), { treatment: 'tuned' }),
        arm(32, 8, answers(8), { treatment: 'new-router' }),
      ],
      { sizes: [8, 32] },
    );
    const { pairs } = answerTo(made, 'scratch');
    expect(pairs.map(({ treatment, gained, lost }) => [treatment, gained, lost])).toEqual([
      ['as-is', 0, 10],
      ['refit', 0, 0],
      ['tuned', 0, 5],
      ['new-router', 0, 3],
    ]);
    // The unpruned member was not measured yet, so there are no results against it.
    expect(answerTo(made, 'unpruned')).toMatchObject({ pairs: [], rows: [], thresholds: [], findings: [] });
    expect(experimentDocument(made).notes.join(' ')).toContain('Arms with a new random router are compared with');
    expect(experimentDocument(family(20, 60, 20)).notes.join(' ')).not.toContain('router');
  });

  it('that answered other items are refused', () => {
    const made = record([arm(8, 8, answers(0)), arm(32, 8, answers(0, 0, 200))]);
    expect(() => experimentDocument(made)).toThrow('different items');
  });
});

it('a published row is above the scratch model of its size where its accuracy is higher, not where it is equal', () => {
  const row = { method: 'UNCURL', experts: 32, kept: 8, values: [50, 61.25, null, 39] };
  const table = { source: 'paper', url: '', note: '', tasks: ['a', 'b', 'c', 'd'] };
  const scratch = [{ experts: 8, values: [50, 60, 70, 40] }];
  expect(publishedDifferences({ ...table, scratch, rows: [row] }).rows).toEqual([
    { ...row, factor: 4, differences: [0, 1.25, null, -1], above: 1, of: 3 },
  ]);
});
