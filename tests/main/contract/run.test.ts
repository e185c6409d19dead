import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  filterRuns,
  NO_LABEL,
  runDurationMs,
  type RunManifest,
  runOrders,
  sortRuns,
  tagsIn,
} from '../../../main/contract/run.ts';
import { runOf } from './run-of.ts';

const run = (id: string, fields: Partial<RunManifest> = {}): RunManifest =>
  runOf({ id, title: `Title of ${id}`, label: NO_LABEL, ...fields });

const named = (name: string, fields: Partial<RunManifest> = {}): RunManifest =>
  run(name, { label: { ...NO_LABEL, name }, ...fields });
const ids = (runs: readonly RunManifest[]): readonly string[] => runs.map(({ id }) => id);

const model = { name: 'olmoe', path: '/m', fingerprint: 'f' };
const task = { name: 'french', path: '/t', hash: 'h' };
const shelf = [
  run('sweep-1', { models: [model], tasks: [task] }),
  run('sweep-2', { state: 'failed', label: { ...NO_LABEL, name: 'Night run', tags: ['paper', 'Final'] } }),
  run('profile-3', { kind: 'profile', tasks: [task], label: { ...NO_LABEL, archived: true, tags: ['paper'] } }),
  run('verify-4', { kind: 'verify', label: { ...NO_LABEL, note: 'differs in layer three' } }),
];

test.each([
  ['', ['sweep-1', 'sweep-2', 'verify-4']],
  ['OLMoE french', ['sweep-1']],
  ['night', ['sweep-2']],
  ['title sweep-2', ['sweep-2']],
  ['failed', ['sweep-2']],
  ['verify', ['verify-4']],
  ['layer three', ['verify-4']],
  ['#final', ['sweep-2']],
  ['#fin', []],
  ['fin', ['sweep-2']],
  ['#', ['sweep-1', 'sweep-2', 'verify-4']],
  ['nowhere', []],
])('the words "%s" find %j', (text, found) => {
  expect(ids(filterRuns(shelf, { text, tags: [], archived: false }))).toEqual(found);
});

test('archived runs are shown on request, and all tags must match', () => {
  expect(ids(filterRuns(shelf, { text: '', tags: [], archived: true }))).toEqual(ids(shelf));
  expect(ids(filterRuns(shelf, { text: '', tags: ['paper'], archived: false }))).toEqual(['sweep-2']);
  expect(ids(filterRuns(shelf, { text: '', tags: ['PAPER'], archived: true }))).toEqual(['sweep-2', 'profile-3']);
  expect(ids(filterRuns(shelf, { text: '', tags: ['paper', 'final'], archived: true }))).toEqual(['sweep-2']);
});

test('runs are sorted by time, name, kind and duration; the newest of equals comes first', () => {
  const at = (minute: number): string => `2026-01-01T12:${String(minute).padStart(2, '0')}:00.000Z`;
  const runs = [
    named('Run 10', { createdAt: at(1), finishedAt: at(9), kind: 'sweep' }),
    named('Run 2', { createdAt: at(2), finishedAt: null, kind: 'profile' }),
    named('run 2', { createdAt: at(3), finishedAt: at(4), kind: 'sweep' }),
    named('Alpha', { createdAt: at(4), finishedAt: at(44), kind: 'export' }),
  ];
  expect(ids(sortRuns(runs, 'newest'))).toEqual(['Alpha', 'run 2', 'Run 2', 'Run 10']);
  expect(ids(sortRuns(runs, 'name'))).toEqual(['Alpha', 'run 2', 'Run 2', 'Run 10']);
  expect(ids(sortRuns(runs, 'kind'))).toEqual(['Alpha', 'Run 2', 'run 2', 'Run 10']);
  expect(ids(sortRuns(runs, 'duration'))).toEqual(['Alpha', 'Run 10', 'run 2', 'Run 2']);
  expect(runs.map(runDurationMs)).toEqual([480_000, null, 60_000, 2_400_000]);
  // The clock was set back while it worked.
  expect(runDurationMs(named('Back', { createdAt: at(9), finishedAt: at(1) }))).toBeNull();
});

test('sorting keeps exactly the given runs, in any input order', () => {
  const some = fc.array(
    fc.record({ id: fc.uuid(), minute: fc.integer({ min: 0, max: 59 }), kind: fc.constantFrom('sweep', 'export') }),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(some, fc.constantFrom(...runOrders), (made, order) => {
      const runs = made.map(({ id, minute, kind }) =>
        run(id, { kind: kind === 'sweep' ? 'sweep' : 'export', createdAt: new Date(minute * 60_000).toISOString() }),
      );
      const sorted = sortRuns(runs, order);
      expect([...sorted].sort((a, b) => a.id.localeCompare(b.id))).toEqual(
        [...runs].sort((a, b) => a.id.localeCompare(b.id)),
      );
      expect(sortRuns([...runs].reverse(), order)).toEqual(sorted);
    }),
  );
});

test('tags are parsed from typed text', () => {
  expect(tagsIn(' paper, #final  paper\t#x ,')).toEqual(['paper', 'final', 'x']);
  expect(tagsIn(' # ,')).toEqual([]);
});
