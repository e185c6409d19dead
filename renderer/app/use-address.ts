import { useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import type { Facts } from '../engine/facts.ts';
import { addressOf, readAddress } from '../state/address.ts';
import { layoutStore, remembered } from '../state/layout-store.ts';
import { selectionStore } from '../state/selection-store.ts';

const KEY = 'address';

const opened = (): string => (window.location.hash.length > 1 ? window.location.hash : (remembered.read(KEY) ?? ''));

/**
 * Keeps the page's address in step with what is on screen, and follows an address: at the start (else the one of the
 * last session) and when it changes. True once the start has been followed: before that nothing may be chosen for the
 * person. Waits until models and tasks are known, by whose names an address tells them.
 */
export const useAddress = ({ connected, models, tasks, selection }: Facts): boolean => {
  const view = useStore(layoutStore, (state) => state.view);
  const isFollowed = useStore(layoutStore, (state) => state.isPlaced);
  const shelves = useRef({ models, tasks });
  const isKnown = connected && models.length > 0 && tasks.length > 0;

  useEffect(() => {
    shelves.current = { models, tasks };
    if (!isKnown) return;
    if (!isFollowed) {
      follow(opened(), { models, tasks });
      layoutStore.getState().place();
      return;
    }
    const address = addressOf(view, selection, { models, tasks });
    remembered.write(KEY, address);
    if (window.location.hash !== `#${address}`) window.history.replaceState(null, '', `#${address}`);
  }, [isKnown, isFollowed, models, tasks, selection, view]);

  useEffect(() => {
    const onChange = (): void => follow(window.location.hash, shelves.current);
    window.addEventListener('hashchange', onChange);
    return () => window.removeEventListener('hashchange', onChange);
  }, []);

  return isFollowed;
};

const follow = (fragment: string, shelves: Pick<Facts, 'models' | 'tasks'>): void => {
  const { view, known } = readAddress(fragment, shelves);
  if (view !== null) layoutStore.getState().show(view);
  selectionStore.getState().complete(known);
};
