import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showExport: Action = {
  id: 'show-export',
  label: 'Show Export',
  keywords: ['go to', 'tab', 'save', 'checkpoint', 'verify'],
  menu: 'view',
  shortcut: 'Mod+6',
  enabled: always,
  perform: () => layoutStore.getState().show('export'),
};
