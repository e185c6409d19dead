import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const themeDark: Action = {
  id: 'theme-dark',
  label: 'Theme: dark',
  keywords: ['colours', 'appearance', 'dark', 'light'],
  menu: 'view',
  enabled: always,
  perform: () => layoutStore.getState().chooseTheme('dark'),
};
