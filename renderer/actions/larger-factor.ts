import { selectedModel } from '../engine/facts.ts';
import { standardFactors } from '../features/prune/kept-counts.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';

export const largerFactor: Action = {
  id: 'larger-factor',
  label: 'Go to the next larger factor',
  keywords: ['pruning', 'power of two', 'kept'],
  menu: 'edit',
  shortcut: 'Alt+]',
  enabled: (facts) => (selectedModel(facts)?.info ?? null) !== null,
  perform: (_engine, facts) => {
    const info = selectedModel(facts)?.info ?? null;
    if (info === null) return;
    const factors = standardFactors(info);
    const next = factors.find((factor) => factor > facts.selection.factor);
    if (next !== undefined) selectionStore.getState().chooseFactor(next);
  },
};
