import type { ComputeProcess } from '../compute/start-compute.ts';
import type { ComputeOrder } from '../contract/compute.ts';
import type { ProcessEnd } from '../contract/process-end.ts';
import { portChannel, type ProcessPort } from './port-channel.ts';

/** A process that computes, started by another process on this one's word: it comes as a port, a moment later. */
export interface PortCompute {
  readonly process: ComputeProcess;
  /** Its port is here. */
  connect(port: ProcessPort): void;
  /** It ended, or could not be started. */
  end(how: ProcessEnd, errors: string): void;
}

/** `kill` asks whoever started it to end it. */
export const createPortCompute = (kill: () => void): PortCompute => {
  const waiting: ComputeOrder[] = [];
  const listeners: ((message: unknown) => void)[] = [];
  let post = (order: ComputeOrder): void => void waiting.push(order);
  let ended: (how: ProcessEnd, errors: string) => void = () => undefined;
  return {
    process: {
      post: (order) => post(order),
      onMessage: (listener) => void listeners.push(listener),
      onEnd: (listener) => {
        ended = listener;
      },
      kill,
    },
    connect: (port) => {
      const channel = portChannel(port);
      // How it ended is told by who started it.
      channel.listen(
        (message) => listeners.forEach((listener) => listener(message)),
        () => undefined,
      );
      post = (order) => channel.post(order);
      waiting.splice(0).forEach(post);
    },
    end: (how, errors) => ended(how, errors),
  };
};
