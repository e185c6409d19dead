import type { RunManifest } from '../../../main/contract/run.ts';

/** Every sweep, the newest first. */
export const newestSweeps = (runs: readonly RunManifest[]): readonly RunManifest[] =>
  runs.filter((run) => run.kind === 'sweep').sort((left, right) => right.createdAt.localeCompare(left.createdAt));

/** The sweep that is shown: the selected one, else the newest. */
export const shownSweep = (runs: readonly RunManifest[], selected: string | null): RunManifest | null => {
  const sweeps = newestSweeps(runs);
  return sweeps.find((run) => run.id === selected) ?? sweeps[0] ?? null;
};
