import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showThresholds: Action = {
  id: 'show-thresholds',
  label: 'Show Thresholds',
  keywords: ['go to', 'tab', 'experts', 'family', 'finding', 'scratch'],
  menu: 'view',
  shortcut: 'Mod+4',
  enabled: always,
  perform: () => layoutStore.getState().show('thresholds'),
};
