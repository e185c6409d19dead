import { useCallback, useState } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { type SerialisedError, serialiseError } from '../../main/contract/errors.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { MenuAction } from '../../main/contract/shell.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import { type Engine, useEngine } from '../engine/engine-context.tsx';
import { type Facts, readFacts, useFacts } from '../engine/facts.ts';
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
  /** Absent: always. */
  readonly enabled?: (facts: Facts) => boolean;
  /** Calls of `engine` that take long are shown as waits; the action ends without effect once they are cancelled. */
  readonly perform: (engine: Engine, facts: Facts, signal: AbortSignal) => void | Promise<void>;
}

export const isEnabled = ({ enabled }: Action, facts: Facts): boolean => enabled?.(facts) ?? true;

const underWay = new WeakMap<Engine, Set<Action>>();

/** How often each action was performed, from any place. */
const attemptsStore = createStore<ReadonlyMap<Action, number>>()(() => new Map());

/** What an attempt depends on, as one text. */
const subjectOf = ({ connected, models, tasks, selection }: Facts): string => {
  const said = (entries: readonly (ModelEntry | TaskEntry)[]) => entries.map(({ handle, error }) => [handle, error]);
  return JSON.stringify([connected, said(models), said(tasks), selection.model, selection.tasks]);
};

/** Why an attempt failed, which one it was, and what it depended on. */
export interface Refusal {
  readonly error: SerialisedError;
  readonly attempt: number;
  readonly subject: string;
}

/** The failure of the latest attempt. */
export const refusalOf = (action: Action, engine: Engine, error: unknown): Refusal => ({
  error: serialiseError(error),
  attempt: attemptsStore.getState().get(action) ?? 0,
  subject: subjectOf(readFacts(engine)),
});

/** Whether a refusal still holds: no later attempt was made, and what it depended on is unchanged. */
export const isStanding = (action: Action, { attempt, subject }: Refusal, facts: Facts): boolean =>
  attempt === attemptsStore.getState().get(action) && subject === subjectOf(facts);

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
  if (busy.has(action) || !isEnabled(action, facts)) return;
  underWay.set(engine, busy.add(action));
  attemptsStore.setState((known) => new Map(known).set(action, (known.get(action) ?? 0) + 1), true);
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

/** An action as a button. Errors become notices, or, `here`, `problem` while the refusal stands. */
export const useAction = (action: Action, where: 'here' | 'notices' = 'notices'): UsedAction => {
  const engine = useEngine();
  const facts = useFacts();
  // Another attempt may be made from the palette.
  useStore(attemptsStore, (known) => known.get(action));
  const [refusal, refuse] = useState<Refusal | null>(null);
  const perform = useCallback(() => {
    const report = where === 'here' ? (error: unknown) => refuse(refusalOf(action, engine, error)) : undefined;
    void performAction(action, engine, report, focusedPlace());
  }, [action, engine, where]);
  const isShown = refusal !== null && isStanding(action, refusal, facts);
  return { perform, enabled: isEnabled(action, facts), problem: isShown ? refusal.error : null };
};
