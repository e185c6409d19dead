import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { CancelledError } from '../contract/errors.ts';
import { embeddingGraph } from '../graph/outer-graphs.ts';
import { externalDataRoot } from '../graph/stored-tensor.ts';
import { groupTrees, makeBatch, type Batch } from './batch.ts';
import type { BlockPool } from './block-pool.ts';
import { HiddenStore, type StoredHidden } from './hidden-store.ts';
import type { LayerVariant } from './layer-variant.ts';
import type { RunControl } from './model-runner.ts';
import { floatsOf, floatTensor, integersOf, Session } from './session.ts';
import { treeLength, type TokenTree } from './token-tree.ts';
import type { RoutingTaps } from '../profile/routing-statistics.ts';

/** A candidate resolved to what each layer is. */
export interface ResolvedCandidate {
  readonly key: string;
  readonly variants: readonly LayerVariant[];
}

export interface Sink {
  /** Router doings of one MoE layer over one batch, for the candidates that share it; asked for only where wanted. */
  readonly taps?: (layer: number, batch: Batch, candidates: readonly ResolvedCandidate[], taps: RoutingTaps) => void;
  /** The same with everything that a layer can tell; runs sessions of its own. */
  readonly observe?: (layer: number, batch: Batch, candidates: readonly ResolvedCandidate[], seen: Observation) => Promise<void> | void;
  /** Hidden states [T, H] after the last block. */
  readonly hidden: (batch: Batch, candidates: readonly ResolvedCandidate[], hidden: Float32Array) => Promise<void> | void;
}

/** All that one MoE layer tells of N tokens. */
export interface Observation extends RoutingTaps {
  /** [N, K] largest magnitude in each chosen expert's output. */
  readonly peaks: Float32Array;
  /** [N, H] what goes into the router and the experts, and what their branch is added to. */
  readonly tokens: Float32Array;
  readonly residual: Float32Array;
  /** [N, H] weighted sum of the chosen experts, without the shared one. */
  readonly routed: Float32Array;
  /** [N, K, I] what each chosen expert's down projection is applied to. */
  readonly inner: Float32Array;
}

const ROUTER_OUTPUTS = ['logits', 'experts', 'weights', 'norms'] as const;
const OBSERVED_OUTPUTS = ['tokens', 'residual', 'routed', 'peaks', 'inner'] as const;

/** What a block gives back: hidden states [T, H], and what its layer tells where that was wanted. */
export interface BlockResult {
  readonly hidden: Float32Array;
  readonly taps: RoutingTaps | null;
  readonly observation: Observation | null;
}

/** Candidates that have been the same up to here, and their hidden states per batch. */
interface Shared {
  readonly candidates: readonly ResolvedCandidate[];
  readonly hidden: readonly StoredHidden[];
}

/**
 * Runs token trees through the blocks for many candidates at once. Candidates with the same layers so far share the
 * computation, so a candidate costs only from its first changed layer on. Resident models go batch by batch; streamed
 * ones take all batches and all candidates through one block before the next is opened, and what they carry from block
 * to block beyond the memory budget lies on disk meanwhile.
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

  /** `slots`: padded tokens per batch. `spillFolder`: where hidden states of streamed models go that memory cannot hold. */
  static async open(checkpoint: Checkpoint, pool: BlockPool, threads: number, slots: number, spillFolder: string): Promise<Executor> {
    const embedding = await Session.open(`embedding of ${checkpoint.name}`, embeddingGraph(checkpoint.descriptor), {
      threads,
      externalRoot: externalDataRoot(checkpoint.folder),
      weights: 'mapped',
    });
    return new Executor(checkpoint, pool, embedding, slots, spillFolder);
  }

  async run(trees: readonly TokenTree[], candidates: readonly ResolvedCandidate[], sink: Sink, control: RunControl): Promise<void> {
    const groups = groupTrees(trees, this.#slots);
    const batchesAtOnce = this.#pool.streaming ? groups.length : 1;
    const total = trees.reduce((sum, tree) => sum + treeLength(tree), 0) * candidates.length * this.#checkpoint.descriptor.blocks.length;
    let done = 0;
    const advance = (work: number): void => {
      done += work;
      control.onProgress?.(done, total);
    };
    const store = new HiddenStore(this.#spillFolder, this.#pool.streaming ? this.#pool.spareBytes : Infinity);
    try {
      for (let first = 0; first < groups.length; first += batchesAtOnce) {
        const batches = groups.slice(first, first + batchesAtOnce).map((group) => makeBatch(this.#checkpoint.descriptor, trees, group));
        await this.#runBatches(batches, candidates, sink, { store, signal: control.signal, advance });
      }
    } finally {
      await store.dispose();
    }
  }

  async dispose(): Promise<void> {
    await this.#embedding.dispose();
  }

  /** Takes batches through all blocks together, candidates side by side where they differ. */
  async #runBatches(batches: readonly Batch[], candidates: readonly ResolvedCandidate[], sink: Sink, run: Run): Promise<void> {
    const { store, signal, advance } = run;
    let states: readonly Shared[] = [{ candidates, hidden: await this.#embed(batches, store) }];
    for (let layer = 0; layer < this.#checkpoint.descriptor.blocks.length; layer += 1) {
      const next: Shared[] = [];
      for (const state of states) {
        for (const members of sameLayer(state.candidates, layer)) {
          const hidden: StoredHidden[] = [];
          for (const [index, batch] of batches.entries()) {
            await pause(signal);
            hidden.push(await store.put(await this.#block(layer, batch, members, await readState(store, state, index), sink)));
            advance(batch.tokens * members.length);
          }
          next.push({ candidates: members, hidden });
        }
        for (const stored of state.hidden) await store.release(stored);
      }
      states = next;
    }
    for (const state of states) {
      for (const [index, batch] of batches.entries()) {
        await pause(signal);
        await sink.hidden(batch, state.candidates, await readState(store, state, index));
      }
      for (const stored of state.hidden) await store.release(stored);
    }
  }

  async #embed(batches: readonly Batch[], store: HiddenStore): Promise<readonly StoredHidden[]> {
    const hidden: StoredHidden[] = [];
    for (const batch of batches) hidden.push(await store.put(await this.#embedded(batch)));
    return hidden;
  }

  async #embedded(batch: Batch): Promise<Float32Array> {
    const { hiddenOut } = await this.#embedding.run({ tokens: batch.tokenIds }, ['hiddenOut']);
    if (hiddenOut === undefined) throw new Error('embedding without output');
    return floatsOf(hiddenOut);
  }

  async #block(layer: number, batch: Batch, members: readonly ResolvedCandidate[], hidden: Float32Array, sink: Sink): Promise<Float32Array> {
    const variant = members[0]?.variants[layer];
    if (variant === undefined) throw new Error(`no variant for layer ${String(layer)}`);
    const want = sink.observe !== undefined ? 'observation' : sink.taps !== undefined ? 'taps' : 'hidden';
    const result = await this.runBlock(layer, variant, batch, hidden, want);
    if (result.taps !== null) sink.taps?.(this.moeLayerOf(layer), batch, members, result.taps);
    if (result.observation !== null) await sink.observe?.(this.moeLayerOf(layer), batch, members, result.observation);
    return result.hidden;
  }

  /** One block on one batch. `want`: what its router does comes back too, or all that its layer tells (if it has experts). */
  async runBlock(block: number, variant: LayerVariant, batch: Batch, hidden: Float32Array, want: 'hidden' | 'taps' | 'observation'): Promise<BlockResult> {
    const { descriptor } = this.#checkpoint;
    const isTapped = want !== 'hidden' && variant.layer !== null;
    const isObserved = want === 'observation' && variant.layer !== null;
    const session = await this.#pool.acquire(block, variant, isObserved);
    const bias = batch.biases.get(descriptor.blocks[block]?.window ?? null);
    if (bias === undefined) throw new Error(`no attention bias for block ${String(block)}`);
    const feeds = {
      ...batch.feeds,
      bias,
      hidden: floatTensor(hidden, [batch.tokens, descriptor.hidden]),
      ...(variant.layer === null ? {} : { mask: floatTensor(variant.mask, [variant.mask.length]) }),
    };
    const wanted = ['hiddenOut', ...(isTapped ? ROUTER_OUTPUTS : []), ...(isObserved ? OBSERVED_OUTPUTS : [])];
    const results = await session.run(feeds, wanted);
    const floats = (name: string): Float32Array => {
      const tensor = results[name];
      if (tensor === undefined) throw new Error(`block ${String(block)} without ${name}`);
      return floatsOf(tensor);
    };
    const { experts } = results;
    const taps = isTapped && experts !== undefined ? { logits: floats('logits'), experts: integersOf(experts), weights: floats('weights'), norms: floats('norms') } : null;
    const observation =
      isObserved && taps !== null
        ? { ...taps, tokens: floats('tokens'), residual: floats('residual'), routed: floats('routed'), peaks: floats('peaks'), inner: floats('inner') }
        : null;
    return { hidden: floats('hiddenOut'), taps, observation };
  }

  /** Batches of trees, and their hidden states [T, H] before the first block: for work that goes block by block itself. */
  async start(trees: readonly TokenTree[]): Promise<readonly { readonly batch: Batch; readonly hidden: Float32Array }[]> {
    const started: { batch: Batch; hidden: Float32Array }[] = [];
    for (const group of groupTrees(trees, this.#slots)) {
      const batch = makeBatch(this.#checkpoint.descriptor, trees, group);
      started.push({ batch, hidden: await this.#embedded(batch) });
    }
    return started;
  }

  /** Position among the MoE layers of a block that has experts. */
  moeLayerOf(block: number): number {
    return this.#checkpoint.descriptor.moeLayers.findIndex((layer) => layer.block === block);
  }
}

/** What the batches of one run have in common. */
interface Run {
  readonly store: HiddenStore;
  readonly signal: AbortSignal;
  readonly advance: (work: number) => void;
}

const readState = (store: HiddenStore, { hidden }: Shared, index: number): Promise<Float32Array> => {
  const stored = hidden[index];
  if (stored === undefined) throw new Error(`no hidden states of batch ${String(index)}`);
  return store.read(stored);
};

/** Candidates grouped by what `layer` is for them, in order of first appearance. */
const sameLayer = (candidates: readonly ResolvedCandidate[], layer: number): readonly (readonly ResolvedCandidate[])[] => {
  const groups = new Map<string, ResolvedCandidate[]>();
  for (const candidate of candidates) {
    const key = candidate.variants[layer]?.key ?? '';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [candidate]);
    else group.push(candidate);
  }
  return [...groups.values()];
};

/** Lets messages in (a run blocks the event loop) and stops here when the job was cancelled. */
export const pause = async (signal: AbortSignal): Promise<void> => {
  await new Promise<void>((resolve) => { setImmediate(resolve); });
  if (signal.aborted) throw new CancelledError('The computation');
};
