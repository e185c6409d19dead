import { methodsStore } from '../features/methods/methods-store.ts';
import type { Action } from './action.ts';

export const showMethods: Action = {
  id: 'show-methods',
  label: 'Methods: what each one does and needs',
  keywords: ['help', 'documentation', 'formula', 'source', 'options', 'pitfalls'],
  menu: 'help',
  shortcut: 'Mod+Shift+M',
  enabled: ({ connected }) => connected,
  perform: (_engine, { selection }) => methodsStore.getState().show(selection.method),
};
