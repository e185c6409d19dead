import type { ComputeProcess } from '../compute/start-compute.ts';
import type { ComputeOrder } from '../contract/compute.ts';
import type { ProcessEnd } from '../contract/process-end.ts';
import { portChannel, type ProcessPort } from './port-channel.ts';

/** A compute process that another process starts on request; its port arrives later. */
export interface PortCompute {
  readonly process: ComputeProcess;
  connect(port: ProcessPort): void;
  /** Reports that it ended or could not be started. */
  end(how: ProcessEnd, errors: string): void;
}

/** `kill` asks the starter to end the process. */
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
      // Its starter reports how it ended.
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
