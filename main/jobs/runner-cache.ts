import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ModelRunner } from '../inference/model-runner.ts';

/** Models kept open between jobs: a sweep alternates between few, and sessions of a tiny model cost next to nothing. */
const MAX_OPEN = 2;

/**
 * Open runners by model, least recently used first out. A model is opened only after the ones that would not fit beside
 * it in the memory budget are closed. Not for concurrent use: jobs run one at a time.
 */
export interface RunnerCache {
  open(checkpoint: Checkpoint): Promise<ModelRunner>;
  /** Closes a model that must not be used again, or whose folder goes, if it is open. */
  close(checkpoint: Checkpoint): Promise<void>;
  dispose(): Promise<void>;
}

export const createRunnerCache = (
  openRunner: (checkpoint: Checkpoint) => Promise<ModelRunner>,
  memoryBudgetBytes: number,
): RunnerCache => {
  const runners = new Map<string, ModelRunner>();
  const keyOf = (checkpoint: Checkpoint): string => `${checkpoint.identity} ${checkpoint.folder}`;
  const residentBytes = (): number =>
    [...runners.values()].reduce((sum, runner) => sum + runner.checkpoint.info.memory.resident, 0);

  const close = async (key: string): Promise<void> => {
    const runner = runners.get(key);
    runners.delete(key);
    await runner?.dispose();
  };

  return {
    open: async (checkpoint) => {
      const key = keyOf(checkpoint);
      const known = runners.get(key);
      if (known !== undefined) {
        runners.delete(key);
        runners.set(key, known);
        return known;
      }
      for (const oldest of [...runners.keys()]) {
        if (runners.size < MAX_OPEN && residentBytes() + checkpoint.info.memory.resident <= memoryBudgetBytes) break;
        await close(oldest);
      }
      const runner = await openRunner(checkpoint);
      runners.set(key, runner);
      return runner;
    },
    close: (checkpoint) => close(keyOf(checkpoint)),
    dispose: async () => {
      for (const key of [...runners.keys()]) await close(key);
    },
  };
};
