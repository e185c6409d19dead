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
  /** Hidden states [T, H] after the last block. */
  readonly hidden: (batch: Batch, candidates: readonly ResolvedCandidate[], hidden: Float32Array) => Promise<void> | void;
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
    for (const batch of batches) {
      const { hiddenOut } = await this.#embedding.run({ tokens: batch.tokenIds }, ['hiddenOut']);
      if (hiddenOut === undefined) throw new Error('embedding without output');
      hidden.push(await store.put(floatsOf(hiddenOut)));
    }
    return hidden;
  }

  async #block(layer: number, batch: Batch, members: readonly ResolvedCandidate[], hidden: Float32Array, sink: Sink): Promise<Float32Array> {
    const variant = members[0]?.variants[layer];
    if (variant === undefined) throw new Error(`no variant for layer ${String(layer)}`);
    const session = await this.#pool.acquire(layer, variant);
    const { descriptor } = this.#checkpoint;
    const bias = batch.biases.get(descriptor.blocks[layer]?.window ?? null);
    if (bias === undefined) throw new Error(`no attention bias for block ${String(layer)}`);
    const feeds = {
      ...batch.feeds,
      bias,
      hidden: floatTensor(hidden, [batch.tokens, descriptor.hidden]),
      ...(variant.layer === null ? {} : { mask: floatTensor(variant.mask, [variant.mask.length]) }),
    };
    const isTapped = sink.taps !== undefined && variant.layer !== null;
    const wanted = isTapped ? ['hiddenOut', 'logits', 'experts', 'weights', 'norms'] : ['hiddenOut'];
    const { hiddenOut, logits, experts, weights, norms } = await session.run(feeds, wanted);
    if (hiddenOut === undefined) throw new Error('block without hidden states');
    if (sink.taps !== undefined && logits !== undefined && experts !== undefined && weights !== undefined && norms !== undefined) {
      sink.taps(this.#moeLayer(layer), batch, members, { logits: floatsOf(logits), experts: integersOf(experts), weights: floatsOf(weights), norms: floatsOf(norms) });
    }
    return floatsOf(hiddenOut);
  }

  /** Position among the MoE layers of a block that has experts. */
  #moeLayer(block: number): number {
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
const pause = async (signal: AbortSignal): Promise<void> => {
  await new Promise<void>((resolve) => { setImmediate(resolve); });
  if (signal.aborted) throw new CancelledError('The computation');
};
