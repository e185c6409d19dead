import type { RunManifest } from '../../../main/contract/run.ts';

/** Default fields of a new run in tests. */
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

/** A run with `fields` overriding the default fields. */
export const runOf = (fields: Partial<RunManifest> = {}): RunManifest => ({
  id: 'sweep-1',
  kind: 'sweep',
  createdAt: '2026-01-01T12:00:00.000Z',
  ...plainRun,
  ...fields,
});
