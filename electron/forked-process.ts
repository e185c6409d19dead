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
