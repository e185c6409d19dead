import { topics } from '../definitions/docs.ts';
import { docsStore } from '../state/dialog-stores.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

/** One action per documentation page. */
export const showDocs: readonly Action[] = topics.map(({ name, title, question }, order) => ({
  id: `docs-${name}`,
  label: `Documentation: ${title}`,
  keywords: ['help', 'documentation', 'manual', 'how', ...question.toLowerCase().split(/\W+/)],
  menu: 'help',
  ...(order === 0 ? { shortcut: 'Mod+/' } : {}),
  enabled: always,
  perform: () => docsStore.getState().show(name),
}));
