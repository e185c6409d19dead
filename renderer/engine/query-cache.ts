import { hashKey, notifyManager, QueryClient, QueryObserver } from '@tanstack/query-core';
import { calls } from '../../main/contract/calls.ts';
import type { CallInput, CallName, CallOutput, EngineCall } from '../../main/contract/calls.ts';
import { serialiseError } from '../../main/contract/errors.ts';
import type { SerialisedError } from '../../main/contract/errors.ts';

/** What is known of an engine answer now. `data` stays while a newer answer is on its way; an error replaces it. */
export interface QueryState<N extends CallName> {
  readonly data: CallOutput<N> | undefined;
  readonly error: SerialisedError | null;
  readonly loading: boolean;
}

/** One reader of one answer. `read` gives the same object until something changes, as React's external stores must. */
interface QueryReader<N extends CallName> {
  readonly read: () => QueryState<N>;
  /** Asks where there is no answer; returns the function that ends the subscription. */
  readonly subscribe: (listener: () => void) => () => void;
}

type Change<N extends CallName> = (data: CallOutput<N>) => CallOutput<N>;

/** For each call, the requests under way; each gathers what was announced since it was asked. */
type Requests = { [N in CallName]?: Set<Change<N>[]> };

/** Answers that nobody reads are forgotten after this. */
const KEPT_UNREAD_MS = 30 * 60_000;

// Readers hear in the same turn: the default, a timer, runs late in a window in the background.
notifyManager.setScheduler(queueMicrotask);

const isCallName = (name: unknown): name is CallName => typeof name === 'string' && Object.hasOwn(calls, name);

const isSame = <N extends CallName>(left: QueryState<N>, right: QueryState<N>): boolean =>
  left.data === right.data && left.error === right.error && left.loading === right.loading;

/** Equal for equal inputs, whatever the order of their keys. */
export const inputKey = (input: unknown): string => hashKey([input]);

/**
 * Answers of the engine by call and input. Readers subscribe; events invalidate or patch. Nothing else in the window
 * holds engine data. An answer is fresh until an event concerns it, so nothing is asked again by time or by focus, and
 * the engine says itself what is worth another try. A newer question takes the place of an older one, for all who wait.
 */
export class QueryCache {
  readonly #call: EngineCall;
  readonly #client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Infinity,
        gcTime: KEPT_UNREAD_MS,
        retry: false,
        retryOnMount: false,
        refetchOnMount: false,
        // The engine is on this machine: it answers without a network.
        networkMode: 'always',
        structuralSharing: false,
      },
    },
  });
  readonly #requests: Requests = {};
  readonly #serialised = new WeakMap<Error, SerialisedError>();

  constructor(call: EngineCall) {
    this.#call = call;
  }

  state<N extends CallName>(name: N, input: CallInput<N>): QueryState<N> {
    const state = this.#client.getQueryCache().get<CallOutput<N>>(hashKey([name, input]))?.state;
    if (state === undefined) return { data: undefined, error: null, loading: true };
    const loading = state.fetchStatus !== 'idle';
    return state.error === null
      ? { data: state.data, error: null, loading }
      : { data: undefined, error: this.#errorOf(state.error), loading };
  }

  reader<N extends CallName>(name: N, input: CallInput<N>): QueryReader<N> {
    let last = this.state(name, input);
    const read = (): QueryState<N> => {
      const next = this.state(name, input);
      if (!isSame(last, next)) last = next;
      return last;
    };
    return {
      read,
      subscribe: (listener) => {
        let heard = read();
        const tell = (): void => {
          const now = read();
          if (now === heard) return;
          heard = now;
          listener();
        };
        // Changes of one batch are told after it, so only the first of them finds something new.
        return new QueryObserver(this.#client, this.#options(name, input)).subscribe(notifyManager.batchCalls(tell));
      },
    };
  }

  /** The same of several answers, in their order. */
  readerOfMany<N extends CallName>(
    name: N,
    inputs: readonly CallInput<N>[],
  ): { readonly read: () => readonly QueryState<N>[]; readonly subscribe: QueryReader<N>['subscribe'] } {
    const readers = inputs.map((input) => this.reader(name, input));
    let last: readonly QueryState<N>[] = readers.map((reader) => reader.read());
    return {
      read: () => {
        const next = readers.map((reader) => reader.read());
        if (next.some((state, index) => state !== last[index])) last = next;
        return last;
      },
      subscribe: (listener) => {
        const stops = readers.map((reader) => reader.subscribe(listener));
        return () => stops.forEach((stop) => stop());
      },
    };
  }

  /** The answer, from the cache where it is fresh. Rejects with the engine's error. */
  fetch<N extends CallName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
    return this.#client.fetchQuery(this.#options(name, input));
  }

  /** Asks again where someone reads or waits; forgets where nobody does. */
  invalidate(concerns: (name: CallName, input: unknown) => boolean): void {
    const cache = this.#client.getQueryCache();
    this.batch(() => {
      for (const query of cache.getAll()) {
        const [name, input] = query.queryKey;
        if (!isCallName(name) || !concerns(name, input)) continue;
        if (query.getObserversCount() === 0 && query.state.fetchStatus === 'idle') {
          cache.remove(query);
          continue;
        }
        void query.cancel({ silent: true });
        // Who reads or waits is told of the error by the query itself.
        query.fetch().catch(() => undefined);
      }
    });
  }

  /** Replaces answers in place, those that are on their way included: they may have been made before the change. */
  patch<N extends CallName>(name: N, change: Change<N>): void {
    for (const changes of this.#requestsOf(name)) changes.push(change);
    const cache = this.#client.getQueryCache();
    this.batch(() => {
      for (const { queryKey, queryHash } of cache.getAll()) {
        if (queryKey[0] !== name) continue;
        const state = cache.get<CallOutput<N>>(queryHash)?.state;
        if (state?.data === undefined || state.error !== null) continue;
        const data = change(state.data);
        if (data !== state.data) this.#client.setQueryData<CallOutput<N>>(queryKey, data);
      }
    });
  }

  /** Makes several changes as one: each reader is told once. */
  batch(changes: () => void): void {
    notifyManager.batch(changes);
  }

  #options<N extends CallName>(name: N, input: CallInput<N>) {
    return { queryKey: [name, input], queryFn: () => this.#ask(name, input) };
  }

  async #ask<N extends CallName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
    const requests = this.#requestsOf(name);
    const changes: Change<N>[] = [];
    requests.add(changes);
    try {
      const answer = await this.#call(name, input);
      return changes.reduce((data, change) => change(data), answer);
    } finally {
      requests.delete(changes);
    }
  }

  #requestsOf<N extends CallName>(name: N): Set<Change<N>[]> {
    const requests: { [M in CallName]?: Set<Change<M>[]> } = this.#requests;
    const known = requests[name];
    if (known !== undefined) return known;
    const made = new Set<Change<N>[]>();
    Object.assign(this.#requests, { [name]: made });
    return made;
  }

  #errorOf(error: Error): SerialisedError {
    const known = this.#serialised.get(error);
    if (known !== undefined) return known;
    const made = serialiseError(error);
    this.#serialised.set(error, made);
    return made;
  }
}
