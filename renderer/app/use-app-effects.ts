import { useEffect } from 'react';
import { useStore } from 'zustand';
import { performAction } from '../actions/action.ts';
import { actions } from '../actions/index.ts';
import { isMac, matchesShortcut, parseShortcut, shortcutAccelerator } from '../actions/shortcut.ts';
import { useEngine } from '../engine/engine-context.tsx';
import { useFacts } from '../engine/facts.ts';
import { layoutStore } from '../state/layout-store.ts';
import { noticesStore } from '../state/notices-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { applyTheme } from '../state/theme.ts';
import { completeSelection } from './complete-selection.ts';

const shortcuts = actions.flatMap((action) =>
  action.shortcut === undefined ? [] : [{ action, shortcut: parseShortcut(action.shortcut) }],
);

/** Keys, menu, theme and the first selection: what the window does without being drawn. */
export const useAppEffects = (): void => {
  const engine = useEngine();
  const { bridge } = engine;
  const facts = useFacts();
  const theme = useStore(layoutStore, (state) => state.theme);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const found = shortcuts.find(({ shortcut }) => matchesShortcut(shortcut, event, isMac));
      if (found === undefined) return;
      event.preventDefault();
      void performAction(found.action, engine);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [engine]);

  useEffect(
    () =>
      bridge.shell?.onMenuAction((id) => {
        const action = actions.find((known) => known.id === id);
        if (action !== undefined) void performAction(action, engine);
      }),
    [bridge, engine],
  );

  const enabledActions = actions.map((action) => action.enabled(facts)).join();
  useEffect(() => {
    const { shell } = bridge;
    if (shell === null) return;
    const menu = actions.map((action) => ({
      id: action.id,
      label: action.label,
      menu: action.menu,
      enabled: action.enabled(facts),
      accelerator: action.shortcut === undefined ? undefined : shortcutAccelerator(action.shortcut),
    }));
    shell.setMenu(menu).catch((error: unknown) => noticesStore.getState().report(error));
    // The menu changes only with what is enabled.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [bridge, enabledActions]);

  useEffect(() => {
    applyTheme(theme);
    bridge.shell?.setTheme(theme).catch((error: unknown) => noticesStore.getState().report(error));
  }, [bridge, theme]);

  useEffect(() => {
    const completed = completeSelection(facts);
    if (completed !== null) selectionStore.setState(completed);
  }, [facts]);
};
