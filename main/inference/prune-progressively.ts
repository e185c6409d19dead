import { present } from '../contract/errors.ts';
import { eliminateExperts } from '../pruning/search/eliminate-experts.ts';
import { TraceBuilder } from '../pruning/search/layer-trace.ts';
import { requireAddedOutputs, requireOutputGates } from './added-outputs.ts';
import { pause } from './executor.ts';
import { ExpertSessions } from './expert-sessions.ts';
import { maskedVariant } from './layer-variant.ts';
import type { Observation } from './run-block.ts';
import { countedIn, countedRows, layerRoute, type LayersRequest, subsetLoss } from './profile-layers.ts';
import { bothStreams } from './recovered-layer.ts';
import { treeLength, type TokenTree } from './token-tree.ts';

/** Memory limit for the products of one layer's tokens. */
const TRACE_BYTES = 2 ** 28;

export interface ProgressiveRequest extends LayersRequest {
  readonly keptPerLayer: readonly number[];
}

/**
 * NAEE's progressive pruning: layer by layer, removes the experts whose absence changes the layer's output least, where
 * the layer's input comes from the pruned layers before it and its output is compared with the unpruned model's.
 * Source: Lu et al. 2024, arXiv 2402.14800; Lucky-Lance/Expert_Sparsity, progressive_pruning.
 */
export const pruneProgressively = async (request: ProgressiveRequest): Promise<number[][]> => {
  const { checkpoint, executor, trees, unpruned, keptPerLayer, threads, control } = request;
  requireAddedOutputs(checkpoint, 'progressive pruning');
  requireOutputGates(checkpoint, 'progressive pruning');
  const { blocks } = checkpoint.descriptor;
  const streams = await bothStreams(executor, trees);
  const sessions = new ExpertSessions(checkpoint, threads, false);
  const kept: number[][] = [];
  try {
    for (const [block, { moe }] of blocks.entries()) {
      const variant = present(unpruned.variants[block], `no variant for block ${block}`);
      const layer = kept.length;
      const keep = keptPerLayer[layer] ?? 0;
      const builder =
        moe === null ? null : new TraceBuilder(moe.experts, checkpoint.descriptor.hidden, strideOf(trees, moe.experts));
      let first = 0;
      for (const stream of streams) {
        await pause(control.signal);
        const full = await executor.runBlock(block, variant, stream.batch, stream.full, 'observation');
        const pruned = await executor.runBlock(block, variant, stream.batch, stream.pruned, 'observation');
        stream.full = full.hidden;
        if (builder === null) stream.pruned = pruned.hidden;
        else if (full.observation !== null && pruned.observation !== null) {
          const wanted = wantedOutput(
            full.hidden,
            full.observation,
            pruned.hidden,
            pruned.observation,
            checkpoint.descriptor.residualMultiplier,
          );
          await addTokens(
            builder,
            sessions,
            layer,
            { hidden: checkpoint.descriptor.hidden, experts: moe?.experts ?? 0 },
            pruned.observation,
            wanted,
            first,
            countedIn(stream.batch, trees),
          );
        }
        first += stream.batch.tokens;
      }
      if (moe !== null && builder !== null) {
        const chosen = await bestExperts(builder, moe, keep, control.signal);
        kept.push(chosen);
        const masked = maskedVariant(moe, chosen);
        for (const stream of streams) {
          await pause(control.signal);
          stream.pruned = (await executor.runBlock(block, masked, stream.batch, stream.pruned, 'hidden')).hidden;
        }
      }
      control.onProgress?.(block + 1, blocks.length);
    }
  } finally {
    await sessions.dispose();
  }
  return kept;
};

const strideOf = (trees: readonly TokenTree[], experts: number): number => {
  const tokens = trees.reduce((sum, tree) => sum + treeLength(tree), 0);
  return Math.max(1, Math.ceil((tokens * 8 * experts * (experts + 1)) / TRACE_BYTES));
};

/**
 * Target of the routed experts on the pruned stream: the unpruned branch's output minus the shared expert's output
 * there.
 */
const wantedOutput = (
  full: Float32Array,
  seenFull: Observation,
  pruned: Float32Array,
  seenPruned: Observation,
  scale: number,
): Float32Array =>
  full.map((value, at) => {
    const branch = (value - (seenFull.residual[at] ?? 0)) / scale;
    const shared = ((pruned[at] ?? 0) - (seenPruned.residual[at] ?? 0)) / scale - (seenPruned.routed[at] ?? 0);
    return branch - shared;
  });

/** Adds a batch's tokens, with indices from `first` on. */
const addTokens = (
  builder: TraceBuilder,
  sessions: ExpertSessions,
  layer: number,
  { hidden, experts }: { readonly hidden: number; readonly experts: number },
  seen: Observation,
  wanted: Float32Array,
  first: number,
  counted: Float64Array | undefined,
): Promise<void> =>
  sessions.run(layer, seen.tokens, (from, count, outputs) => {
    const marked = counted?.subarray(from, from + count);
    builder.add(
      Array.from({ length: count }, (_, at) => first + from + at),
      countedRows(outputs, hidden, marked),
      countedRows(wanted.subarray(from * hidden, (from + count) * hidden), hidden, marked),
      seen.logits.subarray(from * experts, (from + count) * experts),
    );
  });

const bestExperts = async (
  builder: TraceBuilder,
  moe: Parameters<typeof layerRoute>[0],
  keep: number,
  signal: AbortSignal,
): Promise<number[]> => {
  const { trace, logits } = builder.finish();
  const route = await layerRoute(moe, logits);
  const { bySize } = await eliminateExperts(moe.experts, keep, subsetLoss(trace, route, signal));
  return [...(bySize[0]?.kept ?? [])];
};
