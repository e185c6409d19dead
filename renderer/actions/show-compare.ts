import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showCompare: Action = {
  id: 'show-compare',
  label: 'Show Compare',
  keywords: ['go to', 'tab', 'methods', 'rank', 'best', 'against', 'recovery'],
  menu: 'view',
  shortcut: 'Mod+5',
  enabled: always,
  perform: () => layoutStore.getState().show('compare'),
};
