import { changedSources, type LookedAt } from '../checkpoint/model-sources.ts';
import { HASHED_AT_OPENING_BYTES, type Identifying, type ModelHashes } from '../checkpoint/model-content.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { TorchPrecision } from '../contract/device.ts';
import { CancelledError, fail, type WorkbenchError } from '../contract/errors.ts';
import { memoryIn } from '../contract/model.ts';
import type { ModelRunner, ModelRunnerSettings, OpenModel, RunnerTuning } from '../inference/model-runner.ts';
import { openModel } from '../inference/open-model-runner.ts';
import { providers } from '../inference/providers/provider.ts';
import { openTorchModel } from '../torch/open-torch-model.ts';
import type { TorchWorkers } from '../torch/torch-model.ts';
import type { StepKind, StepStore } from '../workspace/step-store.ts';

/**
 * The gate to the numbers of models: everything that computes them gets its runners and steps here, which are watched.
 * The files of the models were stamped when they were opened; before a result is stored, and again at the end, they
 * must not have changed. `tests/structure/gate.test.ts` finds code that goes another way.
 */

/** Models kept open between jobs: a sweep alternates between few, and sessions of a tiny model are cheap. */
const MAX_OPEN = 2;
/** Bytes that are read and hashed in less than a second. */
const MOST_BYTES_IN_A_MOMENT = 512 * 2 ** 20;

/** Opens a model for one piece of work. The caller disposes of its runner before its folder is deleted. */
export type OpenAlone = (checkpoint: Checkpoint, tuning?: RunnerTuning) => Promise<ModelRunner>;

export interface Runners {
  /** Opens a runner that is shared with other work on the same model, and closed by the pool. */
  open(checkpoint: Checkpoint): Promise<ModelRunner>;
  readonly openAlone: OpenAlone;
  /** Closes a shared model whose folder is about to be deleted. */
  close(checkpoint: Checkpoint): Promise<void>;
  /** Closes all shared models, whose weights would count twice against the memory budget. */
  closeAll(): Promise<void>;
}

/** Runners, and steps for their results: a result is not stored if its files have changed since they were opened. */
export interface Computing {
  readonly steps: StepStore;
  readonly runners: Runners;
  /** Call before keeping a result that is not a step. @throws WorkbenchError `model-changed`. */
  readonly requireUnchanged: () => Promise<void>;
}

export interface GateOrder {
  /** Models that the work reads from the start; models that it opens later are added. */
  readonly sources: readonly Checkpoint[];
  readonly steps: StepStore;
  /** Called with a message for the log: about each unusable stored result, and of `OpenModel.runner`. */
  readonly say: (text: string) => void;
  /** Ends the hashing of models that were not identified yet; and what it reads, in words. */
  readonly signal?: AbortSignal | undefined;
  readonly describe?: ((text: string) => void) | undefined;
}

/**
 * Hashes a model that was not identified yet, and says how far it is.
 *
 * @throws WorkbenchError `model-changed`; CancelledError.
 */
export const identify = (
  { name, content }: Pick<Checkpoint, 'name' | 'content'>,
  { signal, describe, anew }: Pick<GateOrder, 'signal' | 'describe'> & Pick<Identifying, 'anew'>,
): Promise<ModelHashes> =>
  content.identify({
    signal,
    anew,
    onProgress: (done, total, isKept) => {
      if (total > HASHED_AT_OPENING_BYTES) describe?.(readingText(name, done, total, isKept));
    },
  });

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

/** For example "Reading qwen: 3.1 of 80.0 GB". */
const readingText = (name: string, done: number, total: number, isKept: boolean): string =>
  `Reading ${name}: ${gigabytes(done)} of ${gigabytes(total)} GB` +
  (isKept ? '' : ' (at every start, because times of files do not tell of every change there)');

/** Models that stay open between pieces of work; the least recently used ones are closed. */
export interface ModelPool {
  /**
   * Lets `work` compute. At its end all files are compared once more, and the bytes of all mapped weights with those on
   * disk. If only bytes differ, the time of the change is unknown: the steps that the work stored are deleted.
   *
   * @throws WorkbenchError `model-changed`, which names the change, whatever other error it caused.
   */
  compute<T>(order: GateOrder, work: (computing: Computing) => Promise<T>): Promise<T>;
  dispose(): Promise<void>;
}

const modelChanged = ({ name, folder }: Checkpoint, changes: readonly string[], dropped: number): WorkbenchError =>
  fail(
    'model-changed',
    `${name} changed while it was read: ${changes.join('; ')} (in ${folder}). ` +
      (dropped === 0
        ? 'Results computed since then are not kept.'
        : `${dropped} ${dropped === 1 ? 'step' : 'steps'} of this run cannot be trusted and are deleted.`),
    'Restore the files and resume, or start again with the model as it is now.',
  );

/** @throws WorkbenchError `model-changed`. */
const requireSame = async (checkpoint: Checkpoint, lookedAt: LookedAt): Promise<void> => {
  const changes = await changedSources(checkpoint.folder, checkpoint.sources, lookedAt);
  if (changes.length > 0) throw modelChanged(checkpoint, changes, 0);
};

/**
 * Returns the result of `read`, which reads the weights of a model without running it.
 *
 * @throws WorkbenchError `model-changed`.
 */
export const readWeights = async <T>(checkpoint: Checkpoint, read: () => Promise<T>): Promise<T> => {
  const made = await read();
  await requireSame(checkpoint, 'header');
  return made;
};

/** Open models, least recently used first. */
class OpenModels {
  readonly #open: (checkpoint: Checkpoint) => Promise<OpenModel>;
  readonly #budgetBytes: number;
  readonly #precision: string;
  readonly #models = new Map<string, OpenModel>();

  constructor(open: (checkpoint: Checkpoint) => Promise<OpenModel>, budgetBytes: number, precision: string) {
    this.#open = open;
    this.#budgetBytes = budgetBytes;
    this.#precision = precision;
  }

  /** Opens a model, after closing those that would not fit beside it into the memory budget. */
  async open(checkpoint: Checkpoint): Promise<OpenModel> {
    const key = keyOf(checkpoint);
    const known = this.#models.get(key);
    if (known !== undefined) {
      this.#models.delete(key);
      this.#models.set(key, known);
      return known;
    }
    const residentOf = ({ info }: Checkpoint): number => memoryIn(info, this.#precision).resident;
    for (const oldest of [...this.#models.keys()]) {
      const held = [...this.#models.values()].reduce((sum, model) => sum + residentOf(model.checkpoint), 0);
      if (this.#models.size < MAX_OPEN && held + residentOf(checkpoint) <= this.#budgetBytes) break;
      await this.#close(oldest);
    }
    const model = await this.#open(checkpoint);
    this.#models.set(key, model);
    return model;
  }

  close(checkpoint: Checkpoint): Promise<void> {
    return this.#close(keyOf(checkpoint));
  }

  async closeAll(): Promise<void> {
    for (const key of [...this.#models.keys()]) await this.#close(key);
  }

  async #close(key: string): Promise<void> {
    const model = this.#models.get(key);
    this.#models.delete(key);
    await model?.dispose();
  }
}

/** Every opened model is identified before it is kept. */
const keyOf = ({ content, folder }: Checkpoint): string => `${content.known?.identity ?? ''} ${folder}`;

/** `open` opens a model; default: from its folder. */
export const createModelPool = (
  settings: ModelRunnerSettings,
  open: (
    checkpoint: Checkpoint,
    settings: ModelRunnerSettings,
    tuning?: RunnerTuning,
  ) => Promise<OpenModel> = openModel,
): ModelPool => {
  const { memoryBudgetBytes, provider = 'cpu' } = settings;
  const openShared = (checkpoint: Checkpoint): Promise<OpenModel> => open(checkpoint, settings);
  const shared = new OpenModels(openShared, memoryBudgetBytes, providers[provider].precision);
  return {
    compute: async (order, work) => {
      for (const checkpoint of order.sources) await identify(checkpoint, order);
      const watch = new Watch(order, shared, (checkpoint, tuning) => open(checkpoint, settings, tuning));
      const made = await work(watch).catch(async (error: unknown) => {
        throw await watch.explained(error);
      });
      await watch.settle();
      return made;
    },
    dispose: () => shared.closeAll(),
  };
};

/** A pool whose models run in PyTorch; the processes of `workers` end with it. */
export const createTorchPool = (
  settings: ModelRunnerSettings,
  workers: TorchWorkers,
  precision: TorchPrecision,
): ModelPool => {
  const pool = createModelPool(settings, (checkpoint, given) => openTorchModel(checkpoint, given, workers, precision));
  return {
    compute: pool.compute,
    dispose: async () => {
      await pool.dispose();
      await workers.dispose();
    },
  };
};

/** One piece of work behind the gate. */
class Watch implements Computing {
  readonly steps: StepStore;
  readonly runners: Runners;
  readonly #shared: OpenModels;
  readonly #steps: StepStore;
  /** Checkpoints to compare, and their shared models, if they are open. */
  readonly #sources: Map<Checkpoint, OpenModel | null>;
  readonly #stored: { readonly key: string; readonly kind: StepKind }[] = [];

  constructor(
    order: GateOrder,
    shared: OpenModels,
    openAlone: (checkpoint: Checkpoint, tuning: RunnerTuning) => Promise<OpenModel>,
  ) {
    const { sources, steps, say } = order;
    this.#shared = shared;
    this.#steps = steps.telling(say);
    this.#sources = new Map(sources.map((checkpoint) => [checkpoint, null]));
    this.steps = this.#watched(this.#steps);
    this.runners = {
      open: async (checkpoint) => {
        await identify(checkpoint, order);
        const model = await shared.open(checkpoint);
        this.#sources.set(checkpoint, model);
        return model.runner(this.steps.overlays, say);
      },
      openAlone: async (checkpoint, tuning = {}) => {
        if (tuning.isStored !== false) await identify(checkpoint, order);
        const isNew = !this.#sources.has(checkpoint);
        const model = await openAlone(checkpoint, tuning);
        if (isNew) this.#sources.set(checkpoint, null);
        const runner = model.runner(this.steps.overlays, say);
        const dispose = runner.dispose.bind(runner);
        runner.dispose = async () => {
          await dispose();
          if (isNew) await this.#leave(checkpoint);
        };
        return runner;
      },
      close: async (checkpoint) => {
        await this.#leave(checkpoint);
        await shared.close(checkpoint);
      },
      closeAll: () => shared.closeAll(),
    };
  }

  readonly requireUnchanged = (): Promise<void> => this.#compare('stat');

  /**
   * `quickly`: compares only times and headers of models that take longer than a moment to read, so that a cancel does
   * not wait.
   */
  async settle(quickly = false): Promise<void> {
    await this.#compare('header');
    for (const [checkpoint, model] of this.#sources) {
      if (model === null || (quickly && checkpoint.info.sizeBytes > MOST_BYTES_IN_A_MOMENT)) continue;
      const parts = await model.changedWeights();
      if (parts.length === 0) continue;
      for (const { key, kind } of this.#stored) await this.#steps.drop(key, kind);
      await this.#shared.close(checkpoint);
      const changes = parts.map((part) => `${part} contains other bytes than when it was mapped`);
      throw modelChanged(checkpoint, changes, this.#stored.length);
    }
  }

  /** Returns a `model-changed` error if the files of a model changed, else the error itself. */
  async explained(error: unknown): Promise<unknown> {
    try {
      await this.settle(error instanceof CancelledError);
      return error;
    } catch (change) {
      return change;
    }
  }

  async #compare(lookedAt: LookedAt): Promise<void> {
    for (const checkpoint of this.#sources.keys()) {
      try {
        await requireSame(checkpoint, lookedAt);
      } catch (error) {
        // Its sessions may contain any of the bytes that were there.
        await this.#shared.close(checkpoint);
        throw error;
      }
    }
  }

  /** Compares a model for the last time: its folder may be deleted afterwards. */
  async #leave(checkpoint: Checkpoint): Promise<void> {
    await requireSame(checkpoint, 'header');
    this.#sources.delete(checkpoint);
  }

  #watched(steps: StepStore): StepStore {
    const watched: StepStore = {
      ...steps,
      writeJson: async (key, value) => {
        await this.requireUnchanged();
        await steps.writeJson(key, value);
        this.#stored.push({ key, kind: 'json' });
      },
      writeTensors: async (key, kind, content) => {
        await this.requireUnchanged();
        await steps.writeTensors(key, kind, content);
        this.#stored.push({ key, kind });
      },
      overlays: {
        read: steps.overlays.read,
        write: async (key, tensors) => {
          await this.requireUnchanged();
          const written = await steps.overlays.write(key, tensors);
          this.#stored.push({ key, kind: 'overlay' });
          return written;
        },
      },
      telling: (say) => this.#watched(steps.telling(say)),
    };
    return watched;
  }
}
