import { createHash } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import type { Weight } from '../checkpoint/descriptor.ts';
import { MappedWeights } from '../checkpoint/mapped-weights.ts';
import { type Checkpoint, MAX_CONFIG_BYTES } from '../checkpoint/open-checkpoint.ts';
import type { TorchPrecision } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { exportedConfig } from '../export/export-config.ts';
import { type ExportedTensor, exportedTensors } from '../export/exported-tensors.ts';
import { preparePlan } from '../export/prepare-plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { hasScaledExperts } from '../checkpoint/weight-reader.ts';
import { isGgufPath } from '../files/gguf-path.ts';
import { readText } from '../files/regular-file.ts';
import type { Overlays } from '../inference/overlays.ts';
import { planCost } from '../pruning/plan-cost.ts';
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
  versions: z.record(z.string(), z.string()),
});
export type ComputedBy = z.infer<typeof computedBy>;

/** Default precision: that of a checkpoint in bfloat16, where the device has units for it. */
export const usualPrecision = (dtype: string, { bfloat16 }: Pick<ComputedBy, 'bfloat16'>): TorchPrecision =>
  dtype === 'bfloat16' && bfloat16 ? 'bfloat16' : 'float32';

/** PyTorch processes, one for each open model. The first one says what computes, and then waits for a model. */
export class TorchWorkers {
  readonly #order: WorkerOrder;
  #idle: WorkerLink | null = null;
  #by: ComputedBy | null = null;

  constructor(order: WorkerOrder) {
    this.#order = order;
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

  /** A process for a model, for its owner to end. */
  async take(): Promise<WorkerLink> {
    await this.computedBy();
    const idle = this.#idle;
    this.#idle = null;
    return idle === null || idle.hasEnded ? new WorkerLink(this.#order) : idle;
  }

  /** Ends the process that waits for a model. */
  async dispose(): Promise<void> {
    await this.#idle?.dispose();
    this.#idle = null;
  }
}

const UNPRUNED_KEY = 'unpruned';

/**
 * A checkpoint in a PyTorch process, which holds as many of its models as fit: the checkpoint's own, and pruned ones
 * that are put together in memory from the tensors and the config that an export of the plan would have. A process that
 * was killed is started again for the next model.
 */
export class TorchModel {
  readonly checkpoint: Checkpoint;
  readonly computedBy: ComputedBy;
  readonly precision: TorchPrecision;
  readonly #workers: TorchWorkers;
  readonly #budgetBytes: number;
  readonly #mapped: MappedWeights;
  #link: WorkerLink;
  /** Bytes of the models that the process holds, by key, the least recently used first. */
  readonly #held = new Map<string, number>();
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
   * @throws WorkbenchError `torch-weights`, `no-such-device`, or another one of the worker.
   */
  static async start(
    checkpoint: Checkpoint,
    workers: TorchWorkers,
    precision: TorchPrecision | null,
    budgetBytes: number,
  ): Promise<TorchModel> {
    requireReadable(checkpoint);
    const by = await workers.computedBy();
    return new TorchModel(checkpoint, workers, await workers.take(), by, {
      precision: precision ?? usualPrecision(checkpoint.info.dtype, by),
      budgetBytes: by.freeBytes ?? budgetBytes,
    });
  }

  /**
   * Makes a plan's model the one that computes; loads it, unless the process holds it.
   *
   * @throws WorkbenchError `torch-plan`, `too-large`, or the worker's.
   */
  async load(plan: Plan | null, overlays: Overlays, signal: AbortSignal): Promise<void> {
    if (this.#link.hasEnded) {
      this.#link = await this.#workers.take();
      this.#held.clear();
      this.#current = null;
    }
    const { info, descriptor, folder } = this.checkpoint;
    const prepared = plan === null || keepsAll(plan, info.experts) ? null : preparedPlan(this.checkpoint, plan);
    const key =
      prepared === null
        ? UNPRUNED_KEY
        : createHash('sha256')
            .update(canonicalJson(keptOf(prepared)))
            .digest('hex');
    if (this.#current === key) return;
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#held.delete(key);
      this.#held.set(key, held);
      this.#current = null;
      await this.request('use', { key }, {}, signal);
      this.#current = key;
      return;
    }
    await this.#mapped.note('a part of the model', descriptor);
    const parameters = prepared === null ? info.parameters.total : planCost(info, prepared).parameters.total;
    const bytes = parameters * BYTES_OF[this.precision];
    const tensors = prepared === null ? [] : await exportedTensors(this.checkpoint, prepared, overlays);
    const copied = this.computedBy.card === null ? copiedBytes(tensors) : 0;
    this.#requireRoom(bytes, copied);
    this.#current = null;
    const drop: string[] = [];
    for (const other of [...this.#held.keys()]) {
      const sum = [...this.#held.values()].reduce((total, size) => total + size, 0);
      if (sum + bytes + copied <= this.#budgetBytes && this.#held.size < MOST_HELD) break;
      this.#held.delete(other);
      drop.push(other);
    }
    const described =
      prepared === null
        ? { config: await readText(path.join(folder, 'config.json'), { mostBytes: MAX_CONFIG_BYTES }), folder }
        : { config: await exportedConfig(this.checkpoint, prepared), weights: tensors.map(weightOrder) };
    await this.request('load', { key, drop, precision: this.precision, ...described }, {}, signal);
    this.#held.set(key, bytes);
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

  changedWeights(): Promise<readonly string[]> {
    return this.#mapped.changed();
  }

  dispose(): Promise<void> {
    return this.#link.dispose();
  }

  #requireRoom(bytes: number, copied: number): void {
    if (bytes + copied <= this.#budgetBytes) return;
    const { card } = this.computedBy;
    const also = copied === 0 ? '' : ` and ${gigabytes(copied)} GB more while it is put together`;
    throw refuse(
      'too-large',
      `${this.checkpoint.name} takes ${gigabytes(bytes)} GB in ${this.precision}${also}, and ` +
        `${card === null ? 'the memory budget is' : `${card} has`} ${gigabytes(this.#budgetBytes)} GB` +
        `${card === null ? '' : ' free'}.`,
      `${card === null ? 'Raise --memory, choose' : 'Choose'} a smaller --precision, or use --engine onnxruntime.`,
    );
  }
}

/** Models that one process holds at most: a search for a threshold alternates between as many candidates. */
const MOST_HELD = 24;

/** The kept experts, which are all that changes numbers in a plan that this engine takes. */
const keptOf = (plan: Plan): readonly (readonly number[])[] => {
  if (isMergePlan(plan)) throw new Error('a merging plan in PyTorch');
  return plan.kept;
};

/** Whether a plan is the unpruned model under another name. */
const keepsAll = (plan: Plan, experts: number): boolean =>
  !isMergePlan(plan) && plan.recovery === undefined && plan.kept.every((layer) => layer.length === experts);

/** A tensor for the worker: its name, dtype, shape, and the ranges of bytes that it consists of. */
const weightOrder = ({ name, dtype, shape, pieces }: ExportedTensor): readonly unknown[] => [
  name,
  dtype,
  shape,
  pieces.map(({ view }) => [view.file, view.byteOffset, view.byteLength]),
];

/** Bytes that the worker copies from the mapped files while a model is put together (`Weights` of worker.py). */
export const copiedBytes = (
  tensors: readonly {
    readonly shape: readonly number[];
    readonly byteLength: number;
    readonly pieces: ExportedTensor['pieces'];
  }[],
): number =>
  tensors.reduce((sum, { shape, byteLength, pieces }) => {
    const width =
      byteLength /
      Math.max(
        1,
        shape.reduce((product, length) => product * length, 1),
      );
    const isMapped = pieces.length === 1 && (pieces[0]?.view.byteOffset ?? 1) % width === 0;
    return isMapped ? sum : sum + byteLength;
  }, 0);

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

/** The plan as an export would have it. @throws WorkbenchError `torch-plan` for plans that only an export can carry. */
const preparedPlan = (checkpoint: Checkpoint, plan: Plan): Plan => {
  const { exportable } = planCost(checkpoint.info, plan);
  const reason = isMergePlan(plan)
    ? 'It merges experts.'
    : plan.recovery !== undefined
      ? 'It has refitted weights.'
      : plan.constants !== undefined
        ? 'It replaces experts by constants.'
        : exportable.hf
          ? null
          : (exportable.reason ?? 'transformers has no such form.');
  if (reason === null) return preparePlan(checkpoint, plan);
  throw refuse(
    'torch-plan',
    `PyTorch cannot compute this plan here. ${reason}`,
    'Use --engine onnxruntime, or export the plan and compute with the exported model.',
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
  if (descriptor.blocks.some(({ attention }) => attention?.kind === 'latent' && attention.indexer !== null))
    throw refuse(
      'torch-weights',
      `${name} chooses the keys of each query by an indexer, and the answers to several sequences at once differed ` +
        `from those of onnxruntime where that was tried.`,
      'Compute this model with --engine onnxruntime.',
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
