import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showPalette: Action = {
  id: 'show-palette',
  label: 'Command palette',
  keywords: ['search', 'commands', 'shortcuts', 'help'],
  menu: 'help',
  shortcut: 'Mod+K',
  enabled: always,
  perform: () => layoutStore.getState().openPalette(true),
};
