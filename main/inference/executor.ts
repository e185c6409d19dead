import type { Tensor } from 'onnxruntime-node';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError, present } from '../contract/errors.ts';
import { embeddingGraph } from '../graph/block-graph.ts';
import type { RoutingTaps } from '../profile/routing-statistics.ts';
import {
  type Batch,
  groupTrees,
  isPrefixBatch,
  makeBatch,
  makePrefixBatch,
  paddedSlots,
  repeatedBatch,
} from './batch.ts';
import type { BlockPool } from './block-pool.ts';
import { HiddenStore, KEPT_SHARE, type StoredHidden } from './hidden-store.ts';
import type { LayerVariant } from './layer-variant.ts';
import type { RunControl } from './model-runner.ts';
import type { ModelSessions } from './model-sessions.ts';
import {
  beforePrefix,
  type BlockResult,
  type Observation,
  runBlock,
  runBlockTogether,
  type WantedOfBlock,
} from './run-block.ts';
import { type Feeds, floatsOf, type Session } from './session.ts';
import { type TokenTree, treeLength } from './token-tree.ts';

/** A candidate resolved to its variant of each layer. */
export interface ResolvedCandidate {
  readonly key: string;
  readonly variants: readonly LayerVariant[];
}

export interface Sink {
  /** Receives the routing of one MoE layer over one batch (or the prefix), for the candidates that share it. */
  readonly taps?: (layer: number, batch: Batch, candidates: readonly ResolvedCandidate[], taps: RoutingTaps) => void;
  /** The same with all observations of a layer; runs sessions of its own. */
  readonly observe?: (
    layer: number,
    batch: Batch,
    candidates: readonly ResolvedCandidate[],
    seen: Observation,
  ) => Promise<void> | void;
  /** Hidden states [T, H] of a batch of trees after the last block. */
  readonly hidden: (
    batch: Batch,
    candidates: readonly ResolvedCandidate[],
    hidden: Float32Array,
  ) => Promise<void> | void;
}

/** Candidates that are identical so far, and their hidden states per batch; the shared prefix is the first. */
interface Shared {
  readonly candidates: readonly ResolvedCandidate[];
  /** Emptied when released: the branches of later layers lead back here, and would hold the states of all layers. */
  readonly hidden: StoredHidden[];
}

/**
 * Runs token trees through the blocks for many candidates at once. Candidates with the same layers so far share the
 * computation, so a candidate costs only from its first changed layer on. Resident models go batch by batch; streamed
 * ones take all batches and all candidates through one block before the next is opened, and spill hidden states beyond
 * the memory budget to disk between blocks.
 *
 * A prefix that trees share runs before them, once per block and candidate; they use its keys, values and states. Then
 * all batches go block by block in resident models too, so that only one block's are kept at a time.
 */
export class Executor {
  readonly #checkpoint: Checkpoint;
  readonly #pool: BlockPool;
  readonly #embedding: Session;
  readonly #slots: number;
  readonly #spillFolder: string;

  private constructor(checkpoint: Checkpoint, pool: BlockPool, embedding: Session, slots: number, spillFolder: string) {
    this.#checkpoint = checkpoint;
    this.#pool = pool;
    this.#embedding = embedding;
    this.#slots = slots;
    this.#spillFolder = spillFolder;
  }

  /** `slots`: padded tokens per batch. `spillFolder`: for hidden states of streamed models that exceed memory. */
  static async open(sessions: ModelSessions, pool: BlockPool, slots: number, spillFolder: string): Promise<Executor> {
    const { checkpoint } = sessions;
    const { embedding: table, tokenInputs } = checkpoint.descriptor;
    const weights = { part: 'the embedding', reads: { table, tokenInputs } };
    const graph = embeddingGraph(checkpoint.descriptor);
    const embedding = await sessions.open('embedding', weights, graph, { weights: 'mapped', provider: 'cpu' });
    return new Executor(checkpoint, pool, embedding, slots, spillFolder);
  }

  /** `prefix`: tokens before the trees with a `start`; not allowed with an observing sink. */
  async run(
    trees: readonly TokenTree[],
    candidates: readonly ResolvedCandidate[],
    sink: Sink,
    control: RunControl,
    prefix: readonly number[] = [],
  ): Promise<void> {
    const { descriptor } = this.#checkpoint;
    const groups = groupTrees(trees, this.#slots);
    const goesByBlock = this.#pool.streaming || prefix.length > 0;
    const batchesAtOnce = goesByBlock ? groups.length : 1;
    const total =
      trees.reduce((sum, tree) => sum + treeLength(tree), prefix.length) * candidates.length * descriptor.blocks.length;
    let done = 0;
    const advance = (work: number): void => {
      done += work;
      control.onProgress?.(done, total);
    };
    const spare = this.#pool.spareBytes * (control.fidelity === undefined ? 1 : 1 - KEPT_SHARE);
    const store = new HiddenStore(this.#spillFolder, goesByBlock ? spare : Infinity);
    const lead = prefix.length === 0 ? [] : [makePrefixBatch(descriptor, prefix)];
    try {
      for (let first = 0; first < groups.length; first += batchesAtOnce) {
        const batches = groups
          .slice(first, first + batchesAtOnce)
          .map((group) => makeBatch(descriptor, trees, group, prefix.length));
        await this.#runBatches([...lead, ...batches], candidates, sink, { store, signal: control.signal, advance });
      }
    } finally {
      await store.dispose();
    }
  }

  async dispose(): Promise<void> {
    await this.#embedding.dispose();
  }

  /** Takes batches through all blocks together, the prefix before its trees, with one branch per distinct candidate. */
  async #runBatches(
    batches: readonly Batch[],
    candidates: readonly ResolvedCandidate[],
    sink: Sink,
    run: Run,
  ): Promise<void> {
    const { store, signal } = run;
    const hasPrefix = batches.some(isPrefixBatch);
    let states: readonly Shared[] = [{ candidates, hidden: await this.#embed(batches, store) }];
    for (let layer = 0; layer < this.#checkpoint.descriptor.blocks.length; layer += 1) {
      const branches = states.flatMap((from) =>
        sameLayer(from.candidates, layer).map((members): Branch => {
          const variant = present(members[0]?.variants[layer], `no variant for layer ${layer}`);
          return { from, candidates: members, variant, hidden: [] };
        }),
      );
      const left = new Map(states.map((state) => [state, branches.filter(({ from }) => from === state).length]));
      const isAlone = hasPrefix || sink.taps !== undefined || sink.observe !== undefined;
      for (const together of isAlone ? branches.map((branch) => [branch]) : bySession(branches)) {
        if (together.length > 1) await this.#runTogether(layer, batches, together, run);
        else for (const branch of together) await this.#runAlone(layer, batches, branch, sink, run, hasPrefix);
        for (const { from } of together) {
          left.set(from, (left.get(from) ?? 0) - 1);
          if (left.get(from) === 0) for (const stored of from.hidden.splice(0)) await store.release(stored);
        }
      }
      states = branches;
    }
    // Batch by batch: what the sink computes of a batch for one candidate serves the next.
    for (const [index, batch] of batches.entries()) {
      if (isPrefixBatch(batch)) continue;
      for (const state of states) {
        await pause(signal);
        await sink.hidden(batch, state.candidates, await readState(store, state, index));
      }
    }
    for (const state of states) for (const stored of state.hidden) await store.release(stored);
  }

  /** One branch through one block, all its batches; the prefix before the trees that continue it. */
  async #runAlone(
    layer: number,
    batches: readonly Batch[],
    { from, candidates, variant, hidden }: Branch,
    sink: Sink,
    { store, signal, advance }: Run,
    hasPrefix: boolean,
  ): Promise<void> {
    let prefix = hasPrefix ? beforePrefix(this.#checkpoint.descriptor, layer) : null;
    for (const [index, batch] of batches.entries()) {
      await pause(signal);
      const before = await readState(store, from, index);
      const want = sink.observe !== undefined ? 'observation' : sink.taps !== undefined ? 'taps' : 'hidden';
      const result = await this.runBlock(layer, variant, batch, before, want, prefix);
      const moeLayer = this.moeLayerOf(layer);
      if (result.taps !== null) sink.taps?.(moeLayer, batch, candidates, result.taps);
      if (result.observation !== null) await sink.observe?.(moeLayer, batch, candidates, result.observation);
      prefix = result.carried ?? prefix;
      hidden.push(await store.put(result.hidden));
      advance(batch.tokens * candidates.length);
    }
  }

  /** Branches that share one session of a block: as many at once per batch as fit into its slots. */
  async #runTogether(
    layer: number,
    batches: readonly Batch[],
    branches: readonly Branch[],
    { store, signal, advance }: Run,
  ): Promise<void> {
    const { descriptor } = this.#checkpoint;
    for (const [index, batch] of batches.entries()) {
      const atOnce = Math.max(1, Math.floor(this.#slots / paddedSlots(batch)));
      for (let first = 0; first < branches.length; first += atOnce) {
        await pause(signal);
        const some = branches.slice(first, first + atOnce);
        const inputs: { variant: LayerVariant; hidden: Float32Array }[] = [];
        for (const { from, variant } of some) inputs.push({ variant, hidden: await readState(store, from, index) });
        const repeated = repeatedBatch(descriptor, batch, some.length);
        const results = await runBlockTogether(this.#pool, descriptor, layer, repeated, inputs);
        for (const [branch, { hidden, candidates }] of some.entries()) {
          hidden.push(await store.put(results[branch] ?? new Float32Array()));
          advance(batch.tokens * candidates.length);
        }
      }
    }
  }

  async #embed(batches: readonly Batch[], store: HiddenStore): Promise<StoredHidden[]> {
    const hidden: StoredHidden[] = [];
    for (const batch of batches) hidden.push(await store.put(await this.embed(batch.tokenIds)));
    return hidden;
  }

  /** The stream [T, W] before the first block of token ids [T] int64. */
  async embed(tokens: Tensor): Promise<Float32Array> {
    const { hiddenOut } = await this.#embedding.run({ tokens }, ['hiddenOut']);
    if (hiddenOut === undefined) throw new Error('embedding without output');
    return floatsOf(hiddenOut);
  }

  /**
   * One block on one batch. `want`: also return the routing, or all observations of the layer (if it has experts).
   * `prefix`: carried by the tokens before the batch's trees; not allowed for an observed block.
   */
  runBlock(
    block: number,
    variant: LayerVariant,
    batch: Batch,
    hidden: Float32Array,
    want: WantedOfBlock,
    prefix: Feeds | null = null,
  ): Promise<BlockResult> {
    return runBlock(this.#pool, this.#checkpoint.descriptor, { block, variant, batch, hidden, want, prefix });
  }

  /**
   * Batches of trees, and their hidden states [T, H] before the first block, for callers that run blocks themselves.
   */
  async start(
    trees: readonly TokenTree[],
  ): Promise<readonly { readonly batch: Batch; readonly hidden: Float32Array }[]> {
    const started: { batch: Batch; hidden: Float32Array }[] = [];
    for (const group of groupTrees(trees, this.#slots)) {
      const batch = makeBatch(this.#checkpoint.descriptor, trees, group);
      started.push({ batch, hidden: await this.embed(batch.tokenIds) });
    }
    return started;
  }

  /** Index among the MoE layers of a block with experts. */
  moeLayerOf(block: number): number {
    return this.#checkpoint.descriptor.moeLayers.findIndex((layer) => layer.block === block);
  }
}

/** Candidates with the same variant of a layer, on their way through it. */
interface Branch {
  readonly from: Shared;
  readonly candidates: readonly ResolvedCandidate[];
  readonly variant: LayerVariant;
  /** After the layer, per batch. */
  readonly hidden: StoredHidden[];
}

/** Groups branches whose layer differs only by its mask, or is dense. */
const bySession = (branches: readonly Branch[]): readonly (readonly Branch[])[] => [
  ...Map.groupBy(branches, ({ variant }) => variant.sessionKey).values(),
];

/** Common to the batches of one run. */
interface Run {
  readonly store: HiddenStore;
  readonly signal: AbortSignal;
  readonly advance: (work: number) => void;
}

const readState = (store: HiddenStore, { hidden }: Shared, index: number): Promise<Float32Array> => {
  const stored = present(hidden[index], `no hidden states of batch ${index}`);
  return store.read(stored);
};

/** Candidates grouped by their variant of `layer`, in order of first appearance. */
const sameLayer = (
  candidates: readonly ResolvedCandidate[],
  layer: number,
): readonly (readonly ResolvedCandidate[])[] => [
  ...Map.groupBy(candidates, ({ variants }) => variants[layer]?.key ?? '').values(),
];

/** Yields to the event loop (which a run blocks), and throws here if the job was cancelled. */
export const pause = async (signal: AbortSignal): Promise<void> => {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
  if (signal.aborted) throw new CancelledError('The computation');
};
