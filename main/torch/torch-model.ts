import path from 'node:path';
import { z } from 'zod';
import type { Weight } from '../checkpoint/descriptor.ts';
import { MappedWeights } from '../checkpoint/mapped-weights.ts';
import { type Checkpoint, MAX_CONFIG_BYTES } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { exportedConfig } from '../export/export-config.ts';
import { exportedTensors } from '../export/exported-tensors.ts';
import { preparePlan } from '../export/prepare-plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
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
  versions: z.record(z.string(), z.string()),
});
export type ComputedBy = z.infer<typeof computedBy>;

const UNPRUNED_KEY = 'unpruned';

/**
 * A checkpoint in a PyTorch process, which holds one model at a time: the checkpoint's own, or a pruned one that is put
 * together in memory from the tensors and the config that an export of the plan would have.
 */
export class TorchModel {
  readonly checkpoint: Checkpoint;
  readonly computedBy: ComputedBy;
  readonly #order: WorkerOrder;
  readonly #link: WorkerLink;
  readonly #budgetBytes: number;
  readonly #mapped: MappedWeights;
  #loaded: string | null = null;

  private constructor(
    checkpoint: Checkpoint,
    order: WorkerOrder,
    link: WorkerLink,
    budgetBytes: number,
    by: ComputedBy,
  ) {
    this.checkpoint = checkpoint;
    this.computedBy = by;
    this.#order = order;
    this.#link = link;
    this.#budgetBytes = budgetBytes;
    this.#mapped = new MappedWeights(checkpoint.tensors);
  }

  /**
   * Starts the process. `budgetBytes`: memory that the weights may take on the processor; on a card it is what is free
   * there.
   *
   * @throws WorkbenchError `torch-weights`, `no-such-device`, or another one of the worker.
   */
  static async start(checkpoint: Checkpoint, order: WorkerOrder, budgetBytes: number): Promise<TorchModel> {
    requireReadable(checkpoint);
    const link = new WorkerLink(order);
    try {
      const { header } = await link.request('hello', {}, {}, new AbortController().signal);
      const by = computedBy.parse(header);
      return new TorchModel(checkpoint, order, link, by.freeBytes ?? budgetBytes, by);
    } catch (error) {
      await link.dispose();
      throw error;
    }
  }

  /**
   * Loads a plan's model, unless it is loaded already.
   *
   * @throws WorkbenchError `torch-plan`, `too-large`, or the worker's.
   */
  async load(plan: Plan | null, overlays: Overlays, signal: AbortSignal): Promise<void> {
    const prepared = plan === null ? null : preparedPlan(this.checkpoint, plan);
    const key = prepared === null ? UNPRUNED_KEY : canonicalJson(prepared);
    if (this.#loaded === key) return;
    const { info, descriptor, folder } = this.checkpoint;
    await this.#mapped.note('a part of the model', descriptor);
    this.#requireRoom(prepared === null ? info.parameters.total : planCost(info, prepared).parameters.total);
    this.#loaded = null;
    const content =
      prepared === null
        ? { config: await readText(path.join(folder, 'config.json'), { mostBytes: MAX_CONFIG_BYTES }), folder }
        : await this.#pruned(prepared, overlays);
    await this.request('load', content, {}, signal);
    this.#loaded = key;
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

  #requireRoom(parameters: number): void {
    const { precision } = this.#order;
    const bytes = parameters * BYTES_OF[precision];
    if (bytes <= this.#budgetBytes) return;
    const { card } = this.computedBy;
    throw refuse(
      'too-large',
      `${this.checkpoint.name} takes ${gigabytes(bytes)} GB in ${precision}, and ` +
        `${card === null ? 'the memory budget is' : `${card} has`} ${gigabytes(this.#budgetBytes)} GB` +
        `${card === null ? '' : ' free'}.`,
      `${card === null ? 'Raise --memory, choose' : 'Choose'} a smaller --precision, or use --engine onnxruntime.`,
    );
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
const requireReadable = ({ name, folder, descriptor }: Checkpoint): void => {
  if (isGgufPath(folder))
    throw refuse(
      'torch-weights',
      `${name} is a GGUF file, and the engine torch opens folders of safetensors files only.`,
      'Compute this model with --engine onnxruntime.',
    );
  if (descriptor.moeLayers.some(({ moe }) => moe.expertTensors.some(({ up }) => up.stored.kind === 'scaled')))
    throw refuse(
      'torch-weights',
      `${name} is quantised by compressed-tensors, which the engine torch does not open yet.`,
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
