import { useCallback, useState } from 'react';
import { type SerialisedError, serialiseError } from '../../main/contract/errors.ts';
import type { MenuAction } from '../../main/contract/shell.ts';
import { useEngine } from '../engine/engine-context.tsx';
import type { Engine } from '../engine/engine-context.tsx';
import { readFacts, useFacts } from '../engine/facts.ts';
import type { Facts } from '../engine/facts.ts';
import { focusedPlace, performWork } from '../engine/waits.ts';
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
  /** Calls of `engine` that take long are shown as waits; the action ends without effect once they are cancelled. */
  readonly perform: (engine: Engine, facts: Facts, signal: AbortSignal) => void | Promise<void>;
}

export const always = (): boolean => true;

const underWay = new WeakMap<Engine, Set<Action>>();

/**
 * Performs an enabled action and reports errors, as notices unless elsewhere; `place`: its button. Ignores the call
 * while the same action is still running, so a double click does not start a second sweep.
 */
export const performAction = async (
  action: Action,
  engine: Engine,
  report: (error: unknown) => void = noticesStore.getState().report,
  place: Element | null = null,
): Promise<void> => {
  const facts = readFacts(engine);
  const busy = underWay.get(engine) ?? new Set<Action>();
  if (busy.has(action) || !action.enabled(facts)) return;
  underWay.set(engine, busy.add(action));
  try {
    await performWork(engine, place, (asking, signal) => action.perform(asking, facts, signal));
  } catch (error) {
    report(error);
  } finally {
    busy.delete(action);
  }
};

interface UsedAction {
  readonly perform: () => void;
  readonly enabled: boolean;
  /** Why the last attempt failed, where errors are shown `here`. */
  readonly problem: SerialisedError | null;
}

/** An action as a button. Errors become notices, or, `here`, `problem` until the next attempt. */
export const useAction = (action: Action, where: 'here' | 'notices' = 'notices'): UsedAction => {
  const engine = useEngine();
  const enabled = action.enabled(useFacts());
  const [problem, setProblem] = useState<SerialisedError | null>(null);
  const perform = useCallback(() => {
    setProblem(null);
    const report = where === 'here' ? (error: unknown) => setProblem(serialiseError(error)) : undefined;
    void performAction(action, engine, report, focusedPlace());
  }, [action, engine, where]);
  return { perform, enabled, problem };
};
