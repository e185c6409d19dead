import { useCallback } from 'react';
import { useEngine } from '../engine/engine-context.tsx';
import type { Engine } from '../engine/engine-context.tsx';
import { readFacts } from '../engine/facts.ts';
import { useFacts } from '../engine/use-facts.ts';
import { noticesStore } from '../state/notices-store.ts';
import type { Action } from './action.ts';

/** Performs an action that is enabled now; what goes wrong becomes a notice. */
export const performAction = async (action: Action, engine: Engine): Promise<void> => {
  const facts = readFacts(engine);
  if (!action.enabled(facts)) return;
  try {
    await action.perform(engine, facts);
  } catch (error) {
    noticesStore.getState().report(error);
  }
};

export const useAction = (action: Action): { readonly perform: () => void; readonly enabled: boolean } => {
  const engine = useEngine();
  const enabled = action.enabled(useFacts());
  const perform = useCallback(() => void performAction(action, engine), [action, engine]);
  return { perform, enabled };
};
