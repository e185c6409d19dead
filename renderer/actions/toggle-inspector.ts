import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const toggleInspector: Action = {
  id: 'toggle-inspector',
  label: 'Show or hide the inspector',
  keywords: ['panel', 'collapse', 'layout'],
  menu: 'view',
  shortcut: 'Mod+I',
  enabled: always,
  perform: () => layoutStore.getState().toggleInspector(),
};
