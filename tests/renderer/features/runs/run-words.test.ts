import { expect, test } from 'vitest';
import { NO_LABEL, type RunManifest } from '../../../../main/contract/run.ts';
import { runIcon, runNote } from '../../../../renderer/features/runs/run-row.tsx';
import { runOf } from '../../../main/contract/run-of.ts';

const now = new Date('2026-03-04T12:00:00');
const run = (fields: Partial<RunManifest>): RunManifest =>
  runOf({
    id: 'verify-1',
    kind: 'verify',
    title: 'Verification',
    createdAt: new Date('2026-03-04T08:05:00').toISOString(),
    finishedAt: new Date('2026-03-04T08:08:00').toISOString(),
    ...fields,
  });

test('only a reproduction that matched has a check mark, whatever its kind and state', () => {
  const kinds = ['profile', 'sweep', 'export', 'verify', 'reproduce', 'finetune', 'experiment'] as const;
  const states = ['queued', 'running', 'done', 'failed', 'cancelled', 'interrupted'] as const;
  for (const kind of kinds) {
    for (const state of states) {
      expect(runIcon(run({ kind, state })), `${kind} ${state}`).not.toBe('check');
      expect(runIcon(run({ kind, state, finding: 'different' })), `${kind} ${state}`).toBe('warning');
    }
  }
  expect(runIcon(run({ finding: 'equal' }))).toBe('check');
  expect(runIcon(run({ finding: 'equal', damaged: 'gone' }))).toBe('warning');
});

test('a row shows state, day and time, and duration', () => {
  expect(runNote(run({ kind: 'sweep' }), now)).toBe('4 Mar, 08:05 · 3\u202fmin');
  expect(runNote(run({ finding: 'different' }), now)).toBe('not equal · 4 Mar, 08:05 · 3\u202fmin');
  expect(runNote(run({ state: 'running', finishedAt: null }), now)).toBe('running · 4 Mar, 08:05');
  expect(runNote(run({ damaged: 'is no folder' }), now)).toBe('damaged · 4 Mar, 08:05');
  expect(runNote(run({ kind: 'sweep', label: { ...NO_LABEL, archived: true } }), now)).toMatch(/archived$/);
});
