import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { pathHandle } from '../../../main/contract/model.ts';
import { linkedFragment } from '../../../main/contract/page-fragment.ts';
import { RUN_GROUPS, runColumns, RUNS_SHOWN } from '../../../main/figures/run-tables.ts';
import {
  hasShown,
  readShown,
  show,
  type Shown,
  shownBeside,
  shownWords,
} from '../../../renderer/state/shown-address.ts';
import { sweepStore } from '../../../renderer/state/sweep-store.ts';
import { compareStore, curvesModes, curvesStore } from '../../../renderer/state/view-stores.ts';

const writtenOf = (shown: Shown): URLSearchParams => new URLSearchParams(shownWords(shown).map(([...pair]) => pair));
const readOf = (address: URLSearchParams): Shown => readShown((key) => address.get(key));
const plain = readOf(new URLSearchParams());

test('the defaults are not written, and nothing else says so', () => {
  expect(shownWords(plain)).toEqual([]);
  expect(plain.columns).toBe(RUNS_SHOWN);
  expect(hasShown(new URLSearchParams('view=runs&model=m'))).toBe(false);
  expect(hasShown(new URLSearchParams('sort=-n'))).toBe(true);
});

test('what is shown is read back from an address that the engine stores', () => {
  const names = runColumns.flatMap(([name, , shown]) => (shown === undefined ? [] : [name]));
  const point = { run: 'sample', model: 'uncurl-16, a;b', task: 'sort', method: 'reap', seed: null, factor: 2 };
  const runs = fc.subarray(['sweep-1', 'profile-20260101-002', 'sample']);
  const shown: fc.Arbitrary<Shown> = fc.record({
    chart: fc.constantFrom(...curvesModes),
    margin: fc.constantFrom(null, 0.0005, 0.05),
    familywise: fc.boolean(),
    enlarged: fc.constantFrom(null, 'sort', 'a, b & c/d'),
    hidden: fc.subarray(['reap', 'uncurl+recovery', 'frequency@q4_0']),
    tables: fc.subarray(['map', 'thresholds', 'compare'] as const),
    answers: fc.constantFrom(null, 'chosen', 'written'),
    against: fc.constantFrom('best', 'unpruned', 'reap'),
    sweep: fc.constantFrom(
      null,
      { methods: ['reap'], typedFactors: '1.5, 7/13' },
      { models: ['uncurl-16, a/b'], refits: [], skippedFactors: [2], adaptive: true, fidelity: true, limit: 50 },
    ),
    filter: fc.string({ unit: 'grapheme' }),
    archived: fc.boolean(),
    chosen: runs,
    sort: fc.option(fc.record({ column: fc.constantFrom(...names), descending: fc.boolean() })),
    group: fc.option(fc.constantFrom(...RUN_GROUPS)),
    columns: fc.subarray(names, { minLength: 1 }),
    pinned: runs,
    unfolded: runs,
    compared: fc.subarray([point, { ...point, seed: 3, factor: 4 }]),
    slice: fc.constantFrom({ by: 'all', name: '' } as const, { by: 'token', name: ' 1:2, &/' } as const),
  });
  fc.assert(
    fc.property(shown, (one) => {
      const written = writtenOf(one);
      expect(readOf(written)).toEqual(one);
      if ([...written].length > 0) expect(linkedFragment(written.toString())).not.toBeNull();
    }),
  );
});

test('unknown words mean the defaults', () => {
  const address = new URLSearchParams('chart=pie&sort=-nothing&group=colour&columns=gone&chosen=../x&filter=50%');
  for (const [key, word] of Object.entries({ margin: '9', tables: 'gone', against: '<b>', sweep: '{"limit":-7}' }))
    address.set(key, word);
  expect(readOf(address)).toEqual({ ...plain, filter: '50%' });
});

test('followed late, an address does not undo what was typed or chosen before', () => {
  const named: Shown = { ...plain, filter: 'of the address', hidden: ['reap'], chosen: ['sweep-1'], margin: 0.05 };
  expect(shownBeside(named, { ...plain })).toEqual(named);
  const typed: Shown = { ...plain, filter: '#odd layer', chosen: ['sweep-2'] };
  expect(shownBeside(named, typed)).toEqual({ ...named, filter: '#odd layer', chosen: ['sweep-2'] });
  expect(shownBeside(plain, typed)).toEqual(typed);
});

test('the form of a sweep is shown again with the models that are open here; other addresses leave it', () => {
  onTestFinished(() => {
    sweepStore.setState(sweepStore.getInitialState(), true);
    curvesStore.setState(curvesStore.getInitialState(), true);
    compareStore.setState(compareStore.getInitialState(), true);
  });
  const models = [{ handle: pathHandle.parse('h'), name: 'uncurl-16' }];
  const sweep = { models: ['uncurl-16', 'gone'], methods: ['reap'], typedFactors: '3', adaptive: true };
  show({ ...plain, sweep, margin: 0.05, tables: ['compare'] }, { models });
  const form = { methods: ['reap'], typedFactors: '3', adaptive: true, otherModels: ['h'], isFromAddress: true };
  expect(sweepStore.getState()).toMatchObject(form);
  expect([curvesStore.getState().delta, compareStore.getState().asTable]).toEqual([0.05, true]);
  show(plain, { models });
  expect(sweepStore.getState()).toMatchObject(form);
  expect([curvesStore.getState().delta, compareStore.getState().asTable]).toEqual([null, false]);
});
