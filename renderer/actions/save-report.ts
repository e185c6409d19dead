import { shownSweep } from '../features/curves/shown-sweep.ts';
import { curvesStore } from '../state/curves-store.ts';
import type { Action } from './action.ts';

export const saveReport: Action = {
  id: 'save-report',
  label: 'Save report of the sweep…',
  keywords: ['html', 'page', 'print', 'figures', 'thresholds', 'export'],
  menu: 'file',
  enabled: ({ connected, runs, selection }) => connected && shownSweep(runs, selection.run) !== null,
  perform: async ({ bridge }, { runs, selection }) => {
    const sweep = shownSweep(runs, selection.run);
    if (sweep === null) return;
    const { delta } = curvesStore.getState();
    const { name, html } = await bridge.call('report.make', { run: sweep.id, ...(delta === null ? {} : { delta }) });
    await bridge.saveFile({ suggestedName: name, bytes: new TextEncoder().encode(html) });
  },
};
