import { useCallback } from 'react';
import type { MenuAction } from '../../main/contract/shell.ts';
import { useEngine } from '../engine/engine-context.tsx';
import type { Engine } from '../engine/engine-context.tsx';
import { readFacts, useFacts } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { noticesStore } from '../state/notices-store.ts';

/**
 * Something a person can do. The files group actions by what they are about; palette, keys, menu and buttons come from
 * the one list of index.ts.
 */
export interface Action {
  readonly id: string;
  readonly label: string;
  /** Other words that find it in the palette. */
  readonly keywords: readonly string[];
  readonly menu: MenuAction['menu'];
  /** `Mod+Shift+P`; Mod is Command on a Mac, else Control. */
  readonly shortcut?: string;
  /** In a field the key is the field's own. */
  readonly yieldsToTyping?: boolean;
  /** Its key is heard while a dialog is open, too; that of others would act on what the dialog covers. */
  readonly inDialogs?: boolean;
  readonly enabled: (facts: Facts) => boolean;
  readonly perform: (engine: Engine, facts: Facts) => void | Promise<void>;
}

export const always = (): boolean => true;

const underWay = new WeakMap<Engine, Set<Action>>();

/**
 * Performs an action that is enabled now; what goes wrong becomes a notice. Once at a time: the second half of a double
 * click starts no second sweep.
 */
export const performAction = async (action: Action, engine: Engine): Promise<void> => {
  const facts = readFacts(engine);
  const busy = underWay.get(engine) ?? new Set<Action>();
  if (busy.has(action) || !action.enabled(facts)) return;
  underWay.set(engine, busy.add(action));
  try {
    await action.perform(engine, facts);
  } catch (error) {
    noticesStore.getState().report(error);
  } finally {
    busy.delete(action);
  }
};

export const useAction = (action: Action): { readonly perform: () => void; readonly enabled: boolean } => {
  const engine = useEngine();
  const enabled = action.enabled(useFacts());
  const perform = useCallback(() => void performAction(action, engine), [action, engine]);
  return { perform, enabled };
};
