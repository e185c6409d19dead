import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import type { Weight } from '../checkpoint/descriptor.ts';
import { MappedWeights } from '../checkpoint/mapped-weights.ts';
import { type Checkpoint, MAX_CONFIG_BYTES, readConfig } from '../checkpoint/open-checkpoint.ts';
import type { TorchPrecision } from '../contract/device.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { hasScaledExperts } from '../checkpoint/weight-reader.ts';
import { isGgufPath } from '../files/gguf-path.ts';
import { readText } from '../files/regular-file.ts';
import type { Overlays } from '../inference/overlays.ts';
import { resolveCandidate } from '../inference/resolve-candidate.ts';
import { validatePlan } from '../pruning/validate-plan.ts';
import { pruneOrder } from './prune-order.ts';
import { type FrameTensor, type WorkerAnswer, WorkerLink, type WorkerOrder } from './worker-link.ts';

const BYTES_OF = { float32: 4, bfloat16: 2, float16: 2 } as const;

/** The device and the programs that compute, as the worker reports them. */
const computedBy = z.object({
  /** As PyTorch names it: `cpu` or `cuda:0`. */
  device: z.string(),
  /** Name of the card; null on the processor. */
  card: z.string().nullable(),
  /** Free bytes of the card at the start; null on the processor. */
  freeBytes: z.number().nullable(),
  /** Whether the device has units for bfloat16. */
  bfloat16: z.boolean(),
  /** Values of `model_type` that transformers has classes for. */
  modelTypes: z.array(z.string()),
  versions: z.record(z.string(), z.string()),
});
export type ComputedBy = z.infer<typeof computedBy>;

/** Default precision: that of a checkpoint in bfloat16, where the device has units for it. */
export const usualPrecision = (dtype: string, { bfloat16 }: Pick<ComputedBy, 'bfloat16'>): TorchPrecision =>
  dtype === 'bfloat16' && bfloat16 ? 'bfloat16' : 'float32';

/**
 * PyTorch processes, one for each open model; one more may wait for the next model, since a start takes seconds. The
 * first one says what computes.
 */
export class TorchWorkers {
  readonly #order: WorkerOrder;
  readonly #keepsOne: boolean;
  #idle: WorkerLink | null = null;
  #by: ComputedBy | null = null;

  /** `keepsOne`: a process that is given back waits for the next model, until the owner disposes of this. */
  constructor(order: WorkerOrder, { keepsOne }: { readonly keepsOne: boolean }) {
    this.#order = order;
    this.#keepsOne = keepsOne;
  }

  /**
   * Starts the first process, unless it was started before.
   *
   * @throws WorkbenchError `no-such-device`, or that of its start.
   */
  async computedBy(): Promise<ComputedBy> {
    if (this.#by !== null) return this.#by;
    const link = new WorkerLink(this.#order);
    try {
      const { header } = await link.request('hello', {}, {}, new AbortController().signal);
      this.#idle = link;
      return (this.#by = computedBy.parse(header));
    } catch (error) {
      await link.dispose();
      throw error;
    }
  }

  /** A process for a model, for its owner to give back. */
  async take(): Promise<WorkerLink> {
    await this.computedBy();
    const idle = this.#idle;
    this.#idle = null;
    return idle === null || idle.hasEnded ? new WorkerLink(this.#order) : idle;
  }

  /** Takes a process back: it waits for the next model, or ends. */
  async giveBack(link: WorkerLink): Promise<void> {
    if (!this.#keepsOne || this.#idle !== null || link.hasEnded || link.isBusy) {
      await link.dispose();
      return;
    }
    this.#idle = link;
    await link.request('forget', {}, {}, new AbortController().signal);
  }

  /** Ends the process that waits for a model. */
  async dispose(): Promise<void> {
    await this.#idle?.dispose();
    this.#idle = null;
  }
}

/** Key of the checkpoint's own model, as the worker names it. */
const UNPRUNED_KEY = 'unpruned';

/**
 * A checkpoint in a PyTorch process, and pruned models that are made from it in memory: they share its weights, and
 * have their own only where a plan changes numbers. A process that was killed is started again for the next model.
 */
export class TorchModel {
  readonly checkpoint: Checkpoint;
  readonly computedBy: ComputedBy;
  readonly precision: TorchPrecision;
  readonly #workers: TorchWorkers;
  readonly #budgetBytes: number;
  readonly #mapped: MappedWeights;
  #link: WorkerLink;
  /** Bytes of their own weights of the pruned models that the process holds, by key, the least recently used first. */
  readonly #held = new Map<string, number>();
  #isOpen = false;
  #isShrunk = false;
  /** The sequences whose hidden states of the unpruned model the process keeps for comparisons. */
  keptStates: string | null = null;
  #current: string | null = null;

  private constructor(
    checkpoint: Checkpoint,
    workers: TorchWorkers,
    link: WorkerLink,
    by: ComputedBy,
    { precision, budgetBytes }: { readonly precision: TorchPrecision; readonly budgetBytes: number },
  ) {
    this.checkpoint = checkpoint;
    this.computedBy = by;
    this.precision = precision;
    this.#workers = workers;
    this.#link = link;
    this.#budgetBytes = budgetBytes;
    this.#mapped = new MappedWeights(checkpoint.tensors);
  }

  /**
   * Takes a process. `budgetBytes`: memory that the weights may take on the processor; on a card it is what is free
   * there. `precision` null: by the checkpoint and the device.
   *
   * @throws WorkbenchError `torch-weights`, `torch-architecture`, `no-such-device`, or another one of the worker.
   */
  static async start(
    checkpoint: Checkpoint,
    workers: TorchWorkers,
    precision: TorchPrecision | null,
    budgetBytes: number,
  ): Promise<TorchModel> {
    requireReadable(checkpoint);
    const by = await workers.computedBy();
    const link = await workers.take();
    try {
      await requireArchitecture(checkpoint, by);
    } catch (error) {
      await workers.giveBack(link);
      throw error;
    }
    return new TorchModel(checkpoint, workers, link, by, {
      precision: precision ?? usualPrecision(checkpoint.info.dtype, by),
      budgetBytes: by.freeBytes ?? budgetBytes,
    });
  }

  /**
   * Makes a plan's model the one that computes; makes it first, unless the process holds it.
   *
   * @throws WorkbenchError `plan-invalid`, `torch-plan`, `too-large`, or the worker's.
   */
  async load(plan: Plan | null, overlays: Overlays, signal: AbortSignal): Promise<void> {
    if (this.#link.hasEnded) {
      this.#link = await this.#workers.take();
      this.#held.clear();
      this.#isOpen = false;
      this.keptStates = null;
      this.#current = null;
    }
    const { info } = this.checkpoint;
    const changed = plan === null || keepsAll(plan, info.experts) ? null : validatePlan(plan, info);
    const variants =
      changed === null
        ? []
        : (await resolveCandidate(this.checkpoint, { key: 'plan', plan: changed }, overlays)).variants;
    const key = changed === null ? UNPRUNED_KEY : contentKey(variants.map((variant) => variant.key));
    if (this.#current === key) return;
    this.#current = null;
    if (!this.#isOpen) await this.#open(signal);
    if (changed === null) await this.request('use', { key }, {}, signal);
    else if (this.#held.has(key)) {
      const bytes = this.#held.get(key) ?? 0;
      this.#held.delete(key);
      this.#held.set(key, bytes);
      await this.request('use', { key }, {}, signal);
    } else {
      const order = await pruneOrder(this.checkpoint, changed, variants, overlays);
      const bytes = order.ownParameters * BYTES_OF[this.precision];
      const drop = this.#makeRoom(bytes);
      await this.request('prune', { key, drop, configs: order.configs, layers: order.layers }, {}, signal);
      this.#held.set(key, bytes);
    }
    this.#current = key;
  }

  request(
    op: string,
    content: Readonly<Record<string, unknown>>,
    tensors: Readonly<Record<string, FrameTensor>>,
    signal: AbortSignal,
  ): Promise<WorkerAnswer> {
    return this.#link.request(op, content, tensors, signal);
  }

  /** Share of their usual size that batches have. */
  get batchShare(): number {
    return this.#isShrunk ? 0.5 : 1;
  }

  /**
   * Halves batches from now on after an error, if the memory was full for the first time.
   *
   * @throws the error itself, if it is another one; `torch-memory` the second time, with what would fit.
   */
  shrink(error: unknown, say: (text: string) => void): void {
    if (!(error instanceof WorkbenchError && error.code === 'torch-memory')) throw error;
    const { card } = this.computedBy;
    const where = card ?? 'the processor';
    if (this.#isShrunk) {
      const free = this.#budgetBytes - this.#unprunedBytes;
      throw new WorkbenchError(
        'torch-memory',
        'failed',
        `The memory of ${where} was full again, with batches of half their size. ${error.message}`,
        `The weights of ${this.checkpoint.name} take ${gigabytes(this.#unprunedBytes)} GB in ${this.precision}, ` +
          `which left ${gigabytes(Math.max(0, free))} GB for everything else. Use a smaller --precision, shorter ` +
          'items, or a device with more free memory; finished steps stay.',
      );
    }
    this.#isShrunk = true;
    this.keptStates = null;
    say(`The memory of ${where} was full: batches have half their size from now on. ${error.message}`);
  }

  /** Call before anything reads the weights, so that `changedWeights` finds later changes. */
  noteWeights(): Promise<void> {
    return this.#mapped.note('a part of the model', this.checkpoint.descriptor);
  }

  changedWeights(): Promise<readonly string[]> {
    return this.#mapped.changed();
  }

  dispose(): Promise<void> {
    return this.#workers.giveBack(this.#link);
  }

  /** Loads the checkpoint's own model. */
  async #open(signal: AbortSignal): Promise<void> {
    const { folder } = this.checkpoint;
    this.#requireRoom(this.#unprunedBytes);
    await this.noteWeights();
    const config = await readText(path.join(folder, 'config.json'), { mostBytes: MAX_CONFIG_BYTES });
    await this.request('load', { precision: this.precision, config, folder }, {}, signal);
    this.#isOpen = true;
  }

  get #unprunedBytes(): number {
    return this.checkpoint.info.parameters.total * BYTES_OF[this.precision];
  }

  /** Keys of the models to give up for `bytes` more. @throws WorkbenchError `too-large`. */
  #makeRoom(bytes: number): readonly string[] {
    this.#requireRoom(this.#unprunedBytes + bytes);
    const drop: string[] = [];
    for (const [oldest] of [...this.#held]) {
      const held = [...this.#held.values()].reduce((sum, size) => sum + size, 0);
      if (this.#unprunedBytes + held + bytes <= this.#budgetBytes && this.#held.size < MOST_HELD) break;
      this.#held.delete(oldest);
      drop.push(oldest);
    }
    return drop;
  }

  #requireRoom(bytes: number): void {
    if (bytes <= this.#budgetBytes) return;
    const { card } = this.computedBy;
    const own = bytes - this.#unprunedBytes;
    const also = own === 0 ? '' : ` and the new weights of a pruned copy ${gigabytes(own)} GB more`;
    throw refuse(
      'too-large',
      `${this.checkpoint.name} takes ${gigabytes(this.#unprunedBytes)} GB in ${this.precision}${also}, and ` +
        `${card === null ? 'the memory budget is' : `${card} has`} ${gigabytes(this.#budgetBytes)} GB` +
        `${card === null ? '' : ' free'}.`,
      `${card === null ? 'Raise --memory, choose' : 'Choose'} a smaller --precision, or use --engine onnxruntime.`,
    );
  }
}

/** Pruned models that one process holds at most: a search for a threshold alternates between as many candidates. */
const MOST_HELD = 24;

const contentKey = (content: unknown): string => createHash('sha256').update(canonicalJson(content)).digest('hex');

/** Whether a plan is the unpruned model under another name. */
const keepsAll = (plan: Plan, experts: number): boolean =>
  !isMergePlan(plan) && plan.recovery === undefined && plan.kept.every((layer) => layer.length === experts);

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

/**
 * Refuses a model that transformers has no class for.
 *
 * @throws WorkbenchError `torch-architecture`.
 */
export const requireArchitecture = async (
  { name, folder }: Pick<Checkpoint, 'name' | 'folder'>,
  { modelTypes, versions }: Pick<ComputedBy, 'modelTypes' | 'versions'>,
): Promise<void> => {
  const { model_type: modelType } = await readConfig(folder);
  if (typeof modelType === 'string' && modelTypes.includes(modelType)) return;
  throw refuse(
    'torch-architecture',
    `transformers ${versions['transformers'] ?? ''} has no class for the model type ${JSON.stringify(modelType)} ` +
      `of ${name}.`,
    'Install a transformers that has it, or compute with --engine onnxruntime.',
  );
};

/** transformers up to 5.24 takes all blocks of a float8 matrix for equally large. */
export const requireReadable = ({ name, folder, descriptor }: Checkpoint): void => {
  if (isGgufPath(folder))
    throw refuse(
      'torch-weights',
      `${name} is a GGUF file, and the engine torch opens folders of safetensors files only.`,
      'Compute this model with --engine onnxruntime.',
    );
  if (hasScaledExperts(descriptor))
    throw refuse(
      'torch-weights',
      `${name} is quantised with scales beside its matrices, which the engine torch does not open yet.`,
      'Compute this model with --engine onnxruntime.',
    );
  const isPartial = ({ stored }: Weight): boolean =>
    stored.kind === 'fp8' &&
    stored.view.shape.some(
      (length, axis) => length > (stored.block[axis] ?? 1) && length % (stored.block[axis] ?? 1) !== 0,
    );
  const partial = descriptor.blocks.some(({ moe, attention }) =>
    [
      ...(moe?.expertTensors ?? []).flatMap(({ gate, up, down }) => [gate ?? [], up, down].flat()),
      ...(attention === null ? [] : [attention.output.weight]),
    ].some(isPartial),
  );
  if (partial)
    throw refuse(
      'torch-weights',
      `${name} has float8 matrices that end inside a block of their scales, which transformers misreads.`,
      'Compute this model with --engine onnxruntime.',
    );
};
