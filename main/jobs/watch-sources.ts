import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { changedSources, type LookedAt } from '../checkpoint/model-sources.ts';
import { WorkbenchError } from '../contract/errors.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import type { StepKind, StepStore } from '../workspace/step-store.ts';
import type { RunnerCache } from './runner-cache.ts';

/** The part of a job's resources through which all numbers of a run come and go. */
export interface WatchedResources {
  readonly steps: StepStore;
  readonly runners: RunnerCache;
}

/** The same, watched: nothing is kept that came from files which are no longer those that were opened. */
export interface SourceWatch extends WatchedResources {
  /**
   * Compares all files once more at the end of a run, and the bytes of all weights that were mapped with those on disk.
   * If only bytes differ, nobody knows since when: the steps that the run stored are dropped, and the models closed.
   * `quickly`: of models that take longer than a moment to read, only times and headers are compared (who cancels does
   * not wait).
   *
   * @throws WorkbenchError `model-changed`, which says what changed.
   */
  settle(quickly?: boolean): Promise<void>;
}

/** Bytes that are read and hashed in less than a second. */
const MOST_BYTES_IN_A_MOMENT = 512 * 2 ** 20;

const modelChanged = ({ name, folder }: Checkpoint, changes: readonly string[], dropped: number): WorkbenchError =>
  new WorkbenchError(
    'model-changed',
    'failed',
    `${name} changed while this run read it: ${changes.join('; ')} (in ${folder}). ` +
      (dropped === 0
        ? 'What was computed from then on is not kept.'
        : `${String(dropped)} ${dropped === 1 ? 'step' : 'steps'} of this run cannot be trusted and are deleted.`),
    'Restore the files and resume, or start a new run of the model as it is now.',
  );

/**
 * Watches the files of every model that a run opens. Before a step is stored, size, times and file number of each file
 * must be those of its opening, and its header where anything was touched (`model-changed` otherwise): so what a step
 * read is what its key names. Headers are all compared at the end. Steps that were stored before a change stay, since
 * they were compared after they were computed.
 */
export const watchSources = ({ steps, runners }: WatchedResources): SourceWatch => {
  const opened = new Map<Checkpoint, ModelRunner>();
  const stored: { readonly key: string; readonly kind: StepKind }[] = [];

  const requireUnchanged = async (lookedAt: LookedAt): Promise<void> => {
    for (const checkpoint of opened.keys()) {
      const changes = await changedSources(checkpoint.folder, checkpoint.sources, lookedAt);
      if (changes.length === 0) continue;
      await runners.close(checkpoint);
      throw modelChanged(checkpoint, changes, 0);
    }
  };

  return {
    runners: {
      open: async (checkpoint) => {
        const runner = await runners.open(checkpoint);
        opened.set(checkpoint, runner);
        return runner;
      },
      close: async (checkpoint) => {
        // Its folder may go now: it is compared for the last time.
        await requireUnchanged('header');
        opened.delete(checkpoint);
        await runners.close(checkpoint);
      },
      dispose: () => runners.dispose(),
    },
    steps: {
      path: steps.path,
      has: steps.has,
      readJson: steps.readJson,
      drop: steps.drop,
      writeJson: async (key, value) => {
        await requireUnchanged('stat');
        await steps.writeJson(key, value);
        stored.push({ key, kind: 'json' });
      },
      produce: async (key, kind, write) => {
        await requireUnchanged('stat');
        await steps.produce(key, kind, write);
        stored.push({ key, kind });
      },
    },
    settle: async (quickly = false) => {
      await requireUnchanged('header');
      for (const [checkpoint, runner] of opened) {
        if (quickly && checkpoint.info.sizeBytes > MOST_BYTES_IN_A_MOMENT) continue;
        const parts = await runner.changedWeights();
        if (parts.length === 0) continue;
        for (const { key, kind } of stored) await steps.drop(key, kind);
        await runners.close(checkpoint);
        const changes = parts.map((part) => `${part} holds other bytes than when it was mapped`);
        throw modelChanged(checkpoint, changes, stored.length);
      }
    },
  };
};
