import type { CallInput } from '../../main/contract/calls.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { layoutStore } from '../state/layout-store.ts';
import type { Theme } from '../state/layout-store.ts';

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
