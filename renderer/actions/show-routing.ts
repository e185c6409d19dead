import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showRouting: Action = {
  id: 'show-routing',
  label: 'Show Routing',
  keywords: ['go to', 'tab', 'heatmap', 'experts', 'router'],
  menu: 'view',
  shortcut: 'Mod+1',
  enabled: always,
  perform: () => layoutStore.getState().show('routing'),
};
