import { layoutStore } from '../state/layout-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const themeSystem: Action = {
  id: 'theme-system',
  label: 'Theme: system',
  keywords: ['colours', 'appearance', 'dark', 'light'],
  menu: 'view',
  enabled: always,
  perform: () => layoutStore.getState().chooseTheme('system'),
};
