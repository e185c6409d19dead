import { AnswerText } from '../../../main/contract/calls.ts';
import { refuse } from '../../../main/contract/errors.ts';
import type { EngineEvent } from '../../../main/contract/events.ts';
import type { ServedEngine } from '../../../main/contract/rpc.ts';

/** A minimal engine for tests of the transports only; the answers of an engine are tested with the real one. */
export interface TransportEngine extends ServedEngine {
  /** Inputs of the calls so far. */
  readonly received: unknown[];
  /** Calls whose caller cancelled them. */
  readonly cancelled: string[];
  announce(event: EngineEvent): void;
  readonly listeners: number;
  /** Lets the pending `tasks.list` answer. */
  release(): void;
}

export const createTransportEngine = (): TransportEngine => {
  const listeners = new Set<(event: EngineEvent) => void>();
  const received: unknown[] = [];
  const cancelled: string[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const answerAny = async (name: string, input: unknown): Promise<unknown> => {
    received.push(input);
    if (name === 'models.list') return [];
    if (name === 'jobs.cancel') return {};
    if (name === 'jobs.list') return new AnswerText('[]');
    if (name === 'view.kept') return new AnswerText('{"address":'); // cut off
    if (name === 'engine.facts') return { version: 1 }; // breaks the contract
    if (name === 'tasks.list') {
      await released;
      return [];
    }
    if (name === 'models.open')
      throw refuse('not-a-model', 'The folder /x holds no config.json.', 'Choose a model folder.');
    throw new TypeError('out of luck');
  };
  const answer: ServedEngine['answer'] = (name, input, signal): Promise<never> => {
    signal?.addEventListener('abort', () => cancelled.push(name));
    return answerAny(name, input) as Promise<never>;
  };
  return {
    answer,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    received,
    cancelled,
    announce: (event) => {
      for (const listener of listeners) listener(event);
    },
    get listeners() {
      return listeners.size;
    },
    release: () => release(),
  };
};
