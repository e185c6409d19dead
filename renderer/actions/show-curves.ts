import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showCurves: Action = {
  id: 'show-curves',
  label: 'Show Curves',
  keywords: ['go to', 'tab', 'accuracy', 'threshold', 'results'],
  menu: 'view',
  shortcut: 'Mod+3',
  enabled: always,
  perform: () => layoutStore.getState().show('curves'),
};
