import { expect, test } from 'vitest';
import type { ChoiceOutcome, ItemOutcome } from '../../../../main/contract/outcome.ts';
import type { RunManifest } from '../../../../main/contract/run.ts';
import { pointNameKey, type SweepResult } from '../../../../main/contract/sweep.ts';
import {
  type ComparedSweep,
  compareSweeps,
  matchedNames,
  sweepsOverview,
} from '../../../../main/evaluation/sweeps/compare-sweeps.ts';
import { settingsDifference } from '../../../../main/evaluation/sweeps/settings-difference.ts';
import { summarise } from '../../../../main/evaluation/summarise.ts';
import { newcombeInterval } from '../../../../main/statistics/unpaired-difference.ts';
import { mcnemarExact } from '../../../../main/statistics/p-values.ts';
import { pairedInterval } from '../../../../main/statistics/exact-paired-test.ts';

/** Items numbered from `first`, one a character: 1 right, 0 wrong. */
const answers = (right: string, first = 0): ChoiceOutcome[] =>
  Array.from(right, (one, index) => ({
    kind: 'choice',
    id: `item ${first + index}`,
    logprobs: [0, -1],
    chosen: one === '1' ? 0 : 1,
    chosenNorm: one === '1' ? 0 : 1,
    answer: 0,
    truncatedTokens: 0,
  }));

interface Point {
  readonly method: string;
  readonly seed?: number;
  readonly factor: number;
  readonly outcomes: readonly ItemOutcome[] | null;
  readonly model?: string;
}

const sweep = (
  id: string,
  points: readonly Point[],
  fields: Partial<Pick<RunManifest, 'spec' | 'tasks' | 'state' | 'label'>> = {},
): ComparedSweep => {
  const stored = new Map<string, readonly ItemOutcome[] | null>();
  const results = points.map(({ method, seed = null, factor, outcomes, model = 'm' }): SweepResult => {
    const known = outcomes ?? answers('1');
    const result = {
      ...summarise('acc', known, known),
      model,
      task: 't',
      method,
      seed,
      factor,
      kept: 16 / factor,
    };
    stored.set(pointNameKey(result), outcomes);
    return result;
  });
  return {
    manifest: {
      id,
      kind: 'sweep',
      title: `Title of ${id}`,
      createdAt: '2026-01-01T12:00:00.000Z',
      finishedAt: null,
      state: 'done',
      error: null,
      spec: { methods: ['reap'], factors: [1, 2] },
      models: [{ name: 'm', path: '/m', fingerprint: 'f'.repeat(64) }],
      tasks: [{ name: 't', path: '/t', hash: 'h'.repeat(64) }],
      versions: { workbench: '1' },
      device: { provider: 'cpu', precision: 'float32', threads: 1, processor: 'test' },
      commandLine: '',
      output: null,
      ...fields,
    },
    document: { run: id, results, thresholds: [], rule: '' },
    outcomesOf: (result) => stored.get(pointNameKey(result)) ?? null,
  };
};

const other = { tasks: [{ name: 't', path: '/t', hash: 'x'.repeat(64) }] };

test('the same items are paired: Tango, McNemar, and Holm over all rows', () => {
  const [before, after] = ['1111111111000000', '1111100000111111'];
  const a = sweep('a', [
    { method: 'unpruned', factor: 1, outcomes: answers(before) },
    { method: 'reap', factor: 2, outcomes: answers(before) },
    { method: 'reap', factor: 4, outcomes: answers(before) },
  ]);
  const b = sweep('b', [
    { method: 'unpruned', factor: 1, outcomes: answers(before) },
    { method: 'reap', factor: 2, outcomes: answers(after) },
    { method: 'reap', factor: 8, outcomes: answers(after) },
  ]);
  const { rows, runs, notes } = compareSweeps([a, b]);
  expect(runs.map(({ run }) => run)).toEqual(['a', 'b']);
  expect(rows.map(({ method, factor, items, difference }) => [method, factor, items, difference])).toEqual([
    ['unpruned', 1, 'same', 0],
    ['reap', 2, 'same', 1 / 16],
  ]);
  expect(rows[1]).toMatchObject({
    run: 'b',
    n: 16,
    value: 11 / 16,
    referenceValue: 10 / 16,
    lost: 5,
    gained: 6,
    interval: pairedInterval({ gained: 6, lost: 5, n: 16 }),
    p: mcnemarExact(5, 6),
    pHolm: 1,
    reading: 'cannot-tell',
  });
  expect(notes).toEqual(['2 candidates of one sweep are not in the other.']);
});

test('the unpruned model at each type of weights is a candidate of its own, not a draw', () => {
  const stored = { method: 'unpruned', factor: 1, outcomes: answers('1111') };
  const rounded = { method: 'unpruned@q8_0', factor: 1, outcomes: answers('1110') };
  const { rows, notes } = compareSweeps([sweep('a', [stored]), sweep('b', [stored, rounded])]);
  expect(rows.map(({ method, value, pairs }) => [method, value, pairs.length])).toEqual([['unpruned', 1, 1]]);
  expect(notes).toEqual(['1 candidate of one sweep is not in the other.']);
});

test('a real difference is read on its side', () => {
  const [low, high] = ['0'.repeat(40) + '1'.repeat(10), '1'.repeat(50)];
  const rows = (first: string, second: string) =>
    compareSweeps([
      sweep('a', [{ method: 'reap', factor: 2, outcomes: answers(first) }]),
      sweep('b', [{ method: 'reap', factor: 2, outcomes: answers(second) }]),
    ]);
  expect(rows(low, high).rows[0]).toMatchObject({ reading: 'better', difference: 0.8 });
  expect(rows(high, low).rows[0]).toMatchObject({ reading: 'worse', difference: -0.8 });
  expect(sweepsOverview(rows(high, low))).toBe(
    '1 comparison: 0 better, 1 worse, 0 cannot tell; 1 significant by Holm\u2019s procedure over all.',
  );
});

test('what two comparisons show by the interval alone is not significant by Holm\u2019s procedure', () => {
  const both = (id: string, right: string): ComparedSweep =>
    sweep(
      id,
      [2, 4].map((factor) => ({ method: 'reap', factor, outcomes: answers(right) })),
    );
  // McNemar's p of 0 lost and 6 gained is 2 / 64, and twice that for two.
  const compared = compareSweeps([both('a', '0000001111'), both('b', '1111111111')]);
  expect(compared.rows.map(({ pHolm }) => pHolm)).toEqual([4 / 64, 4 / 64]);
  expect(sweepsOverview(compared)).toBe(
    '2 comparisons: 2 better, 0 worse, 0 cannot tell; 0 significant by Holm\u2019s procedure over all.',
  );
});

test('a sweep of the first items is compared on the shared ones, with a note', () => {
  const { rows, notes } = compareSweeps([
    sweep('a', [{ method: 'reap', factor: 2, outcomes: answers('1100110011') }]),
    sweep('b', [{ method: 'reap', factor: 2, outcomes: answers('0111') }]),
  ]);
  expect(rows[0]).toMatchObject({ items: 'common', n: 4, referenceN: 4, lost: 1, gained: 2, value: 0.75 });
  expect(rows[0]?.referenceValue).toBe(0.5);
  expect(notes[0]).toMatch(/^On t one sweep asked more items than the other/);
});

test('different items are not paired, whatever they are called, with a note', () => {
  const points = (right: string): Point[] => [{ method: 'reap', factor: 2, outcomes: answers(right) }];
  const { rows, notes } = compareSweeps([sweep('a', points('1111100000')), sweep('b', points('11110000'), other)]);
  expect(rows[0]).toMatchObject({
    items: 'other',
    n: 8,
    referenceN: 10,
    difference: 0,
    interval: newcombeInterval({ right: 4, n: 8 }, { right: 5, n: 10 }),
    p: null,
    pHolm: null,
    lost: null,
    reading: 'cannot-tell',
  });
  expect(notes[0]).toMatch(/different items: nothing is paired/);
  const grouped = answers('1100').map((one) => ({ ...one, group: 'passage' }));
  const text: ItemOutcome[] = [{ kind: 'text', id: 'x', logprob: -3, tokens: 2 }];
  expect(
    compareSweeps([sweep('a', points('10')), sweep('b', [{ method: 'reap', factor: 2, outcomes: grouped }], other)])
      .rows[0],
  ).toMatchObject({ interval: null, reading: null });
  expect(text).toHaveLength(1);
});

test('draws are paired by seed; a difference must hold in every draw', () => {
  const [none, all] = ['0'.repeat(30), '1'.repeat(30)];
  const draw = (seed: number, right: string): Point => ({
    method: 'random',
    seed,
    factor: 2,
    outcomes: answers(right),
  });
  const a = sweep('a', [draw(0, none), draw(1, all)]);
  const { rows } = compareSweeps([a, sweep('b', [draw(0, all), draw(1, all)])]);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ difference: 0.5, lowest: 0, highest: 1, interval: null, reading: 'draws-differ' });
  expect(rows[0]?.pairs.map(({ seed, otherSeed, difference }) => [seed, otherSeed, difference])).toEqual([
    [0, 0, 1],
    [1, 1, 0],
  ]);
  const { rows: strangers } = compareSweeps([a, sweep('b', [draw(7, all), draw(8, all)])]);
  expect(strangers[0]).toMatchObject({ difference: 0.5, reading: 'draws-differ' });
  expect(strangers[0]?.pairs).toHaveLength(4);
});

test('one method against another, one model against another: they are matched where each is alone', () => {
  expect([...matchedNames(['a', 'b'], ['b', 'c'])]).toEqual([['b', 'b']]);
  expect([...matchedNames(['a'], ['b'])]).toEqual([['a', 'b']]);
  expect([...matchedNames(['a', 'b'], ['c'])]).toEqual([]);
  const { rows } = compareSweeps([
    sweep('a', [{ method: 'reap', factor: 2, outcomes: answers('10'), model: 'old' }]),
    sweep('b', [{ method: 'uncurl', factor: 2, outcomes: answers('11'), model: 'new' }]),
  ]);
  expect(rows[0]).toMatchObject({
    model: 'new',
    referenceModel: 'old',
    method: 'uncurl',
    referenceMethod: 'reap',
    items: 'same',
  });
});

test('settings that differ are listed by key, with defaults; missing and unshared candidates are noted', () => {
  const a = sweep('a', [{ method: 'reap', factor: 2, outcomes: null }]);
  const b = sweep('b', [{ method: 'reap', factor: 2, outcomes: answers('1') }], {
    spec: { methods: ['reap'], factors: [1, 2], limit: 100, options: { reap: { renormalise: false } } },
    state: 'cancelled',
    label: { name: 'Mine', note: '', tags: [], archived: false },
  });
  const comparison = compareSweeps([a, b]);
  expect(comparison.settings).toEqual([
    { key: 'limit', values: ['\u2013', '100'] },
    { key: 'options.reap.renormalise', values: ['\u2013', 'false'] },
  ]);
  expect(comparison.sameSettings).toBeGreaterThan(10);
  expect(comparison.rows).toEqual([]);
  expect(comparison.runs[1]).toEqual({ run: 'b', name: 'Mine', createdAt: '2026-01-01T12:00:00.000Z' });
  expect(comparison.notes).toEqual([
    'The sweeps share no candidate: no model, task, method and factor is measured in both.',
    'The outcomes of 1 candidate are no longer stored: resume the sweep that lacks them.',
    'Mine did not finish: what is measured is compared.',
  ]);
});

test('weights and items are listed where two sweeps differ in them, not where one lacks the model or the task', () => {
  const own = { name: 'm', path: '/m', fingerprint: 'aaaaaaaa' };
  const other = { name: 'n', path: '/n', fingerprint: 'bbbbbbbb' };
  const of = (id: string, models: readonly (typeof own)[]) => ({ ...sweep(id, []).manifest, models: [...models] });
  const withFile = (id: string, text: string) => ({
    ...sweep(id, []).manifest,
    spec: { methods: ['mine'], factors: [2], files: { mine: { name: 'mine.json', text } } },
  });
  expect(settingsDifference([withFile('a', '{}'), withFile('b', '{"a": 1}')]).differing).toEqual([
    { key: 'files.mine', values: ['mine.json, 2 characters', 'mine.json, 8 characters'] },
  ]);
  const keys = (...models: readonly (readonly (typeof own)[])[]) =>
    settingsDifference(models.map((each, index) => of(String(index), each))).differing.map(({ key }) => key);
  expect(keys([own], [own, other])).toEqual(['models']);
  expect(keys([own], [{ ...own, fingerprint: 'cccccccc' }])).toEqual(['weights of m']);
});
