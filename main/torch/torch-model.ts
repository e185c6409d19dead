import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Weight } from '../checkpoint/descriptor.ts';
import { MappedWeights } from '../checkpoint/mapped-weights.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { exportedConfig } from '../export/export-config.ts';
import { exportedTensors } from '../export/exported-tensors.ts';
import { preparePlan } from '../export/prepare-plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import type { Overlays } from '../inference/overlays.ts';
import { planCost } from '../pruning/plan-cost.ts';
import { type FrameTensor, type WorkerAnswer, WorkerLink, type WorkerOrder } from './worker-link.ts';

const BYTES_OF: Readonly<Record<string, number>> = { float32: 4, bfloat16: 2, float16: 2 };

/** Key of the unpruned model among the loaded ones. */
const UNPRUNED_KEY = 'unpruned';

/**
 * A checkpoint in a PyTorch process: the model itself, and pruned copies of it that are put together in memory from the
 * tensors and the config that an export of the plan would have. The process starts with the first request, and again
 * after one that ended it.
 */
export class TorchModel {
  readonly checkpoint: Checkpoint;
  readonly #order: WorkerOrder;
  readonly #budgetBytes: number;
  readonly #mapped: MappedWeights;
  #link: WorkerLink | null = null;
  /** Bytes of the loaded models by key, least recently used first. */
  readonly #loaded = new Map<string, number>();

  constructor(checkpoint: Checkpoint, order: WorkerOrder, budgetBytes: number) {
    requireReadable(checkpoint);
    this.checkpoint = checkpoint;
    this.#order = order;
    this.#budgetBytes = budgetBytes;
    this.#mapped = new MappedWeights(checkpoint.tensors);
  }

  /** Process id of the worker, if one runs. */
  get pid(): number | undefined {
    return this.#link?.pid;
  }

  /**
   * Loads a plan's model, or finds it loaded, and returns its key for requests. Others are dropped to make room.
   *
   * @throws WorkbenchError `torch-plan`, `too-large`, or the worker's.
   */
  async load(plan: Plan | null, overlays: Overlays, signal: AbortSignal): Promise<string> {
    const prepared =
      plan === null || changesNothing(this.checkpoint, plan) ? null : preparedPlan(this.checkpoint, plan);
    const key = prepared === null ? UNPRUNED_KEY : canonicalJson(prepared);
    const link = this.#open();
    const known = this.#loaded.get(key);
    if (known !== undefined) {
      this.#loaded.delete(key);
      this.#loaded.set(key, known);
      return key;
    }
    await this.#mapped.note('a part of the model', this.checkpoint.descriptor);
    const cost = prepared === null ? null : planCost(this.checkpoint.info, prepared);
    const parameters = cost === null ? this.checkpoint.info.parameters.total : cost.parameters.total;
    const bytes = parameters * (BYTES_OF[this.#order.precision] ?? 4);
    await this.#makeRoom(bytes, signal);
    const content =
      prepared === null
        ? {
            config: await readFile(path.join(this.checkpoint.folder, 'config.json'), 'utf8'),
            folder: this.checkpoint.folder,
          }
        : await this.#pruned(prepared, overlays);
    await link.request('load', { key, ...content }, {}, signal);
    this.#loaded.set(key, bytes);
    return key;
  }

  request(
    op: string,
    content: Readonly<Record<string, unknown>>,
    tensors: Readonly<Record<string, FrameTensor>>,
    signal: AbortSignal,
  ): Promise<WorkerAnswer> {
    return this.#open().request(op, content, tensors, signal);
  }

  changedWeights(): Promise<readonly string[]> {
    return this.#mapped.changed();
  }

  /** Drops every loaded model but the unpruned one. */
  async release(signal: AbortSignal): Promise<void> {
    if (this.#link?.ended !== false) return;
    for (const key of [...this.#loaded.keys()]) if (key !== UNPRUNED_KEY) await this.#drop(key, signal);
  }

  async dispose(): Promise<void> {
    await this.#link?.dispose();
    this.#link = null;
    this.#loaded.clear();
  }

  #open(): WorkerLink {
    if (this.#link?.ended !== false) {
      this.#loaded.clear();
      this.#link = new WorkerLink(this.#order);
    }
    return this.#link;
  }

  async #drop(key: string, signal: AbortSignal): Promise<void> {
    await this.request('drop', { key }, {}, signal);
    this.#loaded.delete(key);
  }

  async #makeRoom(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes > this.#budgetBytes)
      throw refuse(
        'too-large',
        `${this.checkpoint.name} takes ${gigabytes(bytes)} GB in ${this.#order.precision}, and the memory budget is ` +
          `${gigabytes(this.#budgetBytes)} GB.`,
        'Raise --memory, choose a smaller --precision, or compute with --engine onnxruntime, which can stream.',
      );
    const held = (): number => [...this.#loaded.values()].reduce((sum, size) => sum + size, 0);
    for (const oldest of [...this.#loaded.keys()]) {
      if (held() + bytes <= this.#budgetBytes) return;
      await this.#drop(oldest, signal);
    }
  }

  async #pruned(plan: Plan, overlays: Overlays): Promise<Readonly<Record<string, unknown>>> {
    const tensors = await exportedTensors(this.checkpoint, plan, overlays);
    return {
      config: await exportedConfig(this.checkpoint, plan),
      weights: tensors.map(({ name, dtype, shape, pieces }) => [
        name,
        dtype,
        shape,
        pieces.map(({ view }) => [view.file, view.byteOffset, view.byteLength]),
      ]),
    };
  }
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

const changesNothing = ({ info }: Checkpoint, plan: Plan): boolean =>
  !isMergePlan(plan) &&
  plan.recovery === undefined &&
  plan.constants === undefined &&
  planCost(info, plan).keptPerLayer.every((kept) => kept === info.experts);

/** The plan as an export would have it. @throws WorkbenchError `torch-plan` for plans that transformers cannot read. */
const preparedPlan = (checkpoint: Checkpoint, plan: Plan): Plan => {
  if (!isMergePlan(plan) && plan.constants !== undefined)
    throw refuse(
      'torch-plan',
      'The plan replaces experts by constants, and transformers has no such experts.',
      'Compute this plan with --engine onnxruntime.',
    );
  const { exportable } = planCost(checkpoint.info, plan);
  if (!exportable.hf)
    throw refuse(
      'torch-plan',
      `The plan has a form that transformers cannot compute. ${exportable.reason ?? ''}`.trimEnd(),
      'Compute this plan with --engine onnxruntime.',
    );
  return preparePlan(checkpoint, plan);
};

/** transformers up to 5.24 takes all blocks of a float8 matrix for equally large. */
const requireReadable = ({ name, descriptor }: Checkpoint): void => {
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
