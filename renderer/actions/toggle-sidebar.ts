import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const toggleSidebar: Action = {
  id: 'toggle-sidebar',
  label: 'Show or hide the sidebar',
  keywords: ['panel', 'collapse', 'layout'],
  menu: 'view',
  shortcut: 'Mod+B',
  enabled: always,
  perform: () => layoutStore.getState().toggleSidebar(),
};
