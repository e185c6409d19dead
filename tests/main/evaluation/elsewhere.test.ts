import { expect, test } from 'vitest';
import type { ElsewherePoint, SweepResult } from '../../../main/contract/sweep.ts';
import { elsewhereSummaries, everywhereSentence, summarySentence } from '../../../main/evaluation/elsewhere.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { elsewhereMatrices } from '../../../main/figures/elsewhere-figure.ts';
import { sweepResult } from './outcomes.ts';

const DELTA = 0.02;
const N = 300;
const TASKS = ['sums', 'french', 'plural'];

const result = (task: string, factor: number, lost: number, fields: Partial<SweepResult> = {}): SweepResult =>
  sweepResult({ task, factor, kept: 16 / factor, n: N, lost, difference: (0 - lost) / N, ...fields });

/** Items lost at factors 2 and 4, by the task that a plan was made for and the one that it was measured on. */
const LOST: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  sums: { sums: [0, 0], french: [93, 150], plural: [0, 1] },
  french: { sums: [0, 20], french: [0, 0], plural: [0, 0] },
  plural: { sums: [0, 0], french: [0, 0], plural: [0, 0] },
  all: { sums: [0, 0], french: [0, 1], plural: [0, 30] },
};

const document = (without: (point: ElsewherePoint) => boolean = () => false) => {
  const cells = Object.entries(LOST).flatMap(([madeFor, row]) =>
    TASKS.flatMap((task) =>
      [2, 4].map((factor, index) => ({ madeFor, result: result(task, factor, row[task]?.[index] ?? 0) })),
    ),
  );
  return {
    run: '',
    results: cells.filter((one) => one.madeFor === one.result.task).map((one) => one.result),
    elsewhere: cells
      .filter((one) => one.madeFor !== one.result.task)
      .map((one) => ({ ...one, madeFor: one.madeFor === 'all' ? null : one.madeFor }))
      .filter((one) => !without(one)),
    thresholds: [],
    rule: '',
  };
};

const everywhere = (read: ReturnType<typeof withThresholds>) =>
  read.thresholds.map((threshold) => [threshold.task, threshold.lastSafe, threshold.everywhere]);

test('a factor is safe everywhere if it and every smaller one are safe on every task', () => {
  const read = withThresholds(document(), { delta: DELTA });
  const none = { factor: 1, lastSafe: 1, firstUnsafe: 2, verdict: 'none-safe', tasks: 3 };
  const half = { factor: 2, lastSafe: 2, firstUnsafe: 4, verdict: 'found', tasks: 3 };
  expect(everywhere(read)).toEqual([
    ['sums', 4, none],
    ['french', 4, half],
    ['plural', 4, { factor: 4, lastSafe: 4, firstUnsafe: null, verdict: 'all-safe', tasks: 3 }],
  ]);
  expect(read.together).toEqual([{ model: 'model', method: 'reap', ...half }]);
  const verdicts = read.elsewhere?.map(({ result: { verdict } }) => verdict);
  expect(verdicts?.filter((verdict) => verdict === 'worse')).toHaveLength(4);
  const [sums] = read.thresholds;
  if (sums === undefined) throw new Error('no threshold');
  expect(everywhereSentence(read, sums)).toBe(
    'Made for sums by REAP (model): safe for sums to ×4 or more, on every task at no tested factor; at ×2 french ' +
      'changes by −31.0 points.',
  );
  // The task that loses most is named, of several that break.
  const broken = document();
  const sentenceWith = (lost: number): string | null => {
    const elsewhere = broken.elsewhere.map((point) =>
      point.madeFor === 'sums' && point.result.task === 'plural'
        ? { ...point, result: result('plural', point.result.factor, lost) }
        : point,
    );
    return everywhereSentence(withThresholds({ ...broken, elsewhere }, { delta: DELTA }), sums);
  };
  expect(sentenceWith(60)).toContain('at ×2 french changes by −31.0 points.');
  expect(sentenceWith(120)).toContain('at ×2 plural changes by −40.0 points.');
  const { everywhere: _everywhere, ...own } = sums;
  expect(everywhereSentence(read, own)).toBeNull();
});

test('one point on another task suffices to read its factor everywhere', () => {
  const whole = document();
  const elsewhere = whole.elsewhere.filter(
    ({ madeFor, result: { task, factor } }) => [madeFor, task, factor].join() === 'sums,french,2',
  );
  const read = withThresholds({ ...whole, elsewhere }, { delta: DELTA });
  expect(read.thresholds[0]?.everywhere).toMatchObject({ firstUnsafe: 2 });
  expect(withThresholds({ ...whole, elsewhere: [] }, { delta: DELTA })).not.toHaveProperty('curtailed');
});

test('of several draws the joint threshold alone is read everywhere', () => {
  const whole = document();
  const drawn = [0, 1].flatMap((seed) =>
    whole.results.filter(({ task }) => task === 'sums').map((one) => ({ ...one, method: 'random', seed })),
  );
  const elsewhere = [0, 1].flatMap((seed) =>
    whole.elsewhere
      .filter(({ madeFor }) => madeFor === 'sums')
      .map((one) => ({ ...one, result: { ...one.result, method: 'random', seed } })),
  );
  const { thresholds } = withThresholds({ ...whole, results: drawn, elsewhere }, { delta: DELTA });
  expect(thresholds.map(({ seed, everywhere: all }) => [seed, all?.verdict])).toEqual([
    [0, undefined],
    [1, undefined],
    [null, 'none-safe'],
  ]);
});

test('a factor that lacks a task is not safe everywhere yet, and tasks at chance do not count', () => {
  const open = withThresholds(
    document(({ madeFor, result: { task, factor } }) => madeFor === 'plural' && task === 'french' && factor === 4),
    { delta: DELTA },
  );
  expect(everywhere(open)[2]?.[2]).toMatchObject({ lastSafe: 2, firstUnsafe: null });
  const atChance = { ...document() };
  const guessing = result('french', 1, 0, { method: 'unpruned', chance: { accuracy: 0.25, p: 0.4 } });
  const read = withThresholds({ ...atChance, results: [guessing, ...atChance.results] }, { delta: DELTA });
  expect(everywhere(read)[0]).toEqual([
    'sums',
    4,
    { factor: 4, lastSafe: 4, firstUnsafe: null, verdict: 'all-safe', tasks: 2 },
  ]);
  expect(read.elsewhere?.find(({ result: { task } }) => task === 'french')?.result.verdict).toBe('at-chance');
});

test('few items tell nothing; read familywise, the level is divided by the number of rows', () => {
  const few = document();
  const cut = (one: SweepResult): SweepResult => ({ ...one, n: 120, lost: 0, difference: 0 });
  const short = {
    ...few,
    results: few.results.map(cut),
    elsewhere: few.elsewhere.map((one) => ({ ...one, result: cut(one.result) })),
  };
  expect(everywhere(withThresholds(short, { delta: DELTA }))[2]?.[2]).toMatchObject({ verdict: 'cannot-tell' });
  // 300 items suffice at 5 % / 4 rows, for no lost item at all.
  const family = withThresholds(document(), { delta: DELTA, familywise: true });
  expect(everywhere(family)[2]?.[2]).toMatchObject({ verdict: 'all-safe' });
  expect(everywhere(family)[1]?.[2]).toMatchObject({ lastSafe: 2 });
  const one = document();
  const lost = one.elsewhere.map((point) =>
    point.madeFor === 'plural' && point.result.task === 'sums' ? { ...point, result: result('sums', 2, 1) } : point,
  );
  const [alone, together] = [false, true].map((familywise) =>
    withThresholds({ ...one, elsewhere: lost }, { delta: DELTA, familywise }),
  );
  expect(alone && everywhere(alone)[2]?.[2]).toMatchObject({ firstUnsafe: null });
  expect(together && everywhere(together)[2]?.[2]).toMatchObject({ verdict: 'none-safe', firstUnsafe: 2 });
});

test('a summary counts cells off the own task, and names the one that loses most', () => {
  const [atTwo] = elsewhereSummaries(withThresholds(document(), { delta: DELTA }), DELTA);
  expect(atTwo).toMatchObject({ factor: 2, own: 0, cells: 6, losing: 1, worst: { madeFor: 'sums', task: 'french' } });
  expect(atTwo?.others).toBeCloseTo(-93 / N / 6, 12);
  expect(atTwo?.together).toEqual({
    mean: 0,
    worst: { madeFor: null, task: 'sums', difference: 0 },
    safe: 3,
    unsafe: 0,
    undecided: 0,
  });
  expect(atTwo && summarySentence(atTwo, DELTA)).toBe(
    'model by REAP at ×2: plans made for one task change accuracy by 0.0 points in the mean on that task, and by ' +
      '−5.2 on the others, at worst by −31.0 (made for sums, measured on french). In 1 of 6 such pairs it falls by ' +
      'more than 2.0 points. One plan made for all tasks changes it by 0.0 in the mean, at worst by 0.0 (sums); ' +
      'of its tasks 3 are safe, 0 unsafe and 0 undecided.',
  );
});

test('the matrix has the own task on its diagonal, and of several draws the one that loses most', () => {
  const [atTwo, atFour] = elsewhereMatrices(document(), { model: 'model', method: 'reap' });
  expect(atTwo?.rows.map(({ madeFor }) => madeFor)).toEqual(['sums', 'french', 'plural', null]);
  const lost = atFour?.rows.map(({ cells }) => cells.map((cell) => cell?.lost));
  expect(lost).toEqual(Object.values(LOST).map((row) => TASKS.map((task) => row[task]?.[1])));
  const drawn = document();
  const seeds = drawn.elsewhere.flatMap((one) => [
    { ...one, result: { ...one.result, seed: 0 } },
    {
      ...one,
      result: { ...one.result, seed: 1, lost: one.result.lost + 5, difference: one.result.difference - 5 / N },
    },
  ]);
  const [worst] = elsewhereMatrices({ ...drawn, elsewhere: seeds }, { model: 'model', method: 'reap' });
  expect(worst?.rows[0]?.cells.map((cell) => cell?.lost)).toEqual([0, 98, 5]);
});
