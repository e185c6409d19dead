import { createHash } from 'node:crypto';
import { present } from '../contract/errors.ts';
import { type Steps, withPauses } from '../arithmetic/steps.ts';
import type { MoeDescriptor } from '../checkpoint/descriptor.ts';
import { readTensor, requireWholeView } from '../checkpoint/read-tensor.ts';
import type { TensorToWrite } from '../checkpoint/write-safetensors.ts';
import type { MergeGroup, MergePlan, PlanRecovery } from '../contract/plan.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import { addGram } from '../profile/accumulate-outputs.ts';
import { NO_PINS } from '../pruning/budget.ts';
import { groupAroundMostUsed } from '../pruning/clustering/group-experts.ts';
import { addTokens, emptyFit, fitError, joinFits, solveFit } from '../pruning/merging/fit-members.ts';
import { mergeShares } from '../pruning/merging/merge-experts.ts';
import type { OutputMergeSettings } from '../pruning/method.ts';
import { requireOutputGates } from './added-outputs.ts';
import { pause } from './executor.ts';
import { ExpertSessions } from './expert-sessions.ts';
import { mergedVariant, requireMergeable } from './merged-layer.ts';
import { refittedDowns, requireRefittable, storedDown } from './recover-plan.ts';
import { countedIn, countedRows, type WeightsRequest } from './profile-layers.ts';
import { itemsOfTokens } from './recovered-layer.ts';

/** Bumped whenever the same request would give other weights. */
const VERSION = 1;

export interface OutputMergeRequest extends WeightsRequest {
  /** Groups per MoE layer. */
  readonly keep: number;
  readonly settings: OutputMergeSettings;
}

/** The tokens of a batch as they enter a layer, the item of each, and how much it counts (undefined: all alike). */
interface LayerInput {
  /** [n, H]. */
  readonly tokens: Float32Array;
  readonly items: Int32Array;
  readonly counted: Float64Array | undefined;
}

/**
 * MergeMoE: groups around the most used experts by the cosine of their gate and up projections; gate and up become the
 * average weighted by usage, and the down projection that for which the merged expert's output on the calibration
 * tokens is nearest to the weighted mean of its members' outputs, by least squares on every token, chosen or not. Each
 * layer sees the unpruned model's tokens. Source: Miao et al. 2025, arXiv 2510.14436, section 4.
 *
 * @throws WorkbenchError `merge-unsupported`, `method-unsupported` or `recovery-unsupported` where the family does not
 * allow it.
 */
export const mergeByOutputs = async (request: OutputMergeRequest): Promise<MergePlan> => {
  const { checkpoint, executor, trees, itemOf, tasks, unpruned, keep, settings, overlays, control } = request;
  const { blocks, hidden, moeLayers } = checkpoint.descriptor;
  for (const { moe } of moeLayers) requireMergeable(checkpoint, moe, settings.router);
  requireOutputGates(checkpoint, 'merging by outputs');
  requireRefittable(checkpoint);
  const plan: MergePlan = { groups: [], router: settings.router, align: false };
  const tensors: TensorToWrite[] = [];
  const layers: PlanRecovery['layers'] = [];
  const streams = [...(await executor.start(trees))];
  for (const [block, { moe }] of blocks.entries()) {
    const variant = present(unpruned.variants[block], `no variant for block ${block}`);
    const inputs: LayerInput[] = [];
    const counts = new Float64Array(moe?.experts ?? 0);
    for (const [index, { batch, hidden: before }] of streams.entries()) {
      await pause(control.signal);
      const seen = await executor.runBlock(block, variant, batch, before, moe === null ? 'hidden' : 'observation');
      streams[index] = { batch, hidden: seen.hidden };
      if (seen.observation === null) continue;
      const counted = countedIn(batch, trees);
      inputs.push({ tokens: seen.observation.tokens, items: itemsOfTokens(batch, itemOf), counted });
      const { experts } = seen.observation;
      experts.forEach((expert, slot) => {
        if (expert < counts.length)
          counts[expert]! += counted?.[Math.floor(slot / (experts.length / batch.tokens))] ?? 1;
      });
    }
    if (moe !== null) {
      const layer = executor.moeLayerOf(block);
      const groups = groupAroundMostUsed(await inputLikeness(moe, control.signal), {
        counts,
        keep,
        layer,
        pins: NO_PINS,
        weights: 'activation',
      });
      plan.groups[layer] = groups;
      layers.push(await fitLayer(request, { moe, layer, groups, hidden }, plan, inputs, tensors));
    }
    control.onProgress?.(block + 1, blocks.length);
  }
  const identity = { version: VERSION, model: checkpoint.identity, plan, settings };
  const content = canonicalJson({ ...identity, tokens: trees.map(({ trunk }) => [...trunk]) });
  const weights = createHash('sha256').update(content).digest('hex').slice(0, 32);
  await overlays.write(weights, tensors);
  const tokens = streams.reduce((sum, { batch }) => sum + batch.tokens, 0);
  return { ...plan, recovery: { weights, tasks: [...tasks], items: new Set(itemOf).size, tokens, layers } };
};

/** Numbers of each expert's matrices per product: 64 experts in float64 are 32 MB. */
const NUMBERS_AT_ONCE = 2 ** 16;

/** [E, E] cosines of the experts' gate and up projections, one after the other as one vector each. */
export const inputLikeness = async (moe: MoeDescriptor, signal: AbortSignal): Promise<Float64Array> => {
  const n = moe.expertTensors.length;
  const gram = new Float64Array(n * n);
  for (const role of ['gate', 'up'] as const) {
    const matrices: Float32Array[] = [];
    for (const tensors of moe.expertTensors) {
      const weight = present(tensors[role], 'experts without a gate are not merged');
      matrices.push(await readTensor(requireWholeView(weight, 'merging experts')));
    }
    const total = matrices[0]?.length ?? 0;
    const rows = new Float64Array(n * NUMBERS_AT_ONCE);
    for (let first = 0; first < total; first += NUMBERS_AT_ONCE) {
      await pause(signal);
      const count = Math.min(NUMBERS_AT_ONCE, total - first);
      matrices.forEach((matrix, at) => rows.set(matrix.subarray(first, first + count), at * NUMBERS_AT_ONCE));
      addGram(gram, rows, n, NUMBERS_AT_ONCE, count);
    }
  }
  return gram.map((value, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    const scale = Math.sqrt(gram[i * n + i]!) * Math.sqrt(gram[j * n + j]!);
    return scale > 0 ? value / scale : 0;
  });
};

interface GroupedLayer {
  readonly moe: MoeDescriptor;
  readonly layer: number;
  readonly groups: readonly MergeGroup[];
  readonly hidden: number;
}

/** Queues the fitted down projections of a layer's groups; groups with one contributing member are exact already. */
const fitLayer = async (
  { checkpoint, overlays, threads, products, control, settings }: OutputMergeRequest,
  { moe, layer, groups, hidden }: GroupedLayer,
  plan: MergePlan,
  inputs: readonly LayerInput[],
  tensors: TensorToWrite[],
): Promise<PlanRecovery['layers'][number]> => {
  const variant = await mergedVariant(checkpoint, layer, plan, overlays);
  const merged = groups.map((group) => group.weights.filter((weight) => weight > 0).length !== 1);
  const folds = groups.map((_, at) => (merged[at] ? [emptyFit(moe.width, hidden), emptyFit(moe.width, hidden)] : []));
  const done = <T>(steps: Steps<T>): Promise<T> => withPauses(steps, () => pause(control.signal), products);
  const members = new ExpertSessions(checkpoint, threads, false);
  const mergedSessions = new ExpertSessions(checkpoint, threads, false, () => variant.layer ?? undefined, 'inner');
  try {
    for (const { tokens, items, counted } of inputs)
      await members.run(layer, tokens, (first, count, all) => {
        const outputs = countedRows(all, hidden, counted?.subarray(first, first + count));
        return mergedSessions.run(
          layer,
          tokens.slice(first * hidden, (first + count) * hidden),
          async (from, some, bare) => {
            const inner = countedRows(bare, moe.width, counted?.subarray(first + from, first + from + some));
            const rows = [0, 1].map((fold) =>
              Array.from({ length: some }, (_, row) => row).filter((row) => items[first + from + row]! % 2 === fold),
            );
            for (const [index, fits] of folds.entries())
              for (const [fold, fit] of fits.entries())
                await done(
                  addTokens(
                    fit,
                    rowsOf(inner, index * some, rows[fold]!, moe.width),
                    meanOutput(outputs, groups[index]!, { count, from }, rows[fold]!, hidden),
                  ),
                );
          },
        );
      });
  } finally {
    await members.dispose();
    await mergedSessions.dispose();
  }
  const corrections: Float64Array[] = [];
  const errors = { before: 0, after: 0, heldOut: 0 };
  for (const [index, fits] of folds.entries()) {
    const [even, odd] = fits;
    const expert = variant.layer?.experts[index];
    if (even === undefined || odd === undefined || expert === undefined) {
      corrections.push(new Float64Array(moe.width * hidden));
      continue;
    }
    const stored = await storedDown(expert, moe.width, hidden);
    const whole = joinFits(even, odd);
    const solution = await done(solveFit(whole, settings.ridge));
    errors.before += await done(fitError(whole, stored));
    errors.after += await done(fitError(whole, solution));
    for (const [fit, held] of [[even, odd] as const, [odd, even] as const])
      errors.heldOut += await done(fitError(held, await done(solveFit(fit, settings.ridge))));
    corrections.push(whole.squares === 0 ? stored.map(() => 0) : solution.map((value, at) => value - stored[at]!));
  }
  await refittedDowns(moe, variant, { corrections }, layer, tensors);
  const share = (error: number): number => (errors.before > 0 ? error / errors.before : 1);
  return { lambda: settings.ridge, heldOut: share(errors.heldOut), left: share(errors.after) };
};

/** Rows of a matrix [.., width] in float64, counted from row `first`. */
const rowsOf = (values: Float32Array, first: number, rows: readonly number[], width: number): Float64Array => {
  const picked = new Float64Array(rows.length * width);
  rows.forEach((row, at) => picked.set(values.subarray((first + row) * width, (first + row + 1) * width), at * width));
  return picked;
};

/** Weighted mean of the members' outputs on some of the tokens, [rows, H]. `outputs`: [E, count, H]. */
const meanOutput = (
  outputs: Float32Array,
  { members, weights }: MergeGroup,
  { count, from }: { readonly count: number; readonly from: number },
  rows: readonly number[],
  hidden: number,
): Float64Array => {
  const mean = new Float64Array(rows.length * hidden);
  const shares = mergeShares(weights);
  members.forEach((member, at) => {
    const share = shares[at]!;
    if (share === 0) return;
    rows.forEach((row, to) => {
      const start = (member * count + from + row) * hidden;
      for (let h = 0; h < hidden; h++) mean[to * hidden + h]! += share * outputs[start + h]!;
    });
  });
  return mean;
};
