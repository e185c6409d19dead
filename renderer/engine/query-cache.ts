import { serialiseError } from '../../main/contract/errors.ts';
import type { SerialisedError } from '../../main/contract/errors.ts';
import type { CallInput, CallName, CallOutput, EngineCall } from '../../main/contract/calls.ts';

/** What is known of an engine answer now. `data` stays while a newer answer is on its way. */
export interface QueryState<N extends CallName> {
  readonly data: CallOutput<N> | undefined;
  readonly error: SerialisedError | null;
  readonly loading: boolean;
}

interface Entry<N extends CallName> {
  readonly input: CallInput<N>;
  readonly listeners: Set<() => void>;
  state: QueryState<N>;
  /** Number of the newest request; answers of older ones are dropped. */
  request: number;
  stale: boolean;
  usedAt: number;
}

type Entries = { [N in CallName]?: Map<string, Entry<N>> };

/** Answers kept without a reader; the least recently used go first. */
const MAX_IDLE_ENTRIES = 300;

/** JSON with sorted keys, so that equal inputs have equal keys. */
export const inputKey = (input: unknown): string =>
  JSON.stringify(input, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
      : value,
  );

/**
 * Answers of the engine by call and input. Readers subscribe; events invalidate or patch. Nothing else in the window
 * holds engine data.
 */
export class QueryCache {
  readonly #call: EngineCall;
  readonly #entries: Entries = {};
  #clock = 0;
  /** Listeners to call at the end of a batch; null outside of one. */
  #waiting: Set<() => void> | null = null;

  constructor(call: EngineCall) {
    this.#call = call;
  }

  state<N extends CallName>(name: N, input: CallInput<N>): QueryState<N> {
    return this.#entry(name, input).state;
  }

  /** Starts the call where there is no fresh answer; returns the function that ends the subscription. */
  subscribe<N extends CallName>(name: N, input: CallInput<N>, listener: () => void): () => void {
    const entry = this.#entry(name, input);
    entry.listeners.add(listener);
    if (entry.stale) void this.#request(name, entry);
    return () => {
      entry.listeners.delete(listener);
      this.#evict();
    };
  }

  /** The answer, from the cache where it is fresh. Rejects with the engine's error. */
  async fetch<N extends CallName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
    const entry = this.#entry(name, input);
    if (!entry.stale && entry.state.data !== undefined) return entry.state.data;
    const answer = await this.#call(name, input);
    this.#settle(entry, { data: answer, error: null, loading: false });
    return answer;
  }

  /** Asks again where someone reads; forgets where nobody does. */
  invalidate(concerns: (name: CallName, input: unknown) => boolean): void {
    for (const name of this.#names()) this.#invalidateOf(name, concerns);
  }

  /** Replaces answers in place, before the engine is asked again. */
  patch<N extends CallName>(name: N, change: (data: CallOutput<N>, input: CallInput<N>) => CallOutput<N>): void {
    for (const entry of this.#map(name).values()) {
      if (entry.state.data === undefined) continue;
      const data = change(entry.state.data, entry.input);
      if (data !== entry.state.data) this.#settle(entry, { ...entry.state, data });
    }
  }

  /** Makes several changes as one: each reader is told once. */
  batch(changes: () => void): void {
    if (this.#waiting !== null) return changes();
    const waiting = new Set<() => void>();
    this.#waiting = waiting;
    try {
      changes();
    } finally {
      this.#waiting = null;
    }
    for (const listener of waiting) listener();
  }

  #names(): CallName[] {
    const names: CallName[] = [];
    let name: CallName;
    for (name in this.#entries) names.push(name);
    return names;
  }

  #map<N extends CallName>(name: N): Map<string, Entry<N>> {
    const entries: { [M in CallName]?: Map<string, Entry<M>> } = this.#entries;
    const known = entries[name];
    if (known !== undefined) return known;
    const made = new Map<string, Entry<N>>();
    Object.assign(this.#entries, { [name]: made });
    return made;
  }

  #entry<N extends CallName>(name: N, input: CallInput<N>): Entry<N> {
    const map = this.#map(name);
    const key = inputKey(input);
    const known = map.get(key);
    this.#clock += 1;
    if (known !== undefined) {
      known.usedAt = this.#clock;
      return known;
    }
    const made: Entry<N> = {
      input,
      listeners: new Set(),
      state: { data: undefined, error: null, loading: true },
      request: 0,
      stale: true,
      usedAt: this.#clock,
    };
    map.set(key, made);
    return made;
  }

  async #request<N extends CallName>(name: N, entry: Entry<N>): Promise<void> {
    entry.request += 1;
    entry.stale = false;
    const request = entry.request;
    if (!entry.state.loading) this.#settle(entry, { ...entry.state, loading: true }, false);
    try {
      const data = await this.#call(name, entry.input);
      if (entry.request === request) this.#settle(entry, { data, error: null, loading: false });
    } catch (error) {
      if (entry.request === request) {
        this.#settle(entry, { data: undefined, error: serialiseError(error), loading: false });
      }
    }
  }

  #settle<N extends CallName>(entry: Entry<N>, state: QueryState<N>, fresh = true): void {
    entry.state = state;
    if (fresh) entry.stale = false;
    for (const listener of [...entry.listeners]) {
      if (this.#waiting === null) listener();
      else this.#waiting.add(listener);
    }
  }

  #invalidateOf<N extends CallName>(name: N, concerns: (name: CallName, input: unknown) => boolean): void {
    const map = this.#map(name);
    for (const [key, entry] of [...map]) {
      if (!concerns(name, entry.input)) continue;
      if (entry.listeners.size === 0) map.delete(key);
      else void this.#request(name, entry);
    }
  }

  #evict(): void {
    const idle: { readonly usedAt: number; readonly drop: () => void }[] = [];
    for (const name of this.#names()) {
      const map = this.#map(name);
      for (const [key, entry] of map) {
        if (entry.listeners.size === 0) idle.push({ usedAt: entry.usedAt, drop: () => map.delete(key) });
      }
    }
    if (idle.length <= MAX_IDLE_ENTRIES) return;
    idle.sort((left, right) => left.usedAt - right.usedAt);
    for (const { drop } of idle.slice(0, idle.length - MAX_IDLE_ENTRIES)) drop();
  }
}
