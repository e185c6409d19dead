import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const themeLight: Action = {
  id: 'theme-light',
  label: 'Theme: light',
  keywords: ['colours', 'appearance', 'dark', 'light'],
  menu: 'view',
  enabled: always,
  perform: () => layoutStore.getState().chooseTheme('light'),
};
