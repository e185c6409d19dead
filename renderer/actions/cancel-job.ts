import type { Action } from './action.ts';

export const cancelJob: Action = {
  id: 'cancel-job',
  label: 'Cancel the running job',
  keywords: ['stop', 'abort'],
  menu: 'run',
  shortcut: 'Mod+.',
  enabled: ({ connected, jobs }) => connected && jobs.length > 0,
  perform: async ({ bridge }, { jobs }) => {
    const [first] = jobs;
    if (first !== undefined) await bridge.call('jobs.cancel', { run: first.run });
  },
};
