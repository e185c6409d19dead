import { useEffect } from 'react';
import { useStore } from 'zustand';
import { performAction } from '../actions/action.ts';
import { isMac, matchesShortcut, parseShortcut, shortcutAccelerator } from '../actions/shortcut.ts';
import { useEngine, useQuery } from '../engine/engine-context.tsx';
import { useFacts, readFacts } from '../engine/facts.ts';
import { longJobs } from '../state/long-jobs.ts';
import { layoutStore, NARROW_PX, ROOMY_PX } from '../state/layout-store.ts';
import { noticesStore } from '../state/notices-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { completeSelection } from './complete-selection.ts';
import { useAddress } from './use-address.ts';
import { actions } from './views.tsx';
import { inputKey } from '../engine/query-cache.ts';
import { sweepStore } from '../state/sweep-store.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { shownRunName } from '../format/run-names.ts';

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
  // Which model is shown first depends on the runs: one that is chosen before they are known would stay.
  const runs = useQuery('runs.list', {});
  const areRunsKnown = runs.data !== undefined || runs.error !== null;
  useEffect(() => {
    const completed = isFollowed && areRunsKnown ? completeSelection(facts) : null;
    if (completed !== null) selectionStore.getState().complete(completed);
  }, [facts, isFollowed, areRunsKnown]);
};

/** Applies the stored user settings when they are first known and whenever they change, here or in another page. */
const useSettings = (): void => {
  const settings = useQuery('settings.read', {}).data?.settings;
  const theme = settings?.theme ?? null;
  useEffect(() => {
    if (theme !== null) layoutStore.getState().chooseTheme(theme);
  }, [theme]);
  const delta = settings?.delta ?? null;
  useEffect(() => {
    if (delta !== null && !sweepStore.getState().isFromAddress) sweepStore.getState().choose('delta', delta);
  }, [delta]);
  const methods = settings?.methods ?? null;
  const methodsKey = inputKey(methods);
  useEffect(() => {
    if (methods !== null && !sweepStore.getState().isFromAddress) sweepStore.getState().chooseMethods(methods);
    // `methodsKey` represents `methods`: an equal list must not undo later ticks.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [methodsKey]);
};

/**
 * Watches the width below which a panel covers the view (layout.css) and closes the panel when the window gets
 * narrower.
 */
const followed = (
  widest: number,
  isOpen: () => boolean,
  toggle: () => void,
  setOverlaid: (isOverlaid: boolean) => void,
): (() => void) => {
  const query = window.matchMedia(`(max-width: ${widest}px)`);
  let wasOpen = false;
  const onChange = (): void => {
    const { matches } = query;
    setOverlaid(matches);
    if (matches) wasOpen = isOpen();
    if (wasOpen && matches === isOpen()) toggle();
  };
  setOverlaid(query.matches);
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
};

/**
 * Closes a side panel when the window becomes too narrow to show it beside the view (also by zooming), and reopens it
 * when there is room again.
 */
const useOverlays = (): void => {
  useEffect(() => {
    const state = layoutStore.getState;
    const { toggleSidebar, toggleInspector, overlay } = state();
    const stops = [
      followed(
        NARROW_PX,
        () => state().sidebarOpen,
        toggleSidebar,
        (sidebar) => overlay({ sidebar }),
      ),
      followed(
        ROOMY_PX,
        () => state().inspectorOpen,
        toggleInspector,
        (inspector) => overlay({ inspector }),
      ),
    ];
    return () => stops.forEach((stop) => stop());
  }, []);
};

const wordsOf = ({ state, error }: RunManifest): string => {
  if (state === 'done') return 'Done.';
  return state === 'failed' ? `Failed. ${error ?? ''}` : 'Interrupted: it can be resumed.';
};

/**
 * Shows a system notification when a long job ends, if the user enabled it and the window is hidden. The permission was
 * requested when the switch was clicked.
 */
const useJobNotifications = (): void => {
  const engine = useEngine();
  const isOn = useQuery('settings.read', {}).data?.settings.notifications === true;
  useEffect(() => {
    if (!isOn) return;
    const heard = longJobs(Date.now);
    return engine.bridge.subscribe((event) => {
      const ended = heard(event);
      if (ended === null || !document.hidden || Notification.permission !== 'granted') return;
      const { runs, tasks } = readFacts(engine);
      const name = shownRunName(runs.find(({ id }) => id === ended.id) ?? ended, tasks);
      const notification = new Notification(name, { body: wordsOf(ended), tag: ended.id });
      notification.addEventListener('click', () => window.focus());
    });
  }, [engine, isOn]);
};
