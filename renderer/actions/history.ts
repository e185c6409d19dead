import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

/** One step back of model, task, ticks, method, factor and pins. */
export const undo: Action = {
  id: 'undo',
  label: 'Undo',
  keywords: ['back', 'revert', 'history', 'pins', 'factor', 'method', 'ticks'],
  menu: 'edit',
  shortcut: 'Mod+Z',
  yieldsToTyping: true,
  enabled: () => selectionStore.getState().history.past.length > 0,
  perform: () => selectionStore.getState().undo(),
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
