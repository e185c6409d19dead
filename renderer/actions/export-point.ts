import { exportStore } from '../state/export-store.ts';
import { layoutStore } from '../state/layout-store.ts';
import type { Action } from './action.ts';

export const exportPoint: Action = {
  id: 'export-point',
  label: 'Export the plan of the selected point',
  keywords: ['curve', 'candidate', 'save'],
  menu: 'run',
  enabled: ({ selection }) => selection.point !== null && selection.point.factor > 1,
  perform: (_engine, { selection }) => {
    exportStore.getState().choosePoint(selection.point);
    layoutStore.getState().show('export');
  },
};
