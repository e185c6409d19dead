import { useCallback } from 'react';
import type { MenuAction } from '../../main/contract/shell.ts';
import { useEngine } from '../engine/engine-context.tsx';
import type { Engine } from '../engine/engine-context.tsx';
import { readFacts, useFacts } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { noticesStore } from '../state/notices-store.ts';

/**
 * A command the user can run. Files group actions by subject; the palette, shortcuts, menu and buttons all read the
 * list in index.ts.
 */
export interface Action {
  readonly id: string;
  readonly label: string;
  /** Extra search words for the palette. */
  readonly keywords: readonly string[];
  readonly menu: MenuAction['menu'];
  /** `Mod+Shift+P`; Mod is Command on a Mac, else Control. */
  readonly shortcut?: string;
  /** Ignored while the focus is in a text field, so the field keeps the key. */
  readonly yieldsToTyping?: boolean;
  /** Also works while a dialog is open. Other actions would change what the dialog covers. */
  readonly inDialogs?: boolean;
  readonly enabled: (facts: Facts) => boolean;
  readonly perform: (engine: Engine, facts: Facts) => void | Promise<void>;
}

export const always = (): boolean => true;

const underWay = new WeakMap<Engine, Set<Action>>();

/**
 * Performs an enabled action and reports errors as notices. Ignores the call while the same action is still running, so
 * a double click does not start a second sweep.
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
