import type { ComputeSettings } from '../main/contract/compute.ts';
import type { EngineCommand } from '../main/contract/engine-control.ts';

/** A process of the engine; P is its kind of MessagePort. */
export interface ForkedProcess<P> {
  postMessage(message: unknown, ports?: P[]): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once with the exit code, or the number of the signal that ended it. */
  onExit(listener: (code: number) => void): void;
  /** Ends it, whatever it is doing. */
  kill(): void;
  readonly stderr: NodeJS.ReadableStream | null;
}

/** A compute process of the engine. */
export interface ForkedCompute<P> {
  readonly child: ForkedProcess<P>;
  /** The engine's end of their messages. */
  readonly port: P;
}

export type StartCompute<P> = (settings: ComputeSettings) => ForkedCompute<P>;

/** The compute processes of one engine, by the engine's numbers. */
export interface Computes {
  start(id: number, settings: ComputeSettings): void;
  kill(id: number): void;
  /** Ends all of them, together with their engine. */
  killAll(): void;
}

/** Maximum number of characters of standard error in a message. */
const ERRORS_KEPT = 1_000;

/** `send` passes each process's port and its end to the engine. */
export const createComputes = <P>(
  startCompute: StartCompute<P>,
  send: (command: EngineCommand, ports: P[]) => void,
): Computes => {
  const children = new Map<number, ForkedProcess<P>>();
  return {
    start: (id, settings) => {
      const { child, port } = startCompute(settings);
      children.set(id, child);
      let errors = '';
      child.stderr?.on('data', (chunk: Buffer | string) => {
        process.stderr.write(chunk);
        errors = `${errors}${String(chunk)}`.slice(-ERRORS_KEPT);
      });
      child.onExit((end) => {
        children.delete(id);
        send({ type: 'compute-ended', id, end, errors }, []);
      });
      send({ type: 'computing', id }, [port]);
    },
    kill: (id) => children.get(id)?.kill(),
    killAll: () => {
      for (const child of children.values()) child.kill();
    },
  };
};
