import { useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import { useEngine, useQuery } from '../engine/engine-context.tsx';
import { refuse } from '../../main/contract/errors.ts';
import type { Facts } from '../engine/facts.ts';
import { addressOf, besideChosen, followed, isWhole, unknownIn } from '../state/address.ts';
import { FIRST_VIEW, layoutStore } from '../state/layout-store.ts';
import { noticesStore } from '../state/notices-store.ts';
import type { Selection } from '../state/selection.ts';
import { selectionStore } from '../state/selection-store.ts';
import {
  hasShown,
  readShown,
  show as showThese,
  type Shown,
  shownBeside,
  shownWords,
  useShown,
} from '../state/shown-address.ts';
import { views } from './views.tsx';

/** Delay before the address is written, about two frames. */
const WRITE_AFTER_MS = 40;
/** Delay before the view is stored; a dragged slider passes many values. */
const KEEP_AFTER_MS = 400;

/**
 * Keeps the page's URL fragment in step with what is on screen, and follows a fragment at the start and when it
 * changes. A change of the view is a step of the browser's history, so that Back returns to the view before; other
 * changes replace the step, and are undone by Undo. At the start without a fragment, it follows the one the engine
 * stored last session (browser storage is per port). Returns true once the start has been followed; until then no
 * defaults may be chosen. Waits for models and tasks, since fragments refer to them by name.
 */
export const useAddress = ({ connected, models, tasks, runs, selection }: Facts): boolean => {
  const { bridge } = useEngine();
  const view = useStore(layoutStore, (state) => state.view);
  const isFollowed = useStore(layoutStore, (state) => state.isFollowed);
  const shown = useShown({ models });
  const shownNow = useRef(shown);
  const shelves = useRef({ models, tasks, runs });
  /** The link that the page was opened with, until it is known what of it is here. */
  const opened = useRef<string | null>(null);
  const areRunsKnown = useQuery('runs.list', {}).data !== undefined;
  const written = useRef<string | null>(null);
  const kept = useQuery('view.kept', {});
  const isKnown =
    connected && models.length > 0 && tasks.length > 0 && (kept.data !== undefined || kept.error !== null);
  const last = kept.data?.address ?? '';

  useEffect(() => {
    shownNow.current = shown;
  }, [shown]);

  useEffect(() => {
    shelves.current = { models, tasks, runs };
    if (!isKnown) return;
    if (!isFollowed) {
      const first = window.location.hash.length > 1 ? window.location.hash : last;
      const { view: chosen, show } = layoutStore.getState();
      const known = follow(first, { models, tasks }, shownNow.current);
      if (first === window.location.hash) opened.current = first;
      if (chosen !== FIRST_VIEW) show(chosen);
      selectionStore.getState().complete(besideChosen(known, selectionStore.getState()));
      layoutStore.setState({ isFollowed: true });
    }
    if (opened.current !== null && areRunsKnown) {
      sayUnknown(opened.current, { models, tasks, runs });
      opened.current = null;
    }
  }, [isKnown, isFollowed, models, tasks, runs, areRunsKnown, last]);

  const address = isKnown && isFollowed ? addressOf(view, selection, { models, tasks }, shownWords(shown)) : null;
  useEffect(() => {
    if (address === null) return undefined;
    const isStep = written.current !== null && written.current !== view;
    written.current = view;
    if (window.location.hash === `#${address}`) return undefined;
    // After the change is painted: the browser takes as long for this as for the picture.
    let isWaiting = true;
    const write = (): void => {
      isWaiting = false;
      if (isStep) window.history.pushState(null, '', `#${address}`);
      else window.history.replaceState(null, '', `#${address}`);
    };
    const timer = setTimeout(write, WRITE_AFTER_MS);
    return () => {
      clearTimeout(timer);
      // A step is one, however soon the next change comes.
      if (isStep && isWaiting) write();
    };
  }, [address, view]);

  useEffect(() => {
    if (address === null) return undefined;
    const keep = (): void => {
      bridge.call('view.keep', { address }).catch((error: unknown) => {
        // A lost connection has its own banner, and the next change tries again.
        if (bridge.status.get().state === 'connected') noticesStore.getState().report(error);
      });
    };
    const timer = setTimeout(keep, KEEP_AFTER_MS);
    return () => clearTimeout(timer);
  }, [bridge, address]);

  useEffect(() => {
    const onChange = ({ newURL }: HashChangeEvent): void => {
      // Not the present fragment: a write that was due for the state before may have come between.
      const { hash } = new URL(newURL);
      sayUnknown(hash, shelves.current);
      selectionStore.getState().follow(follow(hash, shelves.current, null));
      // The browser has made the step already: what the page writes now replaces it, so that Forward stays.
      written.current = layoutStore.getState().view;
    };
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);

  return isFollowed;
};

/** Says what a link names that is not open here, since something else is shown in its place. */
const sayUnknown = (fragment: string, shelves: Pick<Facts, 'models' | 'tasks' | 'runs'>): void => {
  const unknown = unknownIn(fragment, shelves);
  if (unknown.length === 0) return;
  const remedy = 'Something else is shown in its place: open it first, on the left.';
  noticesStore.getState().report(refuse('not-here', unknown.join(' '), remedy));
};

/**
 * Switches to the view of a fragment and returns the selection that it describes. `now`: the state of the views, of
 * which stays what the user has changed; null if all of it follows the fragment.
 */
const follow = (fragment: string, shelves: Pick<Facts, 'models' | 'tasks'>, now: Shown | null): Partial<Selection> => {
  const { view, known } = followed(fragment, selectionStore.getState(), shelves);
  const address = new URLSearchParams(fragment.replace(/^#/, ''));
  if (isWhole(fragment) || hasShown(address)) {
    const named = readShown((key) => address.get(key));
    showThese(now === null ? named : shownBeside(named, now), shelves);
  }
  if (view !== null && views.some(({ name }) => name === view)) layoutStore.getState().show(view);
  return known;
};
