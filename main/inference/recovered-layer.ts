import type { TensorView, Weight } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { PlanRecovery } from '../contract/plan.ts';
import type { ExpertFeatures, RecoveryProblem } from '../pruning/recovery/recovery-problem.ts';
import type { Batch } from './batch.ts';
import type { Executor } from './executor.ts';
import type { LayerVariant } from './layer-variant.ts';
import { type Overlays, overlayTensors } from './overlays.ts';
import type { Observation } from './run-block.ts';
import type { TokenTree } from './token-tree.ts';

/** A batch and its hidden states in the unpruned model and in the pruned, recovered one. */
export interface Streams {
  readonly batch: Batch;
  full: Float32Array;
  pruned: Float32Array;
}

/** Both streams before the first block, where they are the same. */
export const bothStreams = async (executor: Executor, trees: readonly TokenTree[]): Promise<readonly Streams[]> =>
  (await executor.start(trees)).map(({ batch, hidden }) => ({ batch, full: hidden, pruned: hidden }));

/** The pruned block's error, and the gated inner activations to fit it with, over the tokens of all batches. */
export const recoveryProblem = (
  { descriptor }: Checkpoint,
  { layer }: LayerVariant,
  streams: readonly Streams[],
  seen: readonly Observation[],
  itemOf: readonly number[],
): RecoveryProblem => {
  const { hidden, residualMultiplier } = descriptor;
  const experts = layer?.experts.length ?? 0;
  const width = layer?.experts[0]?.down.shape[1] ?? 0;
  const tokens = streams.reduce((sum, { batch }) => sum + batch.tokens, 0);
  const residual = new Float32Array(tokens * hidden);
  const items = new Int32Array(tokens);
  const features = Array.from({ length: experts }, () => ({ tokens: [] as number[], rows: [] as Float32Array[] }));
  let first = 0;
  streams.forEach(({ batch, full, pruned }, index) => {
    full.forEach((value, at) => {
      residual[first * hidden + at] = value - (pruned[at] ?? 0);
    });
    items.set(itemsOfTokens(batch, itemOf), first);
    const observation = seen[index];
    if (observation !== undefined)
      addFeatures(features, observation, layer?.topK ?? 1, width, first, residualMultiplier);
    first += batch.tokens;
  });
  return {
    width,
    hidden,
    residual,
    items,
    experts: features.map(({ tokens: tokensOfExpert, rows }) => joined(tokensOfExpert, rows, width)),
  };
};

/** Item index of each token of a batch. */
export const itemsOfTokens = (batch: Batch, itemOf: readonly number[]): Int32Array => {
  const items = new Int32Array(batch.tokens);
  batch.trees.forEach((tree, member) =>
    items.fill(itemOf[tree] ?? 0, batch.firstRow[member] ?? 0, batch.firstRow[member + 1] ?? batch.tokens),
  );
  return items;
};

interface GatheredFeatures {
  readonly tokens: number[];
  readonly rows: Float32Array[];
}

/** Adds weight * inner activation of every choice; two choices of one token that lead to the same expert add up. */
const addFeatures = (
  features: readonly GatheredFeatures[],
  { experts, weights, inner }: Observation,
  topK: number,
  width: number,
  first: number,
  scale: number,
): void => {
  experts.forEach((expert, slot) => {
    const gate = (weights[slot] ?? 0) * scale;
    const ofExpert = features[expert];
    if (gate === 0 || ofExpert === undefined) return;
    const token = first + Math.floor(slot / topK);
    const row = inner.subarray(slot * width, (slot + 1) * width).map((value) => value * gate);
    const last = ofExpert.rows.at(-1);
    if (ofExpert.tokens.at(-1) === token && last !== undefined)
      row.forEach((value, at) => {
        last[at] = (last[at] ?? 0) + value;
      });
    else {
      ofExpert.tokens.push(token);
      ofExpert.rows.push(row);
    }
  });
};

const joined = (tokens: readonly number[], rows: readonly Float32Array[], width: number): ExpertFeatures => {
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, at) => {
    values.set(row, at * width);
  });
  return { tokens: Int32Array.from(tokens), values };
};

/**
 * Refitted weights on disk, as the checkpoint stores them: down projections `<MoE layer>.<index among the layer's
 * experts>.down`, and routers `<MoE layer>.router`.
 */
export interface RecoveredWeights {
  readonly key: string;
  readonly tensors: ReadonlyMap<string, TensorView>;
}

export const recoveredName = (layer: number, expert: number): string => `${layer}.${expert}.down`;

export const routerName = (layer: number): string => `${layer}.router`;

/** @throws WorkbenchError `recovery-missing` where the weights of a recovered plan are missing or damaged. */
export const openRecovered = async (
  { weights, tasks }: PlanRecovery,
  overlays: Overlays,
): Promise<RecoveredWeights> => {
  const overlay = await overlays.read(weights);
  if (overlay.isSound) return { key: weights, tensors: await overlayTensors(overlay) };
  throw refuse(
    'recovery-missing',
    `The refitted weights of the plan cannot be used: ${overlay.why}.`,
    `Recover the plan again on ${tasks.join(', ')}: the same plan and items give the same weights.`,
  );
};

/** A layer under a candidate with refitted down projections and a refitted router, where the file contains them. */
export const recoveredVariant = (
  { key, tensors }: RecoveredWeights,
  layer: number,
  variant: LayerVariant,
): LayerVariant => {
  if (variant.layer === null) return variant;
  const experts = variant.layer.experts.map((expert, index) => {
    const view = tensors.get(recoveredName(layer, index));
    return view === undefined ? expert : { ...expert, down: withTensor(expert.down, view, key) };
  });
  const found = tensors.get(routerName(layer));
  const router = found === undefined ? variant.layer.router : withRouter(variant.layer.router, found, key);
  if (router === variant.layer.router && experts.every((expert, index) => expert === variant.layer?.experts[index]))
    return variant;
  return {
    ...variant,
    key: `recovered:${key} ${variant.key}`,
    sessionKey: `recovered:${key} ${variant.sessionKey}`,
    layer: { ...variant.layer, router, experts },
  };
};

const withTensor = ({ stored, shape, transposed }: Weight, view: TensorView, key: string): Weight => {
  requireSameForm(stored.kind === 'plain' ? stored.view : null, view, key);
  return { stored: { kind: 'plain', view }, shape, ...(transposed === undefined ? {} : { transposed }) };
};

const withRouter = (router: TensorView, view: TensorView, key: string): TensorView => {
  requireSameForm(router, view, key);
  return view;
};

const requireSameForm = (existing: TensorView | null, view: TensorView, key: string): void => {
  if (
    existing !== null &&
    existing.dtype === view.dtype &&
    existing.shape.length === view.shape.length &&
    existing.shape.every((size, axis) => size === view.shape[axis])
  )
    return;
  const [is, expected] = [view, existing].map((tensor) =>
    tensor === null ? 'quantised' : `${tensor.dtype} of ${tensor.shape.join(' x ')}`,
  );
  throw refuse(
    'recovery-invalid',
    `${view.tensor} of the refitted weights ${key} is ${is ?? ''}, and the model stores ${expected ?? ''} there.`,
    'Recover the plan again on this model.',
  );
};
