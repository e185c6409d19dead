import { hashKey, notifyManager, QueryClient, QueryObserver } from '@tanstack/query-core';
import { type CallInput, type CallName, type CallOutput, calls, type EngineCall } from '../../main/contract/calls.ts';
import { type SerialisedError, serialiseError } from '../../main/contract/errors.ts';

/** An error in place of an answer. */
export interface QueryError extends SerialisedError {
  /** Asks once more; absent where the settings are refused, since others are asked for anyway. */
  readonly again?: () => void;
}

/** Current state of an engine answer. `data` stays while a newer answer is being fetched; an error replaces it. */
export interface QueryState<N extends CallName> {
  readonly data: CallOutput<N> | undefined;
  readonly error: QueryError | null;
  readonly loading: boolean;
}

/**
 * A reader of one answer. `read` returns the same object until something changes, as React's external stores require.
 */
interface QueryReader<N extends CallName> {
  readonly read: () => QueryState<N>;
  /** Fetches a missing answer; returns the unsubscribe function. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** Shows answers that take longer than a second, each with a way to cancel it. */
export interface ReadingWaits {
  /** Words for a call that may take long; null for others, which show no wait. */
  readonly label: (name: CallName) => string | null;
  /** Shows a wait that lasts; returns the function that ends it. */
  readonly begin: (label: string, abort: () => void) => () => void;
  /** Called once the user has cancelled an answer; `again` asks for it anew. */
  readonly cancelled: (label: string, again: () => void) => void;
}

const NO_WAITS: ReadingWaits = { label: () => null, begin: () => () => undefined, cancelled: () => undefined };

type Change<N extends CallName> = (data: CallOutput<N>) => CallOutput<N>;

/** Pending requests of each call, each with the changes announced since it was sent. */
type Requests = { [N in CallName]?: Set<Change<N>[]> };

/** Calls whose work ends once nobody reads the answer any more: a dragged slider asks for many plans. */
const ENDED_UNREAD: ReadonlySet<CallName> = new Set(['plan.make', 'profile.likeness']);

/** Readings of runs that may take long: they end once nobody has read the answer for `ENDED_AFTER_MS`. */
const ENDED_LATER: ReadonlySet<CallName> = new Set([
  'sweep.read',
  'sweep.compare',
  'sweep.frontier',
  'sweep.sizeTrend',
  'sweeps.compare',
  'outcomes.read',
  'outcomes.compare',
  'experiment.read',
]);

/** Calls that check settings while they are typed: what they refuse stays refused until the settings change. */
const CHECKS_SETTINGS: ReadonlySet<CallName> = new Set([
  'plan.make',
  'plan.import',
  'export.check',
  'fit.predict',
  'tasks.tryCalibration',
  'cluster.script',
]);

/** Lists that are read again on return to the window: an entry that is as it was stays the same object. */
export const READ_ON_RETURN: ReadonlySet<CallName> = new Set(['models.list', 'tasks.list', 'runs.list', 'trash.list']);

/** Time for another view that reads the same, and for the next margin, whose thread the end of this one would take. */
const ENDED_AFTER_MS = 1_500;

/** Answers without readers are dropped after this time. */
const KEPT_UNREAD_MS = 30 * 60_000;

// Notify readers in the same turn: the default, a timer, is delayed in background windows.
notifyManager.setScheduler(queueMicrotask);

const isCallName = (name: unknown): name is CallName => typeof name === 'string' && Object.hasOwn(calls, name);

const isSame = <N extends CallName>(left: QueryState<N>, right: QueryState<N>): boolean =>
  left.data === right.data && left.error === right.error && left.loading === right.loading;

/** Equal for equal inputs, whatever the order of their keys. */
export const inputKey = (input: unknown): string => hashKey([input]);

/**
 * Answers of the engine by call and input; the window keeps engine data nowhere else. Readers subscribe; events
 * invalidate or patch. An answer is fresh until an event concerns it, so there are no refetches by time or focus, and
 * the engine itself says whether to retry. A newer request replaces an older one for everyone who waits.
 */
export class QueryCache {
  readonly #call: EngineCall;
  readonly #waits: ReadingWaits;
  readonly #client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Infinity,
        gcTime: KEPT_UNREAD_MS,
        retry: false,
        retryOnMount: false,
        refetchOnMount: false,
        // The engine runs on this machine and needs no network.
        networkMode: 'always',
        structuralSharing: false,
      },
    },
  });
  readonly #requests: Requests = {};
  /** Ends the newest request of each answer, by the answer's key. */
  readonly #underWay = new Map<string, AbortController>();
  /** Readers that show a wait, by the answer's key. */
  readonly #shown = new Map<string, number>();
  /** Shows the wait of a request that is read ahead only, by the answer's key. */
  readonly #unshown = new Map<string, () => void>();
  /** What was told of the error of an answer: one error fails every answer that waits when the engine is gone. */
  readonly #told = new WeakMap<object, { readonly error: Error; readonly told: QueryError }>();

  constructor(call: EngineCall, waits: ReadingWaits = NO_WAITS) {
    this.#call = call;
    this.#waits = waits;
  }

  state<N extends CallName>(name: N, input: CallInput<N>): QueryState<N> {
    const query = this.#client.getQueryCache().get<CallOutput<N>>(hashKey([name, input]));
    if (query === undefined) return { data: undefined, error: null, loading: true };
    const { state } = query;
    const loading = state.fetchStatus !== 'idle';
    return state.error === null
      ? { data: state.data, error: null, loading }
      : { data: undefined, error: this.#errorOf(query, name, input, state.error), loading };
  }

  /** `isAhead`: nobody waits for the answer yet, so that no wait is shown until another reader comes. */
  reader<N extends CallName>(name: N, input: CallInput<N>, isAhead = false): QueryReader<N> {
    const key = hashKey([name, input]);
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
        if (!isAhead) {
          this.#shown.set(key, (this.#shown.get(key) ?? 0) + 1);
          this.#unshown.get(key)?.();
        }
        // Readers are notified after a batch, so only the first notification finds a change.
        const observer = new QueryObserver(this.#client, this.#options(name, input));
        const stop = observer.subscribe(notifyManager.batchCalls(tell));
        return () => {
          stop();
          if (!isAhead) this.#shown.set(key, (this.#shown.get(key) ?? 1) - 1);
          if (this.#shown.get(key) === 0) this.#shown.delete(key);
          if (ENDED_LATER.has(name)) this.#endUnread(key);
        };
      },
    };
  }

  /** The same for several answers, in order. */
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

  /**
   * The answer, from the cache if fresh. Rejects with the engine's error, or as cancelled once `signal` is aborted,
   * which ends the engine's work unless somebody else reads the answer.
   */
  async fetch<N extends CallName>(name: N, input: CallInput<N>, signal?: AbortSignal): Promise<CallOutput<N>> {
    const asked = this.#client.fetchQuery(this.#options(name, input));
    // As a reader, so that the work does not end where the views stop to read it.
    const stopReading = this.reader(name, input).subscribe(() => undefined);
    const query = this.#client.getQueryCache().get<CallOutput<N>>(hashKey([name, input]));
    const abort = (): void => {
      if (query?.getObserversCount() === 1) this.#underWay.get(query.queryHash)?.abort();
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await asked;
    } finally {
      signal?.removeEventListener('abort', abort);
      stopReading();
    }
  }

  /** Refetches answers that have readers or pending requests; drops the others. */
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
        // So that a fetch waits for the newer answer instead of taking the known one.
        query.invalidate();
        // Readers get the error from the query itself.
        query.fetch().catch(() => undefined);
      }
    });
  }

  /** Changes answers in place, including pending ones, which may predate the change. */
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

  /** Applies several changes with one notification per reader. */
  batch(changes: () => void): void {
    notifyManager.batch(changes);
  }

  #options<N extends CallName>(name: N, input: CallInput<N>) {
    // Taking the signal makes the query end with its last reader.
    const queryFn = (asked: { readonly signal: AbortSignal }): Promise<CallOutput<N>> =>
      this.#ask(name, input, ENDED_UNREAD.has(name) ? asked.signal : undefined);
    return { queryKey: [name, input], queryFn, structuralSharing: READ_ON_RETURN.has(name) };
  }

  async #ask<N extends CallName>(name: N, input: CallInput<N>, unread?: AbortSignal): Promise<CallOutput<N>> {
    const requests = this.#requestsOf(name);
    const changes: Change<N>[] = [];
    requests.add(changes);
    const key = hashKey([name, input]);
    const controller = new AbortController();
    this.#underWay.set(key, controller);
    unread?.addEventListener('abort', () => controller.abort(), { once: true });
    let endWait = (): void => undefined;
    const show = (): void => {
      this.#unshown.delete(key);
      endWait = this.#showWait(name, input, controller);
    };
    if (this.#shown.has(key)) show();
    else this.#unshown.set(key, show);
    try {
      const answer = await this.#callKnown(name, input, controller.signal);
      return changes.reduce((data, change) => change(data), answer);
    } finally {
      endWait();
      if (this.#unshown.get(key) === show) this.#unshown.delete(key);
      if (this.#underWay.get(key) === controller) this.#underWay.delete(key);
      requests.delete(changes);
    }
  }

  /**
   * The engine's answer. A restarted engine knows a folder again once it has listed its models and tasks: a question
   * that came before is asked a second time.
   */
  async #callKnown<N extends CallName>(name: N, input: CallInput<N>, signal: AbortSignal): Promise<CallOutput<N>> {
    try {
      return await this.#call(name, input, signal);
    } catch (error) {
      if (serialiseError(error).code !== 'unknown-handle' || signal.aborted) throw error;
      await Promise.all([this.#call('models.list', {}, signal), this.#call('tasks.list', {}, signal)]);
      return this.#call(name, input, signal);
    }
  }

  /** Shows a pending answer that takes long, until the returned function is called. */
  #showWait<N extends CallName>(name: N, input: CallInput<N>, controller: AbortController): () => void {
    const label = this.#waits.label(name);
    if (label === null) return () => undefined;
    return this.#waits.begin(label, () => {
      controller.abort();
      this.#waits.cancelled(label, () => this.#askAgain(name, input));
    });
  }

  #askAgain<N extends CallName>(name: N, input: CallInput<N>): void {
    // Readers get the error from the query itself.
    void this.#client.refetchQueries({ queryKey: [name, input], exact: true }).catch(() => undefined);
  }

  /** Ends the work on an answer that nobody reads any more, unless a reader comes in time. */
  #endUnread(key: string): void {
    const query = this.#client.getQueryCache().get(key);
    const isUnread = (): boolean => query?.getObserversCount() === 0 && query.state.fetchStatus !== 'idle';
    if (!isUnread()) return;
    setTimeout(() => {
      if (!isUnread()) return;
      void query?.cancel({ revert: true });
      this.#underWay.get(key)?.abort();
    }, ENDED_AFTER_MS);
  }

  #requestsOf<N extends CallName>(name: N): Set<Change<N>[]> {
    const requests: { [M in CallName]?: Set<Change<M>[]> } = this.#requests;
    const known = requests[name];
    if (known !== undefined) return known;
    const made = new Set<Change<N>[]>();
    Object.assign(this.#requests, { [name]: made });
    return made;
  }

  #errorOf<N extends CallName>(query: object, name: N, input: CallInput<N>, error: Error): QueryError {
    const known = this.#told.get(query);
    if (known?.error === error) return known.told;
    const serialised = serialiseError(error);
    const isFinal = serialised.kind === 'refused' && CHECKS_SETTINGS.has(name);
    const told = isFinal ? serialised : { ...serialised, again: () => this.#askAgain(name, input) };
    this.#told.set(query, { error, told });
    return told;
  }
}
