import { useEffect, useRef } from 'react';
import type { CallInput } from '../../main/contract/calls.ts';
import { useEngine } from '../engine/engine-context.tsx';
import { selectedModel, useFacts } from '../engine/facts.ts';
import { inputKey, type QueryCache } from '../engine/query-cache.ts';
import { nextFactors } from './kept-counts.ts';
import { asksItems, currentPlanCall, planInputBy } from './plan-input.ts';
import { useCurrentPlan } from './use-current-plan.ts';

type PlanRequest = CallInput<'plan.make'>;

interface PlansAhead {
  /** Asks for these plans, in order, and drops those asked before; `current` is read by others now, and kept. */
  readonly want: (requests: readonly PlanRequest[], current: PlanRequest | null) => void;
}

/** Performs work when the window has nothing else to do; returns what forgets it. */
const whenIdle = (work: () => void): (() => void) => {
  const waiting = requestIdleCallback(work);
  return () => cancelIdleCallback(waiting);
};

/**
 * Plans that are probably read next, asked for one at a time while the window is idle, so that they never take the
 * engine from what is on screen. One that fails says so where it is read.
 */
export const createPlansAhead = (cache: Pick<QueryCache, 'reader'>, idle = whenIdle): PlansAhead => {
  let wanted: readonly PlanRequest[] = [];
  let asked: { readonly key: string; readonly stop: () => void } | null = null;
  let forget = (): void => undefined;
  const askNext = (): void => {
    forget();
    const [request, ...later] = wanted;
    if (asked !== null || request === undefined) return;
    forget = idle(() => {
      wanted = later;
      const reader = cache.reader('plan.make', request, true);
      const end = (): void => {
        if (reader.read().loading) return;
        asked?.stop();
        asked = null;
        askNext();
      };
      asked = { key: inputKey(request), stop: reader.subscribe(end) };
      // An answer that is known already changes nothing, so no listener hears of it.
      end();
    });
  };
  return {
    want: (requests, current) => {
      wanted = requests;
      const key = asked?.key;
      if (
        asked !== null &&
        ![...requests, ...(current === null ? [] : [current])].some((one) => inputKey(one) === key)
      ) {
        asked.stop();
        asked = null;
      }
      askNext();
    },
  };
};

/** A plan that took longer is not made ahead: its neighbours would keep the machine busy for nothing. */
const QUICK_MS = 500;

/**
 * While the caller is shown, asks ahead for the plans of the factors next to the one on screen, so that a factor key
 * answers at once; not for plans that measure items, or that took long.
 */
export const usePlansAhead = (): void => {
  const { cache } = useEngine();
  const facts = useFacts();
  const { isCurrent } = useCurrentPlan();
  const call = currentPlanCall(facts);
  const key = inputKey(call);
  const ahead = useRef<PlansAhead | null>(null);
  const began = useRef({ key: '', at: 0 });
  useEffect(() => {
    ahead.current ??= createPlansAhead(cache);
    if (began.current.key !== key) began.current = { key, at: performance.now() };
    const current = call?.call === 'plan.make' ? call.input : null;
    const info = selectedModel(facts)?.info ?? null;
    const isQuick = isCurrent && performance.now() - began.current.at < QUICK_MS;
    if (current === null || info === null || !isQuick || asksItems(facts.selection.plan.budget)) {
      ahead.current.want([], current);
      return;
    }
    const { smaller, larger } = nextFactors(info, facts.selection.factor);
    const requests = [larger, smaller].flatMap((factor) => {
      if (factor === undefined) return [];
      return planInputBy(facts, { ...facts.selection, factor }) ?? [];
    });
    ahead.current.want(requests, current);
    // `key` represents `call`, and all of `facts` that plans are made of.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [cache, key, isCurrent]);
  useEffect(() => () => ahead.current?.want([], null), []);
};
