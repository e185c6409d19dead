import { present, refuse } from '../contract/errors.ts';
import { memoryVerdict } from '../contract/model.ts';
import { type BlockForm, blockGraph } from '../graph/block-graph.ts';
import { MANY_EXPERTS } from '../graph/moe.ts';
import type { LayerVariant } from './layer-variant.ts';
import type { ModelSessions } from './model-sessions.ts';
import type { Session } from './session.ts';

/** Most arrays that wait for their next use: inputs of one block. */
const MOST_WAITING = 2;

/**
 * Arrays that are filled anew for each run and used again: memory that is given back and taken for each run costs the
 * garbage collector more than small blocks cost to compute.
 */
export class SpareArrays {
  readonly #waiting: Float32Array[] = [];

  /** An array of `length` numbers whose values are left over from its last use. */
  take(length: number): Float32Array {
    const index = this.#waiting.findIndex(
      (array) => array.buffer.byteLength >= length * Float32Array.BYTES_PER_ELEMENT,
    );
    const [found] = index < 0 ? [] : this.#waiting.splice(index, 1);
    return found === undefined ? new Float32Array(length) : new Float32Array(found.buffer, 0, length);
  }

  /** Gives an array back that `take` returned; nothing may read it any more. The largest are kept. */
  give(array: Float32Array): void {
    this.#waiting.push(array);
    if (this.#waiting.length <= MOST_WAITING) return;
    this.#waiting.sort((a, b) => b.buffer.byteLength - a.buffer.byteLength);
    this.#waiting.length = MOST_WAITING;
  }
}

/**
 * Sessions of transformer blocks. Resident: every block stays open. Streaming (the model does not fit the budget): one
 * block is open at a time. Both repack weights, since products over packed and unpacked weights round differently: so
 * streamed and resident numbers are bitwise equal, and a router gives a row the same logit whatever the other rows.
 */
export class BlockPool {
  readonly #sessions: ModelSessions;
  readonly #open = new Map<string, Session>();
  /** For inputs of blocks, which are read while a block runs and not afterwards. */
  readonly spare = new SpareArrays();
  readonly streaming: boolean;
  /** Bytes of the budget left by the model, for hidden states and caches. */
  readonly spareBytes: number;

  /** `forceStreaming`: one block at a time even where all would fit. */
  constructor(sessions: ModelSessions, memoryBudgetBytes: number, forceStreaming: boolean) {
    this.#sessions = sessions;
    const { checkpoint, target } = sessions;
    const { kind, needBytes } = memoryVerdict(checkpoint.info, memoryBudgetBytes, target.precision);
    if (kind === 'too-large') {
      throw refuse(
        'too-large',
        `${checkpoint.name} needs ${megabytes(needBytes)} with one block at a time; the memory budget is ` +
          `${megabytes(memoryBudgetBytes)}.`,
        'Raise the memory budget, or use a machine with more memory.',
      );
    }
    this.streaming = forceStreaming || kind === 'streamed';
    this.spareBytes = memoryBudgetBytes - needBytes;
  }

  /** Opens a block's session. Only one of its plain, prefixed and cached forms is open: each contains all weights. */
  async acquire(layer: number, variant: LayerVariant, form: BlockForm = 'plain'): Promise<Session> {
    const blockKey = `${layer}/${variant.sessionKey}`;
    const key = blockKey + formSuffix[form];
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const { descriptor } = this.#sessions.checkpoint;
    const block = present(descriptor.blocks[layer], `no block ${layer}`);
    if (this.streaming) await this.#close([...this.#open.keys()]);
    if (form !== 'observed')
      await this.#close(wholeForms.filter((other) => other !== form).map((other) => blockKey + formSuffix[other]));
    const part = `block ${layer}`;
    const graph = blockGraph(descriptor, block, variant.layer, this.#sessions.target, form);
    const isLong = (variant.layer?.experts.length ?? 0) > MANY_EXPERTS;
    const session = await this.#sessions.open(part, { part, reads: block }, graph, { isLong });
    this.#open.set(key, session);
    return session;
  }

  /**
   * Closes the sessions of merged layers, which belong to one candidate, and observed ones; the layers' own serve all.
   * `sessionKeys`: plain blocks to keep open too.
   */
  async closeMerged(sessionKeys: readonly string[] = []): Promise<void> {
    const kept = [
      ...wholeForms.map((form) => `/own${formSuffix[form]}`),
      ...[...new Set(sessionKeys)].map((key) => `/${key}`),
    ];
    await this.#close([...this.#open.keys()].filter((key) => !kept.some((ending) => key.endsWith(ending))));
  }

  async dispose(): Promise<void> {
    await this.#close([...this.#open.keys()]);
  }

  async #close(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const session = this.#open.get(key);
      this.#open.delete(key);
      await session?.dispose();
    }
  }
}

const formSuffix: Readonly<Record<BlockForm, string>> = {
  plain: '',
  observed: '/observed',
  prefixed: '/prefixed',
  cached: '/cached',
};

/** Forms shared by all candidates that drop experts. */
const wholeForms: readonly BlockForm[] = ['plain', 'prefixed', 'cached'];

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
