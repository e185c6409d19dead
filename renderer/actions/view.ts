import {
  devicesStore,
  docsStore,
  experimentStore,
  methodsStore,
  settingsStore,
  shortcutsStore,
} from '../state/dialog-stores.ts';
import { layoutStore, type Theme } from '../state/layout-store.ts';
import { compareStore, routingStore, thresholdsStore } from '../state/view-stores.ts';
import type { Action } from './action.ts';
import { topics } from '../definitions/docs.ts';
import { isUsable, selectedModel } from '../engine/facts.ts';
import { finetuneStore } from '../state/model-forms.ts';
import type { CallInput } from '../../main/contract/calls.ts';
import type { Engine } from '../engine/engine-context.tsx';

/** Changes the user settings that the engine stores; they apply to every workspace. */
export const changeSettings = async ({ bridge, cache }: Engine, input: CallInput<'settings.write'>): Promise<void> => {
  const document = await bridge.call('settings.write', input);
  cache.patch('settings.read', () => document);
};

/** Shows a theme at once and stores it. */
export const setTheme = async (engine: Engine, theme: Theme): Promise<void> => {
  layoutStore.getState().chooseTheme(theme);
  await changeSettings(engine, { change: { theme } });
};

export const showDevices: Action = {
  id: 'show-devices',
  label: 'Devices…',
  keywords: ['gpu', 'cuda', 'webgpu', 'directml', 'coreml', 'processor', 'cpu', 'probe', 'provider', 'accelerator'],
  menu: 'run',
  shortcut: 'Mod+Shift+D',
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
  perform: () => layoutStore.setState({ paletteOpen: true }),
};

export const showShortcuts: Action = {
  id: 'show-shortcuts',
  label: 'Keyboard shortcuts',
  keywords: ['keys', 'help', 'sheet', 'hotkeys', 'mouse'],
  menu: 'help',
  shortcut: 'Shift+?',
  yieldsToTyping: true,
  perform: () => shortcutsStore.getState().show(true),
};

interface TableStore {
  getState(): { readonly asTable: boolean };
  setState(shown: { readonly asTable: boolean }): void;
}

/** Views that can also show their numbers as a table. */
const tableStores: Readonly<Record<string, TableStore>> = {
  workbench: routingStore,
  thresholds: thresholdsStore,
  compare: compareStore,
};

export const toggleTable: Action = {
  id: 'toggle-table',
  label: 'Switch between chart and table',
  keywords: ['numbers', 'exact', 'accessible'],
  menu: 'view',
  shortcut: 'Mod+Shift+T',
  perform: () => {
    const store = tableStores[layoutStore.getState().view];
    store?.setState({ asTable: !store.getState().asTable });
  },
};

export const togglePlanHatching: Action = {
  id: 'toggle-plan-hatching',
  label: 'Show or hide the experts that the plan would prune',
  keywords: ['hatching', 'heatmap', 'kept'],
  menu: 'view',
  shortcut: 'Mod+Shift+H',
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
  perform: () => layoutStore.getState()[toggle](),
});

export const toggleSidebar = togglePanel('sidebar', 'Mod+B', 'toggleSidebar');
export const toggleInspector = togglePanel('inspector', 'Mod+I', 'toggleInspector');

const chooseTheme = (theme: Theme): Action => ({
  id: `theme-${theme}`,
  label: `Theme: ${theme}`,
  keywords: ['colours', 'appearance', 'dark', 'light'],
  menu: 'view',
  perform: (engine) => setTheme(engine, theme),
});

export const themeSystem = chooseTheme('system');
export const themeLight = chooseTheme('light');
export const themeDark = chooseTheme('dark');

/** One action per documentation page. */
export const showDocs: readonly Action[] = topics.map(({ name, title, question }, order) => ({
  id: `docs-${name}`,
  label: `Documentation: ${title}`,
  keywords: ['help', 'documentation', 'manual', 'how', ...question.toLowerCase().split(/\W+/)],
  menu: 'help',
  ...(order === 0 ? { shortcut: 'Mod+/' } : {}),
  perform: () => docsStore.getState().show(name),
}));

/** Opens the bundled experiment, which is added to the runs. */
export const showRecordedExperiment: Action = {
  id: 'show-recorded-experiment',
  label: "The paper's experiment, as recorded",
  keywords: ['scratch', 'unpruned', 'matrix', 'fine-tuned', 'family', 'published', 'threshold'],
  menu: 'help',
  enabled: ({ connected }) => connected,
  perform: async ({ bridge }) => {
    const { run } = await bridge.call('experiment.recorded', {});
    experimentStore.getState().showRun(run);
  },
};

/** Opens the form of an experiment on the models and tasks that are ticked. */
export const newExperiment: Action = {
  id: 'new-experiment',
  label: 'New experiment on a family…',
  keywords: ['scratch', 'unpruned', 'fine-tuned', 'arms', 'paper', 'seeds', 'members'],
  menu: 'run',
  enabled: ({ connected }) => connected,
  perform: () => experimentStore.getState().ask(true),
};

export const showFinetune: Action = {
  id: 'show-finetune',
  label: 'Fine-tune…',
  keywords: ['train', 'training', 'router', 'python', 'pytorch', 'epochs', 'loss'],
  menu: 'run',
  enabled: (facts) => facts.connected && isUsable(selectedModel(facts)),
  perform: () => finetuneStore.getState().show(true),
};
