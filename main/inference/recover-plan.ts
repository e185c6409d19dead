import { createHash } from 'node:crypto';
import path from 'node:path';
import { withPauses } from '../arithmetic/steps.ts';
import type { ExpertTensors, MoeDescriptor, TensorView, Weight } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { fromFloat32, readTensor, toFloat32 } from '../checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../checkpoint/safetensors-header.ts';
import { tensorInMemory, type TensorToWrite, writeSafetensors } from '../checkpoint/write-safetensors.ts';
import { present, refuse } from '../contract/errors.ts';
import { constantsOf, type Plan, type PlanRecovery, type RefitName } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { type LayerRecovery, recoverLayer } from '../pruning/recovery/recover-layer.ts';
import { addProduct, type RecoveryProblem } from '../pruning/recovery/recovery-problem.ts';
import { requireAddedOutputs } from './added-outputs.ts';
import { type Executor, pause, type ResolvedCandidate } from './executor.ts';
import type { LayerVariant } from './layer-variant.ts';
import type { WeightsRequest } from './profile-layers.ts';
import { bothStreams, recoveredName, recoveredVariant, recoveryProblem, type Streams } from './recovered-layer.ts';
import { refitRouter } from './refit-router.ts';
import type { Observation } from './run-block.ts';

/** Bumped whenever the same plan and items would give other weights. */
const RECOVERY_VERSION = 1;

export interface RecoveryRequest extends WeightsRequest {
  readonly plan: Plan;
  /** The plan without recovery. */
  readonly pruned: ResolvedCandidate;
  readonly refit: RefitName;
  /**
   * Folder for a layer's new router until all is written: empty, deleted by its creator once the sessions are closed.
   */
  readonly scratchFolder: string;
  /** Unknowns per output up to which all experts of a layer are solved for jointly. */
  readonly mostJointUnknowns?: number | undefined;
}

/** A constant has no down projection, and its router is that of the unpruned model. */
export const noRecovery = (method: string): Error =>
  refuse(
    'no-recovery',
    `The plans of ${method} replace experts by constants, which cannot be refitted.`,
    'Leave the recovery out, or use a method that drops experts.',
  );

/** @throws WorkbenchError `no-recovery`. */
export const requireRefitOf = (plan: Plan): void => {
  if (constantsOf(plan) !== undefined) throw noRecovery(plan.method ?? 'plan');
};

/**
 * Refits a plan so that every block reproduces the unpruned block's output, layer by layer on calibration tokens: two
 * streams of hidden states run side by side. The router's rows are optimised by gradient descent, and the remaining
 * error of the pruned block is fitted by ridge regression to the gated inner activations of its experts. The weights go
 * to an overlay keyed by plan and tokens; they are rounded to the checkpoint's dtype, and the pruned stream continues
 * with the rounded weights.
 */
export const recoverPlan = async (request: RecoveryRequest): Promise<Plan> => {
  const { checkpoint, executor, plan, trees, itemOf, tasks, unpruned, pruned, overlays, refit, control } = request;
  requireRefitOf(plan);
  const refitsExperts = refit !== 'router';
  const refitsRouter = refit !== 'experts';
  requireAddedOutputs(checkpoint, 'a refit');
  if (refitsExperts) requireRefittable(checkpoint);
  const streams = await bothStreams(executor, trees);
  const tensors: TensorToWrite[] = [];
  const layers: PlanRecovery['layers'][number][] = [];
  const routers: NonNullable<PlanRecovery['router']>[number][] = [];
  const { blocks } = checkpoint.descriptor;
  for (const [block, { moe }] of blocks.entries()) {
    const [ownVariant, bare] = [unpruned.variants[block], pruned.variants[block]];
    if (ownVariant === undefined || bare === undefined) throw new Error(`no variant for block ${block}`);
    if (moe === null) await denseBlock(executor, block, ownVariant, streams, control.signal);
    else {
      const layer = executor.moeLayerOf(block);
      const before = streams.map((stream) => stream.pruned);
      let variant = bare;
      let seen = await bothBlocks(executor, block, ownVariant, variant, streams, control.signal);
      if (refitsRouter) {
        const { tensor, recovery } = await refitRouter({
          checkpoint,
          moe,
          layer,
          variant,
          streams,
          seen,
          itemOf,
          threads: request.threads,
          signal: control.signal,
        });
        routers.push({ steps: recovery.steps, heldOut: recovery.heldOut, left: recovery.left });
        if (tensor !== null) {
          tensors.push(tensor);
          variant = await withRouter(request.scratchFolder, layer, variant, tensor);
          seen = await prunedBlock(executor, block, variant, streams, before, control.signal);
        }
      }
      if (refitsExperts) {
        const problem = recoveryProblem(checkpoint, variant, streams, seen, itemOf);
        const recovery = await withPauses(
          recoverLayer(problem, request.mostJointUnknowns),
          () => pause(control.signal),
          request.products,
        );
        layers.push(summaryOf(recovery));
        if (Number.isFinite(recovery.lambda)) {
          const changes = await refittedDowns(moe, variant, recovery, layer, tensors);
          await advance(streams, problem, changes, request);
        }
      }
    }
    control.onProgress?.(block + 1, blocks.length);
  }
  const weights = keyOf(request);
  await overlays.write(weights, tensors);
  const tokens = streams.reduce((sum, { batch }) => sum + batch.tokens, 0);
  const recovery: PlanRecovery = { weights, tasks: [...tasks], items: new Set(itemOf).size, tokens, layers };
  if (refitsRouter) {
    recovery.refit = refit;
    recovery.router = routers;
  }
  return { ...plan, recovery };
};

/** The layer with a new router, in a file that exists for the duration of the refit. */
const withRouter = async (
  folder: string,
  layer: number,
  variant: LayerVariant,
  tensor: TensorToWrite,
): Promise<LayerVariant> => {
  const key = `layer-${layer}`;
  const file = path.join(folder, `${key}.safetensors`);
  await writeSafetensors(file, [tensor]);
  return recoveredVariant({ key, tensors: (await readSafetensorsHeader(file)).tensors }, layer, variant);
};

const keyOf = ({ checkpoint: { identity: model }, plan, trees, refit }: RecoveryRequest): string => {
  const { recovery: _recovery, method: _method, options: _options, tasks: _tasks, ...content } = plan;
  const what = refit === 'experts' ? {} : { refit };
  const identity = canonicalJson({
    version: RECOVERY_VERSION,
    model,
    plan: content,
    tokens: trees.map(({ trunk }) => [...trunk]),
    ...what,
  });
  return createHash('sha256').update(identity).digest('hex').slice(0, 32);
};

/** Refuses models whose down projections cannot be stored anew. @throws WorkbenchError `recovery-unsupported`. */
export const requireRefittable = ({ name, descriptor }: Checkpoint): void => {
  if (descriptor.moeLayers.some(({ moe }) => moe.latent !== null))
    throw refuse(
      'recovery-unsupported',
      `${name}: experts of the family ${descriptor.family} that work in a latent space cannot be refitted, because ` +
        'their down projections do not give hidden states.',
      'Recover the router alone.',
    );
  const down = descriptor.moeLayers[0]?.moe.expertTensors[0]?.down;
  if (down === undefined || plainDown(down) !== null) return;
  throw refuse(
    'recovery-unsupported',
    `${name}: its experts are quantised, and refitted weights cannot be stored for them.`,
    'Use a checkpoint in float32, float16 or bfloat16.',
  );
};

/** The down projection if stored as a plain matrix ([H, I], or [I, H] where the family transposes it), else null. */
const plainDown = ({ stored, select }: Weight): TensorView | null =>
  stored.kind === 'plain' && select === undefined ? stored.view : null;

const summaryOf = ({ lambda, heldOut, before, after }: LayerRecovery): PlanRecovery['layers'][number] => ({
  lambda: Number.isFinite(lambda) ? lambda : null,
  heldOut,
  left: before > 0 ? after / before : 1,
});

const denseBlock = async (
  executor: Executor,
  block: number,
  variant: LayerVariant,
  streams: readonly Streams[],
  signal: AbortSignal,
): Promise<void> => {
  for (const stream of streams) {
    const isSame = stream.full === stream.pruned;
    await pause(signal);
    stream.full = (await executor.runBlock(block, variant, stream.batch, stream.full, 'hidden')).hidden;
    await pause(signal);
    stream.pruned = isSame
      ? stream.full
      : (await executor.runBlock(block, variant, stream.batch, stream.pruned, 'hidden')).hidden;
  }
};

/** Takes both streams through their blocks; returns the pruned layer's observation. */
const bothBlocks = async (
  executor: Executor,
  block: number,
  ownVariant: LayerVariant,
  variant: LayerVariant,
  streams: readonly Streams[],
  signal: AbortSignal,
): Promise<readonly Observation[]> => {
  for (const stream of streams) {
    await pause(signal);
    const full = (await executor.runBlock(block, ownVariant, stream.batch, stream.full, 'hidden')).hidden;
    // The pruned stream may start as the same array, so it is read before it is replaced.
    stream.full = full;
  }
  return prunedBlock(
    executor,
    block,
    variant,
    streams,
    streams.map(({ pruned }) => pruned),
    signal,
  );
};

/** Takes the pruned stream from `before` through its block; returns the layer's observation. */
const prunedBlock = async (
  executor: Executor,
  block: number,
  variant: LayerVariant,
  streams: readonly Streams[],
  before: readonly Float32Array[],
  signal: AbortSignal,
): Promise<readonly Observation[]> => {
  const seen: Observation[] = [];
  for (const [index, stream] of streams.entries()) {
    await pause(signal);
    const { hidden, observation } = await executor.runBlock(
      block,
      variant,
      stream.batch,
      before[index] ?? stream.pruned,
      'observation',
    );
    if (observation === null) throw new Error('a layer without experts was observed');
    stream.pruned = hidden;
    seen.push(observation);
  }
  return seen;
};

/** Where number [i, h] of a down projection [I, H] stands in its stored form. */
const offsetIn =
  ({ transposed }: Weight, width: number, hidden: number) =>
  (i: number, h: number): number =>
    transposed === true ? i * hidden + h : h * width + i;

/** The stored down projection of an expert as [I, H]. */
export const storedDown = async ({ down }: ExpertTensors, width: number, hidden: number): Promise<Float64Array> => {
  const view = present(plainDown(down), 'the down projection is not stored as a plain matrix');
  const stored = await readTensor(view);
  const offsetOf = offsetIn(down, width, hidden);
  return Float64Array.from(
    { length: width * hidden },
    (_, at) => stored[offsetOf(Math.floor(at / hidden), at % hidden)] ?? 0,
  );
};

/** Change of each expert's stored (rounded) down projection, [I, H] per expert; queues the tensors to write. */
export const refittedDowns = async (
  moe: MoeDescriptor,
  variant: LayerVariant,
  recovery: Pick<LayerRecovery, 'corrections'>,
  layer: number,
  tensors: TensorToWrite[],
): Promise<readonly Float32Array[]> => {
  const changes: Float32Array[] = [];
  for (const [index, correction] of recovery.corrections.entries()) {
    const expert: ExpertTensors | undefined = variant.layer?.experts[index];
    const down = expert?.down;
    const view = down === undefined ? null : plainDown(down);
    if (down === undefined || view === null) throw new Error(`expert ${index} has no down projection to refit`);
    const change = new Float32Array(correction.length);
    if (correction.some((value) => value !== 0)) {
      const [hidden, width] = [correction.length / moe.width, moe.width];
      const stored = await readTensor(view);
      const offsetOf = offsetIn(down, width, hidden);
      const refitted = stored.slice();
      for (let i = 0; i < width; i += 1)
        for (let h = 0; h < hidden; h += 1)
          refitted[offsetOf(i, h)] = (stored[offsetOf(i, h)] ?? 0) + (correction[i * hidden + h] ?? 0);
      const bytes = fromFloat32(refitted, view.dtype);
      const rounded = toFloat32(bytes.slice(), view.dtype, view.tensor);
      for (let i = 0; i < width; i += 1)
        for (let h = 0; h < hidden; h += 1)
          change[i * hidden + h] = (rounded[offsetOf(i, h)] ?? 0) - (stored[offsetOf(i, h)] ?? 0);
      tensors.push(tensorInMemory(recoveredName(layer, index), view.dtype, view.shape, bytes));
    }
    changes.push(change);
  }
  return changes;
};

/** Adds to the pruned stream the output of the refitted weights beyond the old ones. */
const advance = async (
  streams: readonly Streams[],
  { experts, width, hidden, items }: RecoveryProblem,
  changes: readonly Float32Array[],
  { control, products }: Pick<RecoveryRequest, 'control' | 'products'>,
): Promise<void> => {
  const gained = new Float64Array(items.length * hidden);
  for (const [expert, features] of experts.entries()) {
    const change = changes[expert];
    if (change === undefined) continue;
    const added = addProduct(gained, features, Float64Array.from(change), width, hidden, 1);
    await withPauses(added, () => pause(control.signal), products);
  }
  let first = 0;
  for (const stream of streams) {
    const from = first * hidden;
    stream.pruned = stream.pruned.map((value, at) => value + (gained[from + at] ?? 0));
    first += stream.batch.tokens;
  }
};
