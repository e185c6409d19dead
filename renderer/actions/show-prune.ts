import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showPrune: Action = {
  id: 'show-prune',
  label: 'Show Prune',
  keywords: ['go to', 'tab', 'plan', 'factor', 'sweep', 'method'],
  menu: 'view',
  shortcut: 'Mod+2',
  enabled: always,
  perform: () => layoutStore.getState().show('prune'),
};
