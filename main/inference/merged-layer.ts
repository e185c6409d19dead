import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Products } from '../arithmetic/product.ts';
import { withPauses } from '../arithmetic/steps.ts';
import type { ExpertTensors, MoeDescriptor, TensorView, Weight } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { fromFloat32, plainWeight, readTensor, requireWholeView } from '../checkpoint/read-tensor.ts';
import { tensorInMemory, type TensorToWrite } from '../checkpoint/write-safetensors.ts';
import { hasPlainRows, isPlainSoftmax } from '../checkpoint/routing.ts';
import { present, refuse } from '../contract/errors.ts';
import type { LayerBlend, MergeGroup, MergePlan } from '../contract/plan.ts';
import type { RouterMap } from '../graph/moe.ts';
import { combineExperts, type ExpertWeights } from '../pruning/merging/expert-weights.ts';
import { expertToKept, mergeGroup, mergeRouterRows, reinitialisedRows } from '../pruning/merging/merge-experts.ts';
import { withProducts } from './float64-products.ts';
import { type LayerVariant, ownLayer } from './layer-variant.ts';
import { type Overlays, writtenTensors } from './overlays.ts';

/** Bumped whenever merged weights change, so that outdated overlay files are not reused. */
const MERGE_VERSION = 1;

/** Treatments that leave the router a row per merged expert, in the overlay file. */
const hasRowPerGroup = ({ router }: MergePlan): boolean =>
  router === 'reference-row' || router === 'mean-row' || router === 'reinitialised';

/** Key of the merged weights of one MoE layer: a hash of everything that they depend on. `model`: its identity. */
export const mergedKey = (model: string, layer: number, plan: MergePlan): string => {
  const content = JSON.stringify([
    MERGE_VERSION,
    model,
    layer,
    plan.groups[layer],
    plan.align,
    plan.router,
    plan.rule ?? null,
    plan.blend?.[layer] ?? null,
    ...(plan.router === 'reinitialised' ? [plan.routerSeed ?? 0] : []),
  ]);
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
};

/**
 * An MoE layer (`layer` counts MoE layers) whose experts are merged by a plan: new weights over the untouched
 * checkpoint, in an overlay that is written where it is missing or damaged. Weights are rounded to the checkpoint's
 * dtype, so that the measured weights are bit for bit those of an export. Groups of one member use the checkpoint's own
 * tensors.
 */
export const mergedVariant = async (
  checkpoint: Checkpoint,
  layer: number,
  plan: MergePlan,
  overlays: Overlays,
): Promise<LayerVariant> => {
  const moe = checkpoint.descriptor.moeLayers[layer]?.moe;
  const groups = plan.groups[layer];
  if (moe === undefined || groups === undefined) throw new Error(`no layer ${layer} to merge`);
  requireMergeable(checkpoint, moe, plan.router);
  const blend = plan.blend?.[layer];
  const key = mergedKey(checkpoint.identity, layer, plan);
  const { hidden } = checkpoint.descriptor;
  const view = await writtenTensors(overlays, key, () =>
    withProducts((products) => mergedTensors(moe, hidden, layer, plan, blend, products)),
  );
  const experts = groups.map((group, kept): ExpertTensors => {
    const carrier = moe.expertTensors[group.members[0] ?? -1];
    if (blend === undefined && group.members.length === 1 && carrier !== undefined) return carrier;
    const merged = (role: string): Weight => plainWeight(view(`${kept}.${role}`));
    return { gate: merged('gate'), up: merged('up'), down: merged('down') };
  });
  const router = hasRowPerGroup(plan) ? view('router') : moe.router;
  const rows = router.shape[0] ?? 0;
  return {
    key: `merged:${key}`,
    sessionKey: `merged:${key}`,
    layer: {
      ...ownLayer(moe),
      topK: plan.router === 'mapped-rows' ? moe.topK : Math.min(moe.topK, groups.length),
      router,
      routerBias: null,
      map: routerMap(plan, groups, moe.experts, blend),
      experts,
    },
    mask: new Float32Array(rows),
  };
};

const routerMap = (
  plan: MergePlan,
  groups: readonly MergeGroup[],
  experts: number,
  blend: LayerBlend | undefined,
): RouterMap => {
  if (blend !== undefined) return { kind: 'blend', rows: blend.router };
  if (plan.router === 'mapped-rows') return { kind: 'rows', experts: [...expertToKept(groups, experts)] };
  if (plan.router === 'summed-probabilities') return { kind: 'sums', experts: [...expertToKept(groups, experts)] };
  return { kind: 'direct' };
};

const MERGING = 'merging experts';

const readWeight = (weight: Weight): Promise<Float32Array> => readTensor(requireWholeView(weight, MERGING));

const gated = (weight: Weight | null): Weight => {
  if (weight === null) throw new Error('experts without a gate are not merged');
  return weight;
};

/** Refuses layers whose experts cannot be averaged as plain matrices, or whose router has more parameters than rows. */
export const requireMergeable = (
  { name, descriptor }: Checkpoint,
  moe: MoeDescriptor,
  router: MergePlan['router'],
): void => {
  const { routing, routerBias } = moe;
  const [expert] = moe.expertTensors;
  if (expert?.gate === null || moe.latent !== null)
    throw refuse(
      'merge-unsupported',
      `${name}: experts of the family ${descriptor.family} cannot be merged: they have no gate, or work in a latent ` +
        'space.',
      'Use a method that drops experts.',
    );
  if (!hasPlainRows(routing) || routerBias !== null || expert?.gateBias !== undefined) {
    throw refuse(
      'merge-unsupported',
      `${name}: experts of the family ${descriptor.family} cannot be merged: its router or its experts have ` +
        `biases or groups, or its weights are no softmax.`,
      'Use a method that drops experts.',
    );
  }
  if (router === 'summed-probabilities' && !isPlainSoftmax(routing)) {
    throw refuse(
      'merge-unsupported',
      `${name}: the router treatment summed-probabilities needs a softmax over all experts, which the family ` +
        `${descriptor.family} has not.`,
      'Choose another router treatment.',
    );
  }
};

/** Merged experts and router rows. */
const mergedTensors = async (
  moe: MoeDescriptor,
  hidden: number,
  layer: number,
  plan: MergePlan,
  blend: LayerBlend | undefined,
  products: Products,
): Promise<readonly TensorToWrite[]> => {
  const groups = plan.groups[layer] ?? [];
  const tensors: TensorToWrite[] = [];
  const add = (name: string, like: TensorView, shape: readonly number[], floats: Float32Array): void => {
    tensors.push(tensorInMemory(name, like.dtype, shape, fromFloat32(floats, like.dtype)));
  };
  for (const [kept, group] of groups.entries()) {
    const row = blend?.merge[kept];
    if (row === undefined && group.members.length === 1) continue;
    const mixed = row === undefined ? group.members : [...moe.expertTensors.keys()];
    const members = mixed.map((member) => present(moe.expertTensors[member], `no expert ${member}`));
    const [like] = members;
    if (like === undefined) continue;
    const weights: ExpertWeights[] = [];
    for (const { gate, up, down } of members)
      weights.push({ gate: await readWeight(gated(gate)), up: await readWeight(up), down: await readWeight(down) });
    const merged =
      row === undefined
        ? await withPauses(
            mergeGroup(weights, { hidden, width: moe.width }, group, plan.align, plan.rule),
            nextTurn,
            products,
          )
        : combineExperts(weights, row);
    for (const role of ['gate', 'up', 'down'] as const) {
      const stored = requireWholeView(gated(like[role]), MERGING);
      add(`${kept}.${role}`, stored, stored.shape, merged[role]);
    }
  }
  if (hasRowPerGroup(plan)) {
    const rows = await readTensor(moe.router);
    add('router', moe.router, [groups.length, hidden], routerRows(rows, hidden, groups, plan, layer));
  }
  return tensors;
};

const routerRows = (
  rows: Float32Array,
  hidden: number,
  groups: readonly MergeGroup[],
  { router, routerSeed }: MergePlan,
  layer: number,
): Float32Array => {
  if (router === 'reinitialised') return reinitialisedRows(rows, hidden, groups.length, routerSeed ?? 0, layer);
  return mergeRouterRows(rows, hidden, groups, router === 'mean-row' ? 'mean-row' : 'reference-row');
};
