import { useEffect } from 'react';
import { useStore } from 'zustand';
import { isEnabled, performAction } from '../actions/action.ts';
import { isMac, matchesShortcut, parseShortcut, shortcutAccelerator } from '../actions/shortcut.ts';
import { type Engine, useEngine, useQuery } from '../engine/engine-context.tsx';
import { keepFocus } from '../components/keep-focus.ts';
import { readListsAgain } from '../engine/apply-event.ts';
import { type Facts, isUsable, readFacts, useFacts } from '../engine/facts.ts';
import { layoutStore, NARROW_PX, ROOMY_PX } from '../state/layout-store.ts';
import { noticesStore } from '../state/notices-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { useAddress } from './use-address.ts';
import { actions } from './views.tsx';
import { inputKey } from '../engine/query-cache.ts';
import { sweepStore } from '../state/sweep-store.ts';
import type { CallName } from '../../main/contract/calls.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { isAtRest, shownRunName } from '../format/run-names.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import { answersOf } from '../../main/contract/task.ts';
import { standardFactors } from '../plan/kept-counts.ts';
import { noSelection, type Selection } from '../state/selection.ts';
import { readShown } from '../state/shown-address.ts';
import { shownSweep } from '../sweep/shown-sweep.ts';

/**
 * Asks for the sweep that the page is about to show, the one of its address or the newest, in the turn in which runs
 * and the last view are known: before they are drawn, and while models and tasks are still listed, since each takes as
 * long. It is a reader until the answer is here: the views may come a little later. Returns what ends it before.
 */
export const readSweepAhead = ({ cache }: Pick<Engine, 'cache'>): (() => void) => {
  const [runs, kept] = [cache.reader('runs.list', {}), cache.reader('view.kept', {})];
  let stops: readonly (() => void)[] = [];
  const stop = (): void => {
    for (const each of stops) each();
    stops = [];
  };
  const look = (): void => {
    const [known, view] = [runs.read().data, kept.read().data];
    if (stops.length === 0 || known === undefined || view === undefined) return;
    stop();
    if (layoutStore.getState().isFollowed) return;
    const { hash } = window.location;
    const address = new URLSearchParams((hash.length > 1 ? hash : (view.address ?? '')).replace(/^#/, ''));
    const { margin, familywise } = readShown((key) => address.get(key));
    const named = { ...noSelection, run: address.get('run') };
    const sweep = shownSweep({ runs: known, models: [], selection: named });
    if (sweep === null) return;
    const asked = { run: sweep.id, familywise, delta: margin ?? undefined };
    // The views that read it get the error.
    cache.fetch('sweep.read', asked).catch(() => undefined);
  };
  stops = [runs.subscribe(look), kept.subscribe(look)];
  look();
  return stop;
};

const fingerprintOf = ({ fingerprint }: { readonly fingerprint: string | null }): string | null => fingerprint;

type Completion = Partial<
  Pick<Selection, 'model' | 'task' | 'tasks' | 'layer' | 'expert' | 'method' | 'factor' | 'run'>
>;

/**
 * Fills in a default selection: of the usable models that a sweep has measured the one with the most experts, which
 * can be pruned furthest (else the first usable one), all bundled multiple-choice tasks (their generative twins have
 * the same items), the first task in focus, and the sample sweep if it is the only one. Drops selections that no longer
 * exist. Null if nothing changes.
 */
export const completeSelection = ({ connected, models, tasks, runs, methods, selection }: Facts): Completion | null => {
  if (!connected) return null;
  const change: { -readonly [K in keyof Completion]: Completion[K] } = {};
  const sweeps = runs.filter(({ kind }) => kind === 'sweep');
  if (models.length > 0 && !models.some((model) => model.handle === selection.model)) {
    const measured = new Set(sweeps.flatMap((run) => run.models.map(fingerprintOf)));
    const usable = models.filter(isUsable);
    const [largest] = usable
      .filter((known) => measured.has(fingerprintOf(known)))
      .sort((left, right) => right.info.experts - left.info.experts);
    const model = (largest ?? usable[0])?.handle ?? null;
    if (model !== selection.model) Object.assign(change, { model, layer: null, expert: null });
  }
  if (tasks.length > 0) {
    const ticked = selection.tasks.filter((handle) => tasks.some((task) => task.handle === handle));
    if (selection.task === null && selection.tasks.length === 0) {
      change.tasks = tasks
        .filter((task) => task.bundled && task.error === null && answersOf(task) === 'chosen')
        .map((task) => task.handle);
    } else if (ticked.length !== selection.tasks.length) {
      change.tasks = ticked;
    }
    if (!tasks.some((task) => task.handle === selection.task)) {
      const task = tasks.find((known) => known.error === null)?.handle ?? null;
      if (task !== selection.task) change.task = task;
    }
  }
  if (methods.length > 0 && !methods.some(({ name }) => name === selection.method)) change.method = noSelection.method;
  const [sample] = sweeps;
  if (selection.run === null && sweeps.length === 1 && sample?.sample === true) change.run = sample.id;
  const info = models.find((model) => model.handle === (change.model ?? selection.model))?.info;
  if (info !== undefined && info !== null) {
    const largest = info.experts / Math.max(1, info.topK);
    if (selection.factor > largest) change.factor = standardFactors(info).at(-1) ?? noSelection.factor;
    if (selection.layer !== null && (selection.layer >= info.moeLayers || (selection.expert ?? 0) >= info.experts)) {
      Object.assign(change, { layer: null, expert: null });
    }
  }
  return Object.keys(change).length === 0 ? null : change;
};

const RUNS: ReadonlySet<CallName> = new Set(['runs.list']);
const LEAST_PAUSE_MS = 10_000;
const MOST_PAUSE_MS = 300_000;

/**
 * Reads the list of runs from time to time while the window is seen, for runs that a terminal beside it makes: in a
 * hundredth of the time at most, as long lists on a slow disk take long. Returns the end of it.
 */
const watchRuns = (engine: Engine): (() => void) => {
  let timer: ReturnType<typeof setTimeout>;
  const wait = (ms: number): void => {
    timer = setTimeout(() => void look(), Math.min(MOST_PAUSE_MS, Math.max(LEAST_PAUSE_MS, ms)));
  };
  const look = async (): Promise<void> => {
    const began = performance.now();
    // The views that read the list get the error.
    if (!document.hidden && readFacts(engine).connected)
      await readListsAgain(engine.cache, RUNS).catch(() => undefined);
    wait(100 * (performance.now() - began));
  };
  wait(0);
  return () => clearTimeout(timer);
};

/** Users wait for shorter jobs. */
const LONG_MS = 30_000;

/**
 * Processes events and returns the run when a long job ends: done, failed or interrupted, but not cancelled by the
 * user. The duration counts from the start event; for jobs started before the page opened, from their progress.
 */
export const longJobs = (now: () => number): ((event: EngineEvent) => RunManifest | null) => {
  const startedAt = new Map<string, number>();
  return (event) => {
    if (event.type === 'job.progress') {
      const { run, elapsedMs } = event.progress;
      if (!startedAt.has(run)) startedAt.set(run, now() - elapsedMs);
      return null;
    }
    if (event.type !== 'run.changed') return null;
    const { manifest } = event;
    if (!isAtRest(manifest)) {
      startedAt.set(manifest.id, now());
      return null;
    }
    const ran = now() - (startedAt.get(manifest.id) ?? now());
    startedAt.delete(manifest.id);
    return ran >= LONG_MS && manifest.state !== 'cancelled' ? manifest : null;
  };
};

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

  const enabledActions = actions.map((action) => isEnabled(action, facts)).join();
  useEffect(() => {
    const { shell } = bridge;
    if (shell === null) return;
    const menu = actions.map((action) => ({
      id: action.id,
      label: action.label,
      menu: action.menu,
      enabled: isEnabled(action, facts),
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

  useEffect(() => readSweepAhead(engine), [engine]);

  useEffect(keepFocus, []);

  useEffect(() => {
    // The views that read the lists get the error.
    const look = (): void => void readListsAgain(engine.cache).catch(() => undefined);
    window.addEventListener('focus', look);
    return () => window.removeEventListener('focus', look);
  }, [engine]);

  useEffect(() => watchRuns(engine), [engine]);

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
    if (methods !== null && !sweepStore.getState().isFromAddress) sweepStore.setState({ methods });
    // `methodsKey` represents `methods`: an equal list must not undo later ticks.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [methodsKey]);
};

/**
 * Watches the width below which a panel covers the view (layout.css) and closes the panel when the window gets
 * narrower.
 */
const followed = (panel: 'sidebar' | 'inspector', widest: number): (() => void) => {
  const query = window.matchMedia(`(max-width: ${widest}px)`);
  const isOpen = (): boolean => layoutStore.getState()[`${panel}Open`];
  const overlay = (): void => layoutStore.getState().overlay({ [panel]: query.matches });
  let wasOpen = false;
  const onChange = (): void => {
    overlay();
    if (query.matches) wasOpen = isOpen();
    if (wasOpen && query.matches === isOpen()) layoutStore.setState({ [`${panel}Open`]: !isOpen() });
  };
  overlay();
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
};

/**
 * Closes a side panel when the window becomes too narrow to show it beside the view (also by zooming), and reopens it
 * when there is room again.
 */
const useOverlays = (): void => {
  useEffect(() => {
    const stops = [followed('sidebar', NARROW_PX), followed('inspector', ROOMY_PX)];
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
    const heard = longJobs(() => performance.now());
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
