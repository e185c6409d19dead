import type { RunManifest } from '../../main/contract/run.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { shownSweep } from '../features/curves/shown-sweep.ts';
import type { Action } from './action.ts';

/** Only what is complete can be compared. */
export const isReproducible = (run: RunManifest | null): boolean => run?.kind === 'sweep' && run.state === 'done';

/** Starts the sweep once more from nothing; its progress shows in the jobs bar, its result under Runs. */
export const startReproduction = async ({ bridge, cache }: Engine, run: string): Promise<void> => {
  await bridge.call('run.reproduce', { run });
  cache.invalidate((name) => name === 'runs.list' || name === 'jobs.list');
};

export const reproduceSweep: Action = {
  id: 'reproduce-sweep',
  label: 'Reproduce the sweep',
  keywords: ['again', 'repeat', 'compare', 'match', 'sample'],
  menu: 'run',
  enabled: ({ connected, runs, selection }) => connected && isReproducible(shownSweep(runs, selection.run)),
  perform: async (engine, { runs, selection }) => {
    const sweep = shownSweep(runs, selection.run);
    if (sweep !== null) await startReproduction(engine, sweep.id);
  },
};
