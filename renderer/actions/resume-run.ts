import type { RunManifest } from '../../main/contract/run.ts';
import type { Action } from './action.ts';

export const isResumable = (run: RunManifest): boolean =>
  run.state === 'interrupted' || run.state === 'cancelled' || run.state === 'failed';

/** The newest run that was left unfinished. */
export const unfinishedRun = (runs: readonly RunManifest[]): RunManifest | null =>
  runs
    .filter((run) => run.state === 'interrupted' || run.state === 'cancelled')
    .reduce<RunManifest | null>(
      (newest, run) => (newest === null || run.createdAt > newest.createdAt ? run : newest),
      null,
    );

export const resumeRun: Action = {
  id: 'resume-run',
  label: 'Resume the last unfinished run',
  keywords: ['continue', 'interrupted', 'cancelled'],
  menu: 'run',
  shortcut: 'Mod+Shift+R',
  enabled: ({ connected, runs, jobs }) => connected && jobs.length === 0 && unfinishedRun(runs) !== null,
  perform: async ({ bridge, cache }, { runs }) => {
    const run = unfinishedRun(runs);
    if (run === null) return;
    await bridge.call('jobs.resume', { run: run.id });
    cache.invalidate((name) => name === 'runs.list' || name === 'jobs.list');
  },
};
