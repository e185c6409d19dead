import { expect, test } from 'vitest';
import type { EngineEvent } from '../../../main/contract/events.ts';
import type { RunState } from '../../../main/contract/recorded.ts';
import { longJobs } from '../../../renderer/app/use-app-effects.ts';
import { runOf } from '../../main/contract/run-of.ts';

const progress = (run: string, elapsedMs: number): EngineEvent => ({
  type: 'job.progress',
  progress: { run, kind: 'sweep', title: run, description: '', done: 0, total: 1, reused: 0, elapsedMs, leftMs: null },
});
const changed = (id: string, state: RunState): EngineEvent => ({
  type: 'run.changed',
  manifest: runOf({ id, title: id, state }),
});

test('the end of a long job is reported once; short, waiting, cancelled and unknown ones are not', () => {
  let now = 1_000_000;
  const hear = longJobs(() => now);
  const heard = (...events: readonly EngineEvent[]) => events.map((event) => hear(event)?.id ?? null);
  const after = (milliseconds: number): void => {
    now += milliseconds;
  };
  expect(heard(changed('long', 'queued'), changed('long', 'running'))).toEqual([null, null]);
  after(31_000);
  expect(heard(progress('long', 31_000), changed('long', 'done'))).toEqual([null, 'long']);
  expect(heard(changed('long', 'done'))).toEqual([null]);

  heard(changed('waited', 'queued'));
  after(60_000);
  heard(changed('waited', 'running'), progress('waited', 60_100));
  after(29_000);
  expect(heard(changed('waited', 'done'))).toEqual([null]);

  // The page opened while it ran.
  expect(heard(progress('known late', 60_000), changed('known late', 'failed'))).toEqual([null, 'known late']);
  expect(heard(progress('mine', 60_000), changed('mine', 'cancelled'))).toEqual([null, null]);
  expect(heard(changed('stranger', 'done'))).toEqual([null]);
});
