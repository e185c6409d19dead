import type { CallName } from '../../main/contract/calls.ts';
import { noticesStore, showWait } from '../state/notices-store.ts';
import type { ReadingWaits } from './query-cache.ts';

/** Words of a wait. Cancelling it ends the engine's work where that runs apart, and else only the waiting. */
const WORDS: Readonly<Partial<Record<CallName, string>>> = {
  'sweep.read': 'Reading sweeps',
  'sweep.compare': 'Comparing methods',
  'sweep.frontier': 'Comparing sizes',
  'sweep.sizeTrend': 'Computing thresholds and trends',
  'sweeps.compare': 'Comparing sweeps',
  'outcomes.read': 'Reading answers',
  'experiment.read': 'Reading the experiment',
  'plan.make': 'Making the plan',
  'plan.import': 'Reading the plan',
  'profile.read': 'Reading profiles',
  'profile.likeness': 'Ordering the experts',
  'expert.read': 'Reading the expert',
  'expert.likeWeights': 'Comparing the weights of experts',
  'export.check': 'Checking the export',
  'export.measured': 'Reading the results of sweeps',
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
