import { deedsStore, deedToUndo } from '../state/history.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

const nextDeed = () => deedToUndo(deedsStore.getState().deeds, selectionStore.getState().history);

/**
 * Undoes the last change to the selection (model, task, ticks, method, factor, pins, plan settings) or the last move to
 * the trash.
 */
export const undo: Action = {
  id: 'undo',
  label: 'Undo',
  keywords: ['back', 'revert', 'history', 'pins', 'factor', 'method', 'ticks', 'plan', 'budget', 'trash', 'restore'],
  menu: 'edit',
  shortcut: 'Mod+Z',
  yieldsToTyping: true,
  enabled: () => nextDeed() !== null || selectionStore.getState().history.past.length > 0,
  perform: async () => {
    const deed = nextDeed();
    if (deed === null) selectionStore.getState().undo();
    else await deedsStore.getState().undo(deed);
  },
};

export const redo: Action = {
  id: 'redo',
  label: 'Redo',
  keywords: ['again', 'forth', 'history'],
  menu: 'edit',
  shortcut: 'Mod+Shift+Z',
  yieldsToTyping: true,
  enabled: () => selectionStore.getState().history.future.length > 0,
  perform: () => selectionStore.getState().redo(),
};
