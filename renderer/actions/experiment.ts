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

/** Opens the form of an experiment on the models and tasks that are ticked. */
export const newExperiment: Action = {
  id: 'new-experiment',
  label: 'New experiment on a family…',
  keywords: ['scratch', 'unpruned', 'fine-tuned', 'arms', 'paper', 'seeds', 'members'],
  menu: 'run',
  enabled: ({ connected }) => connected,
  perform: () => experimentStore.getState().ask(true),
};
