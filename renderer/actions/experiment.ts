import { listsRuns } from '../engine/apply-event.ts';
import { experimentStore } from '../state/dialog-stores.ts';
import type { Action } from './action.ts';

/** Opens the bundled experiment, which is added to the runs. */
export const showRecordedExperiment: Action = {
  id: 'show-recorded-experiment',
  label: "The paper's experiment, as recorded",
  keywords: ['scratch', 'unpruned', 'matrix', 'fine-tuned', 'family', 'published', 'threshold'],
  menu: 'help',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge, cache }) => {
    const { run } = await bridge.call('experiment.recorded', {});
    cache.invalidate(listsRuns);
    experimentStore.getState().showRun(run);
  },
};
