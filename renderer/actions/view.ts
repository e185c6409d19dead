import { devicesStore, methodsStore, settingsStore } from '../state/dialog-stores.ts';
import { layoutStore, viewTitles } from '../state/layout-store.ts';
import type { Theme, View } from '../state/layout-store.ts';
import { compareStore, routingStore, thresholdsStore } from '../state/view-stores.ts';
import { setTheme } from './settings.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

const showView = (view: View, digit: number, ...keywords: readonly string[]): Action => ({
  id: `show-${view}`,
  label: `Show ${viewTitles[view]}`,
  keywords: ['go to', 'tab', ...keywords],
  menu: 'view',
  shortcut: `Mod+${digit}`,
  enabled: always,
  perform: () => layoutStore.getState().show(view),
});

export const showWorkbench = showView('workbench', 1, 'heatmap', 'experts', 'router', 'plan', 'curves', 'accuracy');
export const showThresholds = showView('thresholds', 2, 'experts', 'sizes', 'finding', 'scratch');
export const showCompare = showView('compare', 3, 'methods', 'rank', 'best', 'against', 'recovery');

export const showDevices: Action = {
  id: 'show-devices',
  label: 'Devices…',
  keywords: ['gpu', 'cuda', 'webgpu', 'directml', 'coreml', 'processor', 'cpu', 'probe', 'provider', 'accelerator'],
  menu: 'run',
  shortcut: 'Mod+Shift+D',
  enabled: always,
  perform: () => devicesStore.getState().show(true),
};

export const showSettings: Action = {
  id: 'show-settings',
  label: 'Settings…',
  keywords: ['preferences', 'options', 'theme', 'threads', 'memory', 'device', 'workspace', 'notifications', 'margin'],
  menu: 'view',
  shortcut: 'Mod+,',
  enabled: ({ connected }) => connected,
  perform: () => settingsStore.getState().show(true),
};

export const showMethods: Action = {
  id: 'show-methods',
  label: 'Methods: what each one does and needs',
  keywords: ['help', 'documentation', 'formula', 'source', 'options', 'pitfalls'],
  menu: 'help',
  shortcut: 'Mod+Shift+M',
  enabled: ({ connected }) => connected,
  perform: (_engine, { selection }) => methodsStore.getState().show(selection.method),
};

export const showPalette: Action = {
  id: 'show-palette',
  label: 'Command palette',
  keywords: ['search', 'commands', 'shortcuts', 'help'],
  menu: 'help',
  shortcut: 'Mod+K',
  inDialogs: true,
  enabled: always,
  perform: () => layoutStore.getState().openPalette(true),
};

/** Views that can also show their numbers as a table. */
const tableStores = {
  workbench: routingStore,
  thresholds: thresholdsStore,
  compare: compareStore,
} as const;

export const toggleTable: Action = {
  id: 'toggle-table',
  label: 'Switch between chart and table',
  keywords: ['numbers', 'exact', 'accessible'],
  menu: 'view',
  shortcut: 'Mod+Shift+T',
  enabled: always,
  perform: () => {
    const { view } = layoutStore.getState();
    const { asTable, showTable } = tableStores[view].getState();
    showTable(!asTable);
  },
};

export const togglePlanHatching: Action = {
  id: 'toggle-plan-hatching',
  label: 'Show or hide the experts that the plan would prune',
  keywords: ['hatching', 'heatmap', 'kept'],
  menu: 'view',
  shortcut: 'Mod+Shift+H',
  enabled: always,
  perform: () => routingStore.getState().togglePlan(),
};

const togglePanel = (
  panel: 'sidebar' | 'inspector',
  shortcut: string,
  toggle: 'toggleSidebar' | 'toggleInspector',
): Action => ({
  id: `toggle-${panel}`,
  label: `Show or hide the ${panel}`,
  keywords: ['panel', 'collapse', 'layout'],
  menu: 'view',
  shortcut,
  enabled: always,
  perform: () => layoutStore.getState()[toggle](),
});

export const toggleSidebar = togglePanel('sidebar', 'Mod+B', 'toggleSidebar');
export const toggleInspector = togglePanel('inspector', 'Mod+I', 'toggleInspector');

const chooseTheme = (theme: Theme): Action => ({
  id: `theme-${theme}`,
  label: `Theme: ${theme}`,
  keywords: ['colours', 'appearance', 'dark', 'light'],
  menu: 'view',
  enabled: always,
  perform: (engine) => setTheme(engine, theme),
});

export const themeSystem = chooseTheme('system');
export const themeLight = chooseTheme('light');
export const themeDark = chooseTheme('dark');
