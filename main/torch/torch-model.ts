import { z } from 'zod';
import { boundedList, boundedRecord, boundedText } from '../contract/bounds.ts';
import type { Weight } from '../checkpoint/descriptor.ts';
import { MappedWeights } from '../checkpoint/mapped-weights.ts';
import { type Checkpoint, familyOfConfig, readConfig } from '../checkpoint/open-checkpoint.ts';
import { withConfigFolder, withSeenFolder } from '../checkpoint/seen-folder.ts';
import { torchCard, type TorchPrecision } from '../contract/device.ts';
import { at, fail, refuse, WorkbenchError } from '../contract/errors.ts';
import { type MemoryVerdict, torchVerdict } from '../contract/model.ts';
import { isMergePlan, type Plan } from '../contract/plan.ts';
import { contentHash } from '../files/checksums.ts';
import { quantisationOf } from '../checkpoint/describe-model.ts';
import { hasScaledExperts, type Quantisation } from '../checkpoint/weight-reader.ts';
import { familyConfig, familyTensors } from '../export/gguf/family-tensors.ts';
import { isGgufPath } from '../files/list-folder.ts';
import type { Overlays } from '../inference/overlays.ts';
import { minOf } from '../statistics/extremes.ts';
import { resolveCandidate } from '../inference/resolve-candidate.ts';
import { validatePlan } from '../pruning/validate-plan.ts';
import { pruneOrder } from './prune-order.ts';
import { floats, row, type WorkerAnswer, type WorkerOrder, type WorkerRequest, WorkerTeam } from './worker-link.ts';

const BYTES_OF = { float32: 4, bfloat16: 2, float16: 2 } as const;

/** Version and hash of each installed package and of Python, by name (resources/torch/uncurl_environment.py). */
const installedPackages = boundedRecord(boundedText, boundedText);
const loadAnswer = z.looseObject({ packages: installedPackages });

/** The device and the programs that compute, as the worker reports them. */
const computedBy = z.object({
  /** As it was chosen: `cpu`, `cuda:0`, several of them separated by commas, or `auto`. */
  device: boundedText,
  /** Name of the card, or names of the kinds of cards; null on the processor. */
  card: boundedText.nullable(),
  /** Free bytes for a model at the start, of the fullest card, or of all with `auto`; null on the processor. */
  freeBytes: z.number().nullable(),
  /** All cards that PyTorch finds. */
  cards: boundedList(torchCard),
  /** Whether the device has units for bfloat16. */
  bfloat16: z.boolean(),
  /** Values of `model_type` that transformers has classes for. */
  modelTypes: boundedList(boundedText),
  /** `environment`: SHA-256 over `packages`. */
  versions: boundedRecord(boundedText, boundedText),
  packages: installedPackages,
});
export type ComputedBy = z.infer<typeof computedBy>;

/** Default precision: that of a checkpoint in bfloat16, where the device has units for it. */
export const usualPrecision = (dtype: string, { bfloat16 }: Pick<ComputedBy, 'bfloat16'>): TorchPrecision =>
  dtype === 'bfloat16' && bfloat16 ? 'bfloat16' : 'float32';

/**
 * Teams of PyTorch processes, one for each open model; one more may wait for the next model, since a start takes
 * seconds. The first one to start reports the versions and the device.
 */
export class TorchWorkers {
  readonly #order: WorkerOrder;
  readonly #keepsOne: boolean;
  #idle: WorkerTeam | null = null;
  #by: ComputedBy | null = null;

  /** `keepsOne`: a team that is given back waits for the next model, until the owner disposes of this. */
  constructor(order: WorkerOrder, { keepsOne }: { readonly keepsOne: boolean }) {
    this.#order = order;
    this.#keepsOne = keepsOne;
  }

  /**
   * Starts the first team, unless it was started before.
   *
   * @throws WorkbenchError `no-such-device`, `unequal-devices`, or that of its start.
   */
  async computedBy(): Promise<ComputedBy> {
    if (this.#by !== null) return this.#by;
    const team = new WorkerTeam(this.#order);
    try {
      const answers = await team.requestAll('hello', {}, new AbortController().signal);
      this.#by = joined(answers.map(({ header }) => computedBy.parse(header)));
      this.#idle = team;
      return this.#by;
    } catch (error) {
      await team.dispose();
      throw error;
    }
  }

  /** Processes for a model; the caller gives them back. */
  async take(): Promise<WorkerTeam> {
    await this.computedBy();
    const idle = this.#idle;
    this.#idle = null;
    if (idle?.hasEnded === false) return idle;
    await idle?.dispose();
    return new WorkerTeam(this.#order);
  }

  /** Takes processes back: they wait for the next model, or end. */
  async giveBack(team: WorkerTeam): Promise<void> {
    if (!this.#keepsOne || this.#idle !== null || team.hasEnded || team.isBusy) {
      await team.dispose();
      return;
    }
    this.#idle = team;
    await team.requestAll('forget', {}, new AbortController().signal);
  }

  /** Ends the processes that wait for a model. */
  async dispose(): Promise<void> {
    await this.#idle?.dispose();
    this.#idle = null;
  }
}

/** A team as one device. @throws WorkbenchError `unequal-devices`: which one computed an answer would change it. */
const joined = (members: readonly ComputedBy[]): ComputedBy => {
  const first = at(members, 0, 'a team without processes');
  const other = members.find(({ card }) => card !== first.card);
  if (other !== undefined)
    throw refuse(
      'unequal-devices',
      `${first.device} is ${first.card ?? 'the processor'} and ${other.device} is ${other.card ?? 'the processor'}: ` +
        'they round differently, so results would depend on which one computed them.',
      'Choose cards of one kind, or one card.',
    );
  const free = members.flatMap(({ freeBytes }) => freeBytes ?? []);
  return {
    ...first,
    device: members.map(({ device }) => device).join(','),
    freeBytes: free.length === 0 ? null : minOf(free),
  };
};

/** Packages named in a message. */
const MOST_NAMED = 5;

/**
 * Refuses a process whose packages are not those of the run: its numbers would be stored as those of other versions.
 *
 * @throws WorkbenchError `other-packages`.
 */
export const requireSamePackages = (
  before: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): void => {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (name) => before[name] !== now[name],
  );
  if (names.length === 0) return;
  const versionOf = (packages: Readonly<Record<string, string>>, name: string): string =>
    packages[name]?.split(' ')[0] ?? 'absent';
  const named = names
    .slice(0, MOST_NAMED)
    .map((name) => `${name} (${versionOf(before, name)} before, ${versionOf(now, name)} now)`);
  throw fail(
    'other-packages',
    `The packages of the Python changed while it was used: ${named.join(', ')}` +
      `${names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''}.`,
    'Nothing was computed with the new ones. Restore them and resume, or start a new run.',
  );
};

/** Key of the checkpoint's own model, as the worker names it. */
const UNPRUNED_KEY = 'unpruned';

/**
 * A checkpoint in each process of a team, and pruned models that are made from it in memory: they share its weights,
 * and have their own only where a plan changes numbers. A process that was killed is started again for the next model.
 */
export class TorchModel {
  readonly checkpoint: Checkpoint;
  readonly computedBy: ComputedBy;
  readonly precision: TorchPrecision;
  readonly #workers: TorchWorkers;
  readonly #budgetBytes: number;
  readonly #mapped: MappedWeights;
  #team: WorkerTeam;
  /** Bytes of their own weights of the pruned models that each process holds, by key, the least recently used first. */
  readonly #held = new Map<string, number>();
  #isOpen = false;
  readonly #verdict: MemoryVerdict & { readonly passes: number };
  #isShrunk = false;
  /** The sequences whose hidden states of the unpruned model the processes keep for comparisons. */
  keptStates: string | null = null;
  #current: string | null = null;

  private constructor(
    checkpoint: Checkpoint,
    workers: TorchWorkers,
    team: WorkerTeam,
    by: ComputedBy,
    { precision, budgetBytes }: { readonly precision: TorchPrecision; readonly budgetBytes: number },
  ) {
    this.checkpoint = checkpoint;
    this.computedBy = by;
    this.precision = precision;
    this.#workers = workers;
    this.#team = team;
    this.#budgetBytes = budgetBytes;
    this.#mapped = new MappedWeights(checkpoint.tensors);
    this.#verdict = verdictOf(checkpoint, by, precision, budgetBytes);
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
    const team = await workers.take();
    try {
      await requireArchitecture(checkpoint, by);
    } catch (error) {
      await workers.giveBack(team);
      throw error;
    }
    return new TorchModel(checkpoint, workers, team, by, {
      precision: precision ?? usualPrecision(checkpoint.info.dtype, by),
      budgetBytes: roomOf(by, budgetBytes),
    });
  }

  /**
   * Makes a plan's model the one that computes; makes it first, unless the process holds it.
   *
   * @throws WorkbenchError `plan-invalid`, `torch-plan`, `too-large`, or the worker's.
   */
  async load(plan: Plan | null, overlays: Overlays, signal: AbortSignal): Promise<void> {
    if (this.#team.hasEnded) {
      await this.#team.dispose();
      this.#team = await this.#workers.take();
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
    const key = changed === null ? UNPRUNED_KEY : contentHash(variants.map((variant) => variant.key));
    if (this.#current === key) return;
    this.#current = null;
    if (!this.#isOpen) await this.#open(signal);
    const held = this.#held.get(key);
    if (held !== undefined) {
      this.#held.delete(key);
      this.#held.set(key, held);
    }
    if (changed === null || held !== undefined) await this.#team.requestAll('use', { key }, signal);
    else {
      const order = await pruneOrder(this.checkpoint, changed, variants, overlays);
      // Copies of a streamed model have no weights of their own between passes.
      const bytes = this.#isStreamed ? 0 : order.ownParameters * BYTES_OF[this.precision];
      const drop = this.#makeRoom(bytes);
      await this.#team.requestAll('prune', { key, drop, configs: order.configs, layers: order.layers }, signal);
      this.#held.set(key, bytes);
    }
    this.#current = key;
  }

  /** Processes that share work; part N of it goes to process N modulo this. */
  get members(): number {
    return this.#team.size;
  }

  /** Requests that a process answers side by side: more than one where blocks are streamed. */
  get passes(): number {
    return this.#verdict.passes;
  }

  get #isStreamed(): boolean {
    return this.#verdict.kind === 'streamed';
  }

  /** A request for part `part` of shared work. */
  request(part: number, ...[op, content, tensors, signal]: WorkerRequest): Promise<WorkerAnswer> {
    return this.#team.request(part, op, content, tensors, signal);
  }

  /** Logits [T, V] of one sequence of the checkpoint's own model, for which nothing of its routing has to be known. */
  async logits(tokens: readonly number[], signal: AbortSignal): Promise<Float32Array> {
    if (!this.#isOpen) await this.#open(signal);
    return floats(await this.#team.request(0, 'logits', {}, { tokens: row(tokens) }, signal), 'logits');
  }

  /** Whether rows with padding in front can join those that a model writes. @throws WorkbenchError `torch-cache`. */
  async joinsRows(signal: AbortSignal): Promise<boolean> {
    const answers = await this.#team.requestAll('decoding', {}, signal);
    return answers.every(({ header }) => header['joins'] === true);
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
      throw fail(
        'torch-memory',
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
    return this.#workers.giveBack(this.#team);
  }

  /** Loads the checkpoint's own model. */
  async #open(signal: AbortSignal): Promise<void> {
    this.#requireRoom(0);
    await this.noteWeights();
    const { precision, checkpoint } = this;
    const order = { precision, streams: this.#isStreamed };
    const answers = isGgufPath(checkpoint.folder)
      ? await this.#loadGguf(order, signal)
      : await withSeenFolder(checkpoint, async (folder) =>
          this.#team.requestAll(
            'load',
            { ...order, folder, quantisation: await ownScheme(checkpoint), asked: [] },
            signal,
          ),
        );
    // A process may be older than what is installed now: it imports the code of a model when it loads it.
    for (const { header } of answers) requireSamePackages(this.computedBy.packages, loadAnswer.parse(header).packages);
    this.#isOpen = true;
  }

  /** The processes ask for the tensors of a GGUF file, whenever they need them. */
  async #loadGguf(order: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<readonly WorkerAnswer[]> {
    const tensors = familyTensors(this.checkpoint);
    this.#team.supply = async (name) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Error(`${this.checkpoint.name} has no tensor ${name}`);
      return { shape: tensor.shape, values: await tensor.values() };
    };
    return withConfigFolder(familyConfig(this.checkpoint), (folder) =>
      this.#team.requestAll('load', { ...order, folder, quantisation: null, asked: [...tensors.keys()] }, signal),
    );
  }

  get #unprunedBytes(): number {
    return this.checkpoint.info.parameters.total * BYTES_OF[this.precision];
  }

  /** Keys of the models to give up for `bytes` more. @throws WorkbenchError `too-large`. */
  #makeRoom(bytes: number): readonly string[] {
    this.#requireRoom(bytes);
    const drop: string[] = [];
    for (const [oldest] of [...this.#held]) {
      const held = [...this.#held.values()].reduce((sum, size) => sum + size, 0);
      const all = this.#verdict.needBytes + held + bytes;
      if (all <= this.#budgetBytes && this.#held.size < MOST_HELD) break;
      this.#held.delete(oldest);
      drop.push(oldest);
    }
    return drop;
  }

  /** `own`: bytes of a pruned copy's own weights. @throws WorkbenchError `too-large`. */
  #requireRoom(bytes: number): void {
    requireTorchRoom(this.checkpoint, this.computedBy, this.precision, this.#budgetBytes, bytes);
  }
}

/** Bytes for a model: what is free on the card, or its share of a budget, since processes share the memory. */
const roomOf = ({ freeBytes, device }: Pick<ComputedBy, 'freeBytes' | 'device'>, budgetBytes: number): number =>
  freeBytes ?? budgetBytes / device.split(',').length;

const verdictOf = (
  { info }: Pick<Checkpoint, 'info'>,
  { card, device }: Pick<ComputedBy, 'card' | 'device'>,
  precision: string,
  roomBytes: number,
): MemoryVerdict & { readonly passes: number } =>
  torchVerdict(info, { precision, isOnProcessor: card === null, spread: device === 'auto' }, roomBytes);

/**
 * How matrices are quantised that transformers does not read as they are stored, which the worker reads then; null:
 * transformers reads all.
 */
const ownScheme = async (checkpoint: Checkpoint): Promise<Quantisation | null> => {
  const config = await readConfig(checkpoint.folder);
  const scheme = quantisationOf(familyOfConfig(config, checkpoint.folder), config, checkpoint.folder);
  const isOwn = scheme.kind === 'fp8' ? hasScaledExperts(checkpoint.descriptor) || hasPartialBlocks(checkpoint) : true;
  return isOwn && scheme.kind !== 'none' && scheme.kind !== 'mxfp4' ? scheme : null;
};

/**
 * Refuses a model that does not fit, before it is loaded. `roomBytes`: for one process; `own`: bytes of a pruned copy's
 * own weights.
 *
 * @throws WorkbenchError `too-large`.
 */
const requireTorchRoom = (
  checkpoint: Pick<Checkpoint, 'name' | 'info'>,
  by: Pick<ComputedBy, 'card' | 'device'>,
  precision: TorchPrecision,
  roomBytes: number,
  own = 0,
): void => {
  const { kind, needBytes: need } = verdictOf(checkpoint, by, precision, roomBytes);
  if (kind !== 'too-large' && need + own <= roomBytes) return;
  const { card } = by;
  const members = by.device.split(',').length;
  const budget = members === 1 ? 'the memory budget is' : `the memory budget of each of ${members} processes is`;
  const weights = gigabytes(checkpoint.info.parameters.total * BYTES_OF[precision]);
  const isByBlocks = checkpoint.info.memory.torch.streamed !== undefined && by.device !== 'auto' && own === 0;
  const how = isByBlocks ? ', block by block,' : ` (its weights ${weights} GB)`;
  const also = own === 0 ? '' : ` and the new weights of a pruned copy ${gigabytes(own)} GB more`;
  throw refuse(
    'too-large',
    `${checkpoint.name} takes ${gigabytes(need)} GB in PyTorch in ${precision}${how}${also}${isByBlocks ? '' : ','} ` +
      `and ${card === null ? budget : `${card} has`} ${gigabytes(roomBytes)} GB${card === null ? '' : ' free'}.`,
    `${card === null ? 'Raise --memory, choose' : 'Choose'} a smaller --precision, or use --engine onnxruntime.`,
  );
};

/**
 * Refuses a model that PyTorch does not open, or that does not fit, before a run exists. `budgetBytes`: memory that
 * weights may take on the processor.
 *
 * @throws WorkbenchError `torch-weights`, `torch-architecture`, `too-large`.
 */
export const requireForTorch = async (
  checkpoint: Checkpoint,
  by: ComputedBy,
  precision: TorchPrecision,
  budgetBytes: number,
): Promise<void> => {
  requireReadable(checkpoint);
  await requireArchitecture(checkpoint, by);
  requireTorchRoom(checkpoint, by, precision, roomOf(by, budgetBytes));
};

/** Pruned models that one process holds at most: a search for a threshold alternates between as many candidates. */
const MOST_HELD = 24;

/** Whether a plan is the unpruned model under another name. */
const keepsAll = (plan: Plan, experts: number): boolean =>
  !isMergePlan(plan) && plan.recovery === undefined && plan.kept.every((layer) => layer.length === experts);

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);

/**
 * Refuses a model that transformers has no class for, and a GGUF file in a form that is not read there.
 *
 * @throws WorkbenchError `torch-architecture`, `gguf-form`.
 */
const requireArchitecture = async (
  checkpoint: Checkpoint,
  { modelTypes, versions }: Pick<ComputedBy, 'modelTypes' | 'versions'>,
): Promise<void> => {
  const { name, folder, config } = checkpoint;
  const isGguf = isGgufPath(folder);
  if (isGguf) {
    familyTensors(checkpoint);
    familyConfig(checkpoint);
  }
  const { model_type: modelType } = isGguf ? config : await readConfig(folder);
  if (typeof modelType === 'string' && modelTypes.includes(modelType)) return;
  throw refuse(
    'torch-architecture',
    `transformers ${versions['transformers'] ?? ''} has no class for the model type ${JSON.stringify(modelType)} ` +
      `of ${name}.`,
    'Install a transformers that has it, or compute with --engine onnxruntime.',
  );
};

/**
 * Refuses folders that the engine torch does not open.
 *
 * @throws WorkbenchError `torch-weights`.
 */
export const requireReadable = ({ name, info }: Pick<Checkpoint, 'name' | 'info'>): void => {
  if ((info.constantExperts ?? 0) > 0)
    throw refuse(
      'torch-weights',
      `${name} has experts that give constants, which no class of transformers opens.`,
      'Compute this model with --engine onnxruntime. A sweep with PyTorch measures such plans without a folder.',
    );
};

/** Whether float8 matrices end inside a block of their scales: up to 5.24 transformers takes all blocks for equal. */
const hasPartialBlocks = ({ descriptor }: Pick<Checkpoint, 'descriptor'>): boolean => {
  const isPartial = ({ stored }: Weight): boolean =>
    stored.kind === 'fp8' &&
    stored.view.shape.some(
      (length, axis) => length > (stored.block[axis] ?? 1) && length % (stored.block[axis] ?? 1) !== 0,
    );
  return descriptor.blocks.some(({ moe, attention }) =>
    [
      ...(moe?.expertTensors ?? []).flatMap(({ gate, up, down }) => [gate ?? [], up, down].flat()),
      ...(attention === null ? [] : [attention.output.weight]),
    ].some(isPartial),
  );
};
