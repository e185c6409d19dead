import { present } from '../contract/errors.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { type Experts, expertsGraph } from '../graph/moe.ts';
import { externalDataRoot } from '../graph/weights.ts';
import { ownLayer } from './layer-variant.ts';
import { floatsOf, floatTensor, Session } from './session.ts';

/** Most outputs of one run, as numbers: 64 MB. */
const MOST_OUTPUTS = 2 ** 24;

const ownExperts =
  ({ descriptor }: Checkpoint) =>
  (layer: number): Experts | undefined => {
    const moe = descriptor.moeLayers[layer]?.moe;
    return moe === undefined ? undefined : ownLayer(moe);
  };

/**
 * Sessions that run every expert of a layer on every token, regardless of the router. Always on the processor.
 * `keepOpen`: for repeated visits to the layers; otherwise one session is open at a time. Dispose it.
 */
export class ExpertSessions {
  readonly #checkpoint: Checkpoint;
  readonly #threads: number;
  readonly #keepOpen: boolean;
  readonly #layerOf: (layer: number) => Experts | undefined;
  readonly #part: 'output' | 'inner';
  readonly #open = new Map<number, Session>();

  /**
   * `layerOf`: experts of a layer (counted among MoE layers), by default those of the checkpoint. `part`: their
   * outputs, or the inputs of their down projections.
   */
  constructor(
    checkpoint: Checkpoint,
    threads: number,
    keepOpen: boolean,
    layerOf: (layer: number) => Experts | undefined = ownExperts(checkpoint),
    part: 'output' | 'inner' = 'output',
  ) {
    this.#part = part;
    this.#checkpoint = checkpoint;
    this.#layerOf = layerOf;
    this.#threads = threads;
    this.#keepOpen = keepOpen;
  }

  /**
   * Ungated outputs on tokens [N, H] that enter a layer (counted among MoE layers), in parts: `take` gets the index of
   * the first token of a part, their number n, and the outputs [experts, n, H], or the inner activations [experts, n,
   * I].
   */
  async run(
    layer: number,
    tokens: Float32Array,
    take: (first: number, count: number, outputs: Float32Array) => Promise<void> | void,
  ): Promise<void> {
    const { hidden } = this.#checkpoint.descriptor;
    const session = await this.#session(layer);
    const total = tokens.length / hidden;
    const experts = this.#layerOf(layer)?.experts ?? [];
    const width = this.#part === 'output' ? hidden : (experts[0]?.down.shape[1] ?? 1);
    const part = Math.max(1, Math.floor(MOST_OUTPUTS / (Math.max(1, experts.length) * width)));
    for (let first = 0; first < total; first += part) {
      const count = Math.min(part, total - first);
      const input = floatTensor(tokens.slice(first * hidden, (first + count) * hidden), [count, hidden]);
      const { outputs } = await session.run({ tokens: input }, ['outputs']);
      if (outputs === undefined) throw new Error('experts without outputs');
      await take(first, count, floatsOf(outputs));
    }
  }

  async dispose(): Promise<void> {
    for (const [layer, session] of this.#open) {
      this.#open.delete(layer);
      await session.dispose();
    }
  }

  async #session(layer: number): Promise<Session> {
    const known = this.#open.get(layer);
    if (known !== undefined) return known;
    if (!this.#keepOpen) await this.dispose();
    const { descriptor, folder, name } = this.#checkpoint;
    const moeLayer = present(this.#layerOf(layer), `no MoE layer ${layer}`);
    const graph = expertsGraph(descriptor.hidden, moeLayer, this.#part);
    const session = await Session.open(`experts of MoE layer ${layer} of ${name}`, graph, {
      threads: this.#threads,
      externalRoot: externalDataRoot(folder),
      weights: 'resident',
    });
    this.#open.set(layer, session);
    return session;
  }
}
