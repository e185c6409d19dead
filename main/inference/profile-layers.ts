import type { Products } from '../arithmetic/product.ts';
import { withPauses } from '../arithmetic/steps.ts';
import type { MoeDescriptor, TensorView } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { FEW_SAMPLED } from '../contract/profile.ts';
import { readTensor } from '../checkpoint/read-tensor.ts';
import { correctionOf, expertScaleOf } from '../checkpoint/routing.ts';
import { accumulateOutputs, accumulateResidual, residualCosines } from '../profile/accumulate-outputs.ts';
import { accumulateRouting } from '../profile/accumulate-routing.ts';
import { addSums, clearSums, drawnExtras } from '../profile/calibration-draws.ts';
import { addChoices, MOST_TOKENS, openChoiceSample } from '../profile/choice-sample.ts';
import {
  emptyRoutingStatistics,
  emptyStatistics,
  type ExtraStatistic,
  type RoutingStatistics,
  type RoutingTaps,
  runsEveryExpert,
} from '../profile/routing-statistics.ts';
import { eliminateExperts, type SubsetLoss } from '../pruning/search/eliminate-experts.ts';
import { layerLoss, type LayerTrace, type RouteToken, TraceBuilder } from '../pruning/search/layer-trace.ts';
import { routeTokens } from '../pruning/search/route-tokens.ts';
import { requireAddedOutputs, requireExperts, requireOutputGates } from './added-outputs.ts';
import { type Batch, isPrefixBatch } from './batch.ts';
import { type Executor, pause, type ResolvedCandidate, type Sink } from './executor.ts';
import { ExpertSessions } from './expert-sessions.ts';
import { Float64Products } from './float64-products.ts';
import type { RunControl } from './model-runner.ts';
import type { Overlays } from './overlays.ts';
import type { Observation } from './run-block.ts';
import { splitPrefix, type TokenTree, treeLength } from './token-tree.ts';

/** Memory limit for the products of tokens while subsets of experts are tried. */
const TRACE_BYTES = 2 ** 29;
/** Subsets tried before a cancel is noticed. */
const SUBSETS_AT_ONCE = 32;

/** A model that runs over calibration items. */
export interface LayersRequest {
  readonly checkpoint: Checkpoint;
  readonly executor: Executor;
  readonly unpruned: ResolvedCandidate;
  /** Calibration items as trees. */
  readonly trees: readonly TokenTree[];
  /** The item of each tree. */
  readonly itemOf: readonly number[];
  readonly threads: number;
  readonly control: RunControl;
}

/** The same to compute weights from. */
export interface WeightsRequest extends LayersRequest {
  readonly tasks: readonly string[];
  readonly overlays: Overlays;
  /** Large products in float64. */
  readonly products: Products;
}

export interface ProfileRequest extends LayersRequest {
  readonly extras: readonly ExtraStatistic[];
  /** Whether the model runs block by block instead of batch by batch. */
  readonly streaming: boolean;
}

/**
 * Statistics of a model over token trees: routing always, with a small sample of choices, and the requested extras
 * (`choices`: a large sample). Extras over every expert take E / K times the work of the MoE layers. Where only routing
 * is measured, a prefix that items share runs once and counts for each of them.
 */
export const profileLayers = async (request: ProfileRequest): Promise<RoutingStatistics> => {
  const { checkpoint, executor, trees, unpruned, extras, threads, streaming, control } = request;
  requireMeasurable(checkpoint, extras);
  const { hidden } = checkpoint.descriptor;
  const statistics = emptyProfile(checkpoint, extras);
  const count = (batch: Batch): void => {
    statistics.tokens += batch.tokens;
  };
  const opened = openChoiceSample(
    trees.map(({ trunk }) => trunk),
    statistics.layers,
    statistics.topK,
    extras.includes('choices') ? MOST_TOKENS : FEW_SAMPLED,
  );
  const firstToken = firstTokens(trees);
  const isWeighted = trees.some(({ counted }) => counted !== undefined);
  if (extras.length === 0) {
    // A token of a shared prefix counts otherwise in each item.
    const { prefix, trees: behind } = isWeighted ? { prefix: [], trees } : sharedPrefix(trees);
    const ofPrefix = emptyRoutingStatistics(statistics.layers, statistics.experts, statistics.topK);
    ofPrefix.tokens = prefix.length;
    const firstBehind = behind.map(({ start = 0 }, tree) => (firstToken[tree] ?? 0) + start);
    const taps: Sink['taps'] = (layer, batch, _members, seen) => {
      const isPrefix = isPrefixBatch(batch);
      accumulateRouting(isPrefix ? ofPrefix : statistics, layer, seen, countedIn(batch, trees));
      const add = (numbers: readonly number[]): void => addChoices(opened, layer, statistics.topK, numbers, seen);
      if (!isPrefix) add(tokenNumbers(batch, firstBehind));
      else
        for (const [tree, { start }] of behind.entries())
          if (start !== undefined) add(prefix.map((_, position) => (firstToken[tree] ?? 0) + position));
    };
    await executor.run(behind, [unpruned], { taps, hidden: count }, control, prefix);
    const times = behind.filter(({ start }) => start !== undefined).length;
    statistics.tokens += times * ofPrefix.tokens;
    addSums(statistics, ofPrefix, times);
    return { ...statistics, sample: opened.sample };
  }
  const taps: NonNullable<Sink['taps']> = (layer, batch, _members, seen) => {
    accumulateRouting(statistics, layer, seen, countedIn(batch, trees));
    addChoices(opened, layer, statistics.topK, tokenNumbers(batch, firstToken), seen);
  };
  if (extras.length === 1 && extras.includes('choices')) {
    await executor.run(trees, [unpruned], { taps, hidden: count }, control);
    return { ...statistics, sample: opened.sample };
  }
  const tokens = trees.reduce((sum, tree) => sum + treeLength(tree), 0);
  const traces = extras.includes('elimination') ? traceBuilders(checkpoint, tokens).builders : [];
  const sessions = runsEveryExpert(extras) ? new ExpertSessions(checkpoint, threads, !streaming) : null;
  const products = new Float64Products();
  try {
    const observe: Sink['observe'] = async (layer, batch, members, seen) => {
      const counted = countedIn(batch, trees);
      taps(layer, batch, members, seen);
      if (statistics.residualSum !== undefined) addResidual(statistics, layer, seen, checkpoint, counted);
      const trace = traces[layer];
      const numbers = trace === undefined ? [] : tokenNumbers(batch, firstToken);
      const { topK } = statistics;
      await sessions?.run(layer, seen.tokens, async (first, tokens, outputs) => {
        const rows = <T extends Float32Array | Int32Array>(values: T, width: number): T =>
          values.subarray(first * width, (first + tokens) * width) as T;
        const marked = counted?.subarray(first, first + tokens);
        if (statistics.outputs !== undefined)
          await withPauses(
            accumulateOutputs(statistics, layer, { outputs, experts: rows(seen.experts, topK), counted: marked }),
            () => pause(control.signal),
            products.multiply,
          );
        trace?.add(
          numbers.slice(first, first + tokens),
          countedRows(outputs, hidden, marked),
          countedRows(rows(seen.routed, hidden), hidden, marked),
          rows(seen.logits, statistics.experts),
        );
      });
    };
    await executor.run(trees, [unpruned], { observe, hidden: count }, control);
  } finally {
    await products.dispose();
    await sessions?.dispose();
  }
  for (const [layer, trace] of traces.entries()) await eliminate(statistics, layer, trace, checkpoint, control.signal);
  return { ...statistics, sample: opened.sample };
};

/**
 * Statistics of several draws of items from one pass over the trees. `times`: for each draw, how often each tree
 * counts.
 * The statistics of a draw are those of its trees, each as often as it was drawn, up to the order of sums.
 *
 * @throws Error for extras that are no sums or maxima over items (`drawnExtras`): a defect of the caller.
 */
export const profileDrawsOfLayers = async (
  request: Omit<ProfileRequest, 'streaming'>,
  times: readonly (readonly number[])[],
): Promise<readonly RoutingStatistics[]> => {
  const { checkpoint, executor, trees, unpruned, extras, control } = request;
  if (!extras.every((extra) => drawnExtras.includes(extra))) throw new Error(`no draws of ${extras.join(', ')}`);
  const draws = times.map(() => emptyProfile(checkpoint, extras));
  // A block whose experts are observed takes no prefix, and a token of a prefix may count otherwise in each item.
  const isWeighted = trees.some(({ counted }) => counted !== undefined);
  const { prefix, trees: behind } = extras.length > 0 || isWeighted ? { prefix: [], trees } : sharedPrefix(trees);
  const timesOf = (draw: number, tree: number): number => times[draw]?.[tree] ?? 0;
  for (const [draw, statistics] of draws.entries())
    statistics.tokens = trees.reduce((sum, tree, index) => sum + timesOf(draw, index) * treeLength(tree), 0);
  const once = emptyProfile(checkpoint, extras, 1);
  const add = (
    layer: number,
    seen: RoutingTaps,
    timesIn: (draw: number) => number,
    counted?: ArrayLike<number>,
  ): void => {
    clearSums(once);
    accumulateRouting(once, 0, seen, counted);
    for (const [draw, statistics] of draws.entries()) {
      const drawn = timesIn(draw);
      if (drawn > 0) addSums(statistics, once, drawn, layer);
    }
  };
  const taps: NonNullable<Sink['taps']> = (layer, batch, _members, seen) => {
    if (isPrefixBatch(batch)) {
      add(layer, seen, (draw) =>
        behind.reduce((sum, { start }, tree) => sum + (start === undefined ? 0 : timesOf(draw, tree)), 0),
      );
      return;
    }
    for (const [member, tree] of batch.trees.entries()) {
      const [first, end] = [batch.firstRow[member] ?? 0, batch.firstRow[member + 1] ?? batch.tokens];
      if (end > first)
        add(layer, tapsWithin(seen, first, end, once.topK), (draw) => timesOf(draw, tree), trees[tree]?.counted);
    }
  };
  const sink = { ...(extras.length === 0 ? { taps } : { observe: taps }), hidden: (): void => undefined };
  await executor.run(behind, [unpruned], sink, control, prefix);
  return draws;
};

/** Those of the tokens from `first` to `end`. */
export const tapsWithin = (taps: RoutingTaps, first: number, end: number, topK: number): RoutingTaps => {
  const rows = (taps.logits.length * topK) / taps.experts.length;
  const [from, to] = [first * topK, end * topK];
  return {
    logits: taps.logits.subarray(first * rows, end * rows),
    experts: taps.experts.subarray(from, to),
    weights: taps.weights.subarray(from, to),
    norms: taps.norms.subarray(from, to),
    ...(taps.peaks === undefined ? {} : { peaks: taps.peaks.subarray(from, to) }),
  };
};

/** Refuses extras that the family does not allow. @throws WorkbenchError `method-unsupported`. */
export const requireMeasurable = (checkpoint: Checkpoint, extras: readonly ExtraStatistic[]): void => {
  if (extras.includes('residual')) requireAddedOutputs(checkpoint, 'the statistic of how far layers turn tokens');
  if (extras.includes('elimination')) requireExperts(checkpoint, 'trying subsets of experts');
  if (runsEveryExpert(extras)) requireOutputGates(checkpoint, 'the profile of every expert on every token');
};

/** Statistics of no tokens yet, of all MoE layers by default. */
export const emptyProfile = (
  { descriptor: { moeLayers, hidden } }: Checkpoint,
  extras: readonly ExtraStatistic[],
  layers = moeLayers.length,
): RoutingStatistics => {
  const { experts = 0, topK = 0 } = moeLayers[0]?.moe ?? {};
  return emptyStatistics(layers, experts, topK, hidden, extras);
};

/** The common beginning of most trees without branches, and the trees behind it; the last token of each is its own. */
export const sharedPrefix = (trees: readonly TokenTree[]): ReturnType<typeof splitPrefix> =>
  splitPrefix(
    trees,
    trees.map(({ trunk }) => trunk.length - 1),
  );

/** Adds how far the routed experts turn each token; the shared expert is left out, the multiplier is the block's. */
const addResidual = (
  statistics: RoutingStatistics,
  layer: number,
  seen: Observation,
  { descriptor }: Checkpoint,
  counted: Float64Array | undefined,
): void => {
  const { residualMultiplier, hidden } = descriptor;
  const added = residualMultiplier === 1 ? seen.routed : seen.routed.map((value) => value * residualMultiplier);
  accumulateResidual(statistics, layer, { ...seen, cosines: residualCosines(seen.residual, added, hidden), counted });
};

/** How much each token of a batch counts; undefined: all alike. */
export const countedIn = (batch: Batch, trees: readonly TokenTree[]): Float64Array | undefined => {
  if (batch.trees.every((tree) => trees[tree]?.counted === undefined)) return undefined;
  const counted = new Float64Array(batch.tokens).fill(1);
  batch.trees.forEach((tree, member) => {
    const marked = trees[tree]?.counted;
    if (marked !== undefined) counted.set(marked, batch.firstRow[member] ?? 0);
  });
  return counted;
};

/**
 * Rows [.., n, width] times the root of how much each of the n tokens counts: a sum of squares over them, or of
 * products of two such rows, is then the weighted one.
 */
export const countedRows = (values: Float32Array, width: number, counted: Float64Array | undefined): Float32Array =>
  counted === undefined
    ? values
    : values.map((value, at) => value * Math.sqrt(counted[Math.floor(at / width) % counted.length] ?? 1));

const firstTokens = (trees: readonly TokenTree[]): readonly number[] => {
  const first: number[] = [];
  let token = 0;
  for (const tree of trees) {
    first.push(token);
    token += treeLength(tree);
  }
  return first;
};

/** Index of each packed token of a batch among all tokens, across batches. */
const tokenNumbers = (batch: Batch, firstToken: readonly number[]): readonly number[] => {
  const numbers = new Array<number>(batch.tokens).fill(0);
  batch.trees.forEach((tree, member) => {
    const row = batch.firstRow[member] ?? 0;
    const end = batch.firstRow[member + 1] ?? batch.tokens;
    for (let at = row; at < end; at += 1) numbers[at] = (firstToken[tree] ?? 0) + at - row;
  });
  return numbers;
};

/** For each MoE layer of a profile with this number of tokens: collects the products of every stride-th token. */
export const traceBuilders = (
  { descriptor }: Checkpoint,
  tokens: number,
): { readonly builders: readonly TraceBuilder[]; readonly stride: number } => {
  const perToken = descriptor.moeLayers.reduce((sum, { moe }) => sum + 8 * moe.experts * (moe.experts + 1), 0);
  const stride = Math.max(1, Math.ceil((tokens * perToken) / TRACE_BYTES));
  const builders = descriptor.moeLayers.map(({ moe }) => new TraceBuilder(moe.experts, descriptor.hidden, stride));
  return { builders, stride };
};

/** Fills a layer's elimination: the best experts for every number, from max(1, top-k) up. */
export const eliminate = async (
  statistics: RoutingStatistics,
  layer: number,
  builder: TraceBuilder,
  checkpoint: Checkpoint,
  signal: AbortSignal,
): Promise<void> => {
  const { elimination, experts, topK } = statistics;
  const moe = checkpoint.descriptor.moeLayers[layer]?.moe;
  if (elimination === undefined || moe === undefined) return;
  const { trace, logits } = builder.finish();
  const route = await layerRoute(moe, logits);
  const { bySize, single } = await eliminateExperts(experts, Math.max(1, topK), subsetLoss(trace, route, signal));
  elimination.single.set(single, layer * experts);
  for (const { kept, loss, exhaustive } of bySize) {
    const row = layer * experts + kept.length - 1;
    elimination.loss[row] = loss;
    elimination.exhaustive[row] = exhaustive ? 1 : 0;
    for (const expert of kept) elimination.kept[row * experts + expert] = 1;
  }
};

/** Loss of a layer that keeps only some experts. @throws CancelledError once the signal aborts. */
export const subsetLoss = (trace: LayerTrace, route: RouteToken, signal: AbortSignal): SubsetLoss => {
  let tried = 0;
  return async (kept) => {
    tried += 1;
    if (tried % SUBSETS_AT_ONCE === 0) await pause(signal);
    return layerLoss(trace, route, kept);
  };
};

/** The layer's own routing rule on logits [N, E], for trying sets of allowed experts. */
export const layerRoute = async (
  { routing, experts, topK }: MoeDescriptor,
  logits: Float32Array,
): Promise<RouteToken> => {
  const values = async (view: TensorView | null): Promise<Float32Array | undefined> =>
    view === null ? undefined : readTensor(view);
  const [correction, scale] = [await values(correctionOf(routing)), await values(expertScaleOf(routing))];
  return routeTokens(routing, logits, experts, topK, correction, scale);
};
