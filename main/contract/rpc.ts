import { z } from 'zod';
import { boundedText } from './bounds.ts';
import { isCallName, parseInput, parseOutput } from './call-boundary.ts';
import {
  AnswerText,
  type CallAnswer,
  type CallInput,
  type CallName,
  type CallOutput,
  type CallParsed,
  type EngineCall,
} from './calls.ts';
import { callCancelled, refuse, reviveError, serialiseError, WorkbenchError } from './errors.ts';
import { type EngineEvent, engineEvent } from './events.ts';

/** Any two-way message channel: a MessagePort, a WebSocket. Messages are JSON values. */
export interface MessageChannelEnd {
  post(message: unknown): void;
  /** Calls `received` for every message and `ended` once at the channel's end; returns a function to stop listening. */
  listen(received: (message: unknown) => void, ended: () => void): () => void;
  close(): void;
}

/** An engine as a page sees it. */
export interface CallableEngine {
  readonly call: EngineCall;
  subscribe(listener: (event: EngineEvent) => void): () => void;
}

/** The part of an engine that a host needs to serve pages. */
export interface ServedEngine {
  /** Answers a call whose input is parsed; the page parses the answer. `signal`: nobody waits for it any more. */
  answer<N extends CallName>(name: N, input: CallParsed<N>, signal?: AbortSignal): Promise<CallAnswer<N>>;
  subscribe(listener: (event: EngineEvent) => void): () => void;
}

export const serialisedError = z.object({
  code: boundedText,
  kind: z.enum(['refused', 'failed', 'cancelled']),
  message: boundedText,
  remedy: boundedText,
});

/** The longest text that V8 holds. */
const MOST_TEXT = 2 ** 29;

const callId = z.number().int().nonnegative();

/** Page to engine. The input is parsed by its call's own schema; `cancel` names a call that nobody waits for. */
const pageMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('call'), id: callId, name: boundedText, input: z.unknown() }),
  z.object({ type: z.literal('cancel'), id: callId }),
]);

/** Engine to page. The output, also one that comes as JSON text, is parsed by its call's own schema. */
const answerMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('result'), id: callId, output: z.unknown() }),
  z.object({ type: z.literal('text'), id: callId, text: z.string().max(MOST_TEXT) }),
  z.object({ type: z.literal('error'), id: callId, error: serialisedError }),
  z.object({ type: z.literal('event'), event: engineEvent }),
]);
type AnswerMessage = z.infer<typeof answerMessage>;

const answerCall = <N extends CallName>(
  engine: ServedEngine,
  name: N,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> => engine.answer(name, parseInput(name, input), signal);

/**
 * Answers a channel's calls with the engine and sends it the engine's events, until the channel ends or the returned
 * function is called. Answers that nobody waits for then are cancelled; jobs continue.
 */
export const serveRpc = (engine: ServedEngine, channel: MessageChannelEnd): (() => void) => {
  let open = true;
  const underWay = new Map<number, AbortController>();
  const send = (message: AnswerMessage): void => {
    if (open) channel.post(message);
  };
  const answer = async (raw: unknown): Promise<void> => {
    const message = pageMessage.safeParse(raw);
    if (!message.success) return stop(); // Not a page of this contract: close the connection.
    const { id } = message.data;
    if (message.data.type === 'cancel') return underWay.get(id)?.abort();
    const { name, input } = message.data;
    const controller = new AbortController();
    underWay.set(id, controller);
    try {
      if (!isCallName(name)) throw refuse('unknown-call', `There is no call "${name}".`, 'Reload the page.');
      const output = await answerCall(engine, name, input, controller.signal);
      send(output instanceof AnswerText ? { type: 'text', id, text: output.text } : { type: 'result', id, output });
    } catch (error) {
      send({ type: 'error', id, error: serialiseError(error) });
    } finally {
      underWay.delete(id);
    }
  };
  const stop = (): void => {
    open = false;
    for (const controller of underWay.values()) controller.abort();
    unsubscribe();
    unlisten();
    channel.close();
  };
  const unsubscribe = engine.subscribe((event) => send({ type: 'event', event }));
  const unlisten = channel.listen((message) => void answer(message), stop);
  return stop;
};

export const connectionLost = (what: string): WorkbenchError =>
  new WorkbenchError(
    'connection-lost',
    'failed',
    what,
    'Runs on disk are safe; the page asks again once it is connected.',
  );

/** The page's end of a channel. */
export interface RpcConnection extends CallableEngine {
  /** Rejects every waiting call with `reason`; later calls are rejected at once. */
  close(reason: WorkbenchError): void;
}

interface PendingCall {
  succeed(output: unknown): void;
  fail(error: WorkbenchError): void;
}

/** Makes calls over a channel. Calls `ended` once if the other side goes away (not after `close`). */
export const connectRpc = (channel: MessageChannelEnd, ended: (reason: WorkbenchError) => void): RpcConnection => {
  const pending = new Map<number, PendingCall>();
  const listeners = new Set<(event: EngineEvent) => void>();
  let closedBy: WorkbenchError | null = null;
  let nextId = 0;

  const receive = (raw: unknown): void => {
    const parsed = answerMessage.safeParse(raw);
    if (!parsed.success) {
      const reason = connectionLost(
        `The engine sent a message that this page cannot read: ${z.prettifyError(parsed.error)}`,
      );
      close(reason);
      return ended(reason);
    }
    const message = parsed.data;
    if (message.type === 'event') {
      for (const listener of [...listeners]) listener(message.event);
      return;
    }
    const waiting = pending.get(message.id);
    pending.delete(message.id);
    if (message.type === 'error') waiting?.fail(reviveError(message.error));
    else waiting?.succeed(message.type === 'text' ? new AnswerText(message.text) : message.output);
  };
  const close = (reason: WorkbenchError): void => {
    if (closedBy !== null) return;
    closedBy = reason;
    unlisten();
    channel.close();
    for (const waiting of pending.values()) waiting.fail(reason);
    pending.clear();
  };
  const unlisten = channel.listen(receive, () => {
    const reason = connectionLost('The connection to the engine ended.');
    close(reason);
    ended(reason);
  });

  const call = async <N extends CallName>(
    name: N,
    input: CallInput<N>,
    signal?: AbortSignal,
  ): Promise<CallOutput<N>> => {
    if (closedBy !== null) throw closedBy;
    if (signal?.aborted === true) throw callCancelled(name);
    const id = nextId++;
    const answer = new Promise<unknown>((resolve, reject) => pending.set(id, { succeed: resolve, fail: reject }));
    channel.post({ type: 'call', id, name, input });
    const cancel = (): void => {
      const waiting = pending.get(id);
      if (waiting === undefined) return;
      pending.delete(id);
      channel.post({ type: 'cancel', id });
      waiting.fail(callCancelled(name));
    };
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return parseOutput(name, await answer);
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };
  const subscribe = (listener: (event: EngineEvent) => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return { call, subscribe, close };
};
