import { useEffect } from 'react';
import { useStore } from 'zustand';
import { performAction } from '../actions/action.ts';
import { isMac, matchesShortcut, parseShortcut, shortcutAccelerator } from '../actions/shortcut.ts';
import { useEngine } from '../engine/engine-context.tsx';
import { useFacts } from '../engine/facts.ts';
import { layoutStore } from '../state/layout-store.ts';
import { noticesStore } from '../state/notices-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { completeSelection } from './complete-selection.ts';
import { useAddress } from './use-address.ts';
import { useJobNotifications } from './use-job-notifications.ts';
import { useOverlays } from './use-overlays.ts';
import { useSettings } from './use-settings.ts';
import { actions } from './views.tsx';

const shortcuts = actions.flatMap((action) =>
  action.shortcut === undefined ? [] : [{ action, shortcut: parseShortcut(action.shortcut) }],
);

const TYPED = new Set(['text', 'number', 'search', 'email', 'url', 'password']);

/** Whether the focus is in a text field, which has its own undo history. */
const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && TYPED.has(target.type));

/** Whether a modal dialog covers the page. */
const isCovered = (): boolean => document.querySelector('dialog:modal') !== null;

/** Shortcuts, menu, theme and the default selection. */
export const useAppEffects = (): void => {
  const engine = useEngine();
  const { bridge } = engine;
  const facts = useFacts();
  const theme = useStore(layoutStore, (state) => state.theme);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const found = shortcuts.find(({ shortcut }) => matchesShortcut(shortcut, event, isMac));
      if (found === undefined || (found.action.yieldsToTyping === true && isTyping(event.target))) return;
      // Alt with an arrow opens a select element.
      if (found.shortcut.alt && event.target instanceof HTMLSelectElement) return;
      event.preventDefault();
      if (found.action.inDialogs === true || !isCovered()) void performAction(found.action, engine);
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
      // The page alone handles these keys; a menu accelerator would take them away from text fields.
      accelerator:
        action.shortcut === undefined || action.yieldsToTyping === true
          ? undefined
          : shortcutAccelerator(action.shortcut),
    }));
    shell.setMenu(menu).catch((error: unknown) => noticesStore.getState().report(error));
    // The menu changes only when actions are enabled or disabled.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [bridge, enabledActions]);

  useEffect(() => {
    bridge.shell?.setTheme(theme).catch((error: unknown) => noticesStore.getState().report(error));
  }, [bridge, theme]);

  useSettings();
  useOverlays();
  useJobNotifications();
  const isFollowed = useAddress(facts);
  useEffect(() => {
    const completed = isFollowed ? completeSelection(facts) : null;
    if (completed !== null) selectionStore.getState().complete(completed);
  }, [facts, isFollowed]);
};
