import type { CallName } from '../../main/contract/calls.ts';
import { noticesStore, showWait } from '../state/notices-store.ts';
import type { ReadingWaits } from './query-cache.ts';

/** Words of a wait for calls whose work the engine ends when they are cancelled. */
const WORDS: Readonly<Partial<Record<CallName, string>>> = {
  'sweep.read': 'Reading sweeps',
  'sweep.compare': 'Comparing methods',
  'sweep.frontier': 'Comparing sizes',
  'sweep.sizeTrend': 'Computing thresholds and trends',
  'sweeps.compare': 'Comparing sweeps',
  'outcomes.read': 'Reading answers',
  'experiment.read': 'Reading the experiment',
};

/** Waits for answers, under Messages; one that was cancelled is offered again there. */
export const readingWaits: ReadingWaits = {
  label: (name) => WORDS[name] ?? null,
  begin: showWait,
  cancelled: (label, again) => {
    const { tell, dismiss } = noticesStore.getState();
    const id = tell(`${label} was cancelled.`, '', {
      label: 'Ask again',
      perform: () => {
        dismiss(id);
        again();
      },
    });
  },
};
