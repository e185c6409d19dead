import { expect, test } from 'vitest';
import type { EngineEvent } from '../../../main/contract/events.ts';
import type { RunState } from '../../../main/contract/run.ts';
import { longJobs } from '../../../renderer/state/long-jobs.ts';

const progress = (run: string, elapsedMs: number): EngineEvent => ({
  type: 'job.progress',
  progress: { run, kind: 'sweep', title: run, description: '', done: 0, total: 1, reused: 0, elapsedMs, leftMs: null },
});
const changed = (id: string, state: RunState): EngineEvent => ({
  type: 'run.changed',
  manifest: {
    id,
    kind: 'sweep',
    title: id,
    createdAt: '2026-01-01T12:00:00.000Z',
    finishedAt: null,
    state,
    error: null,
    spec: {},
    models: [],
    tasks: [],
    versions: {},
    device: { provider: 'cpu', precision: 'float32', threads: 1, processor: 'test' },
    commandLine: '',
    output: null,
  },
});

test('the end of a long job is heard once; short, cancelled and unknown ones are not', () => {
  const hear = longJobs();
  const heard = (...events: readonly EngineEvent[]) => events.map((event) => hear(event)?.id ?? null);
  expect(heard(changed('long', 'running'), progress('long', 31_000), changed('long', 'done'))).toEqual([
    null,
    null,
    'long',
  ]);
  expect(heard(changed('long', 'done'))).toEqual([null]);
  expect(heard(progress('short', 29_000), changed('short', 'done'))).toEqual([null, null]);
  expect(heard(progress('mine', 60_000), changed('mine', 'cancelled'))).toEqual([null, null]);
  expect(heard(progress('bad', 60_000), changed('bad', 'failed'))).toEqual([null, 'bad']);
  expect(heard(changed('stranger', 'done'))).toEqual([null]);
});
