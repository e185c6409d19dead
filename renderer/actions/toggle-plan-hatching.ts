import { routingStore } from '../state/routing-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const togglePlanHatching: Action = {
  id: 'toggle-plan-hatching',
  label: 'Show or hide what the plan would prune',
  keywords: ['hatching', 'heatmap', 'kept'],
  menu: 'view',
  shortcut: 'Mod+Shift+H',
  enabled: always,
  perform: () => routingStore.getState().togglePlan(),
};
