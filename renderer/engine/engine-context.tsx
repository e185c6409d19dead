import type { ReactNode } from 'react';
import { createContext, use, useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { CallInput, CallName } from '../../main/contract/calls.ts';
import { present, type SerialisedError, serialiseError } from '../../main/contract/errors.ts';
import type { EngineEvent } from '../../main/contract/events.ts';
import { staleAfterChange } from '../../main/contract/stale-calls.ts';
import { type LaterChange, readRunning, withChanges } from '../../main/evaluation/sweeps/running-sweep.ts';
import type { BridgeStatus } from '../bridge/bridge.ts';
import { noticesStore } from '../state/notices-store.ts';
import { applyEvent } from './apply-event.ts';
import { inputKey, type QueryState } from './query-cache.ts';
import { type Engine, focusedPlace, performWork } from './waits.ts';

export type { Engine } from './waits.ts';

const EngineContext = createContext<Engine | null>(null);

/** Least time between two readings of the thresholds of a running sweep. */
const SWEEP_REFRESH_MS = 1_000;

/** Events within this time are applied together, so that a fast sweep does not rerender the window for every point. */
const GATHER_MS = 100;

/**
 * Connects cache and bridge: events update the cache, a new connection refetches everything. Returns the disconnect
 * function.
 */
export const connectCache = ({ bridge, cache }: Engine): (() => void) => {
  const waiting = new Map<string, ReturnType<typeof setTimeout>>();
  const changes = new Map<string, LaterChange[]>();
  const sweepChanged = (run: string, change: LaterChange): void => {
    changes.set(run, [...(changes.get(run) ?? []), change]);
    if (waiting.has(run)) return;
    const refresh = (): void => {
      waiting.delete(run);
      cache.batch(() => {
        cache.patch('sweep.read', (document) => (document.run === run ? readRunning(document) : document));
        cache.invalidate(staleAfterChange(run));
      });
    };
    waiting.set(run, setTimeout(refresh, SWEEP_REFRESH_MS));
  };
  let events: EngineEvent[] = [];
  let gathering: ReturnType<typeof setTimeout> | null = null;
  const applyGathered = (): void => {
    const gathered = events;
    events = [];
    gathering = null;
    cache.batch(() => {
      for (const event of gathered) applyEvent(cache, event, { sweepChanged });
      for (const [run, made] of changes)
        cache.patch('sweep.read', (document) => (document.run === run ? withChanges(document, made) : document));
      changes.clear();
    });
  };
  const stopEvents = bridge.subscribe((event) => {
    events.push(event);
    gathering ??= setTimeout(applyGathered, GATHER_MS);
  });
  let state = bridge.status.get().state;
  const stopStatus = bridge.status.subscribe(() => {
    const next = bridge.status.get().state;
    if (next === 'connected' && state === 'lost') {
      // Drop the last events of a lost engine: its jobs ended with it.
      if (gathering !== null) clearTimeout(gathering);
      [events, gathering] = [[], null];
      cache.invalidate(() => true);
    }
    state = next;
  });
  return () => {
    stopEvents();
    stopStatus();
    for (const timer of waiting.values()) clearTimeout(timer);
    if (gathering !== null) clearTimeout(gathering);
  };
};

export const EngineProvider = ({ engine, children }: { readonly engine: Engine; readonly children: ReactNode }) => {
  useEffect(() => connectCache(engine), [engine]);
  return <EngineContext value={engine}>{children}</EngineContext>;
};

export const useEngine = (): Engine => present(use(EngineContext), 'useEngine outside of EngineProvider');

export const useEngineStatus = (): BridgeStatus => {
  const { bridge } = useEngine();
  return useSyncExternalStore(bridge.status.subscribe, bridge.status.get);
};

const noSubscription = (): (() => void) => () => undefined;

/** The engine's answer to a call; `input: null` makes no call. Components rerender when the answer changes. */
export const useQuery = <N extends CallName>(name: N, input: CallInput<N> | null): QueryState<N> => {
  const { cache } = useEngine();
  const key = input === null ? null : inputKey(input);
  const source = useMemo(() => {
    const idle: QueryState<N> = { data: undefined, error: null, loading: false };
    return input === null ? { subscribe: noSubscription, read: () => idle } : cache.reader(name, input);
    // `key` represents `input`: equal inputs must not subscribe again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [cache, name, key]);
  return useSyncExternalStore(source.subscribe, source.read, source.read);
};

/** The answers to several inputs of one call, in order; rerenders when any of them changes. */
export const useQueries = <N extends CallName>(name: N, inputs: readonly CallInput<N>[]): readonly QueryState<N>[] => {
  const { cache } = useEngine();
  const key = inputKey(inputs);
  const source = useMemo(
    () => cache.readerOfMany(name, inputs),
    // `key` represents `inputs`: equal inputs must not subscribe again.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [cache, name, key],
  );
  return useSyncExternalStore(source.subscribe, source.read, source.read);
};

/**
 * For the button that has the focus: performs its work, shows a wait with Cancel at it (`performWork`), and tells
 * whether it is in progress. Errors become notices, or, `here`, `problem` until the next request.
 */
export const useRequest = (
  where: 'here' | 'notices' = 'notices',
): {
  readonly busy: boolean;
  readonly problem: SerialisedError | null;
  readonly start: (work: (engine: Engine, signal: AbortSignal) => Promise<unknown>) => void;
} => {
  const engine = useEngine();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<SerialisedError | null>(null);
  const start = useCallback(
    (work: (engine: Engine, signal: AbortSignal) => Promise<unknown>): void => {
      setBusy(true);
      setProblem(null);
      performWork(engine, focusedPlace(), work)
        .catch((error: unknown) => {
          if (where === 'here') setProblem(serialiseError(error));
          else noticesStore.getState().report(error);
        })
        .finally(() => setBusy(false));
    },
    [engine, where],
  );
  return { busy, problem, start };
};
