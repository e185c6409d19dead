import { compareStore } from '../state/compare-store.ts';
import { curvesStore } from '../state/curves-store.ts';
import { layoutStore } from '../state/layout-store.ts';
import { routingStore } from '../state/routing-store.ts';
import { thresholdsStore } from '../state/thresholds-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const toggleTable: Action = {
  id: 'toggle-table',
  label: 'Switch between chart and table',
  keywords: ['numbers', 'exact', 'accessible'],
  menu: 'view',
  shortcut: 'Mod+Shift+T',
  enabled: always,
  perform: () => {
    const { view } = layoutStore.getState();
    const store =
      view === 'curves'
        ? curvesStore
        : view === 'thresholds'
          ? thresholdsStore
          : view === 'compare'
            ? compareStore
            : routingStore;
    const { asTable, showTable } = store.getState();
    showTable(!asTable);
  },
};
