import type { RunManifest } from '../../../main/contract/run.ts';

/** What a new run says of itself, where a test cares for nothing of it. */
export const plainRun: Omit<RunManifest, 'id' | 'kind' | 'createdAt'> = {
  title: 'A sweep',
  finishedAt: null,
  state: 'done',
  error: null,
  spec: {},
  models: [],
  tasks: [],
  versions: {},
  device: { provider: 'cpu', precision: 'float32', threads: 1, processor: 'test' },
  commandLine: 'uncurl sweep',
  output: null,
};

/** A run that says `curtailed`, and nothing else that matters. */
export const runOf = (fields: Partial<RunManifest> = {}): RunManifest => ({
  id: 'sweep-1',
  kind: 'sweep',
  createdAt: '2026-01-01T12:00:00.000Z',
  ...plainRun,
  ...fields,
});
