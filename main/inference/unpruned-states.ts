import { createHash } from 'node:crypto';
import { present } from '../contract/errors.ts';
import type { ItemFidelity } from '../contract/outcome.ts';
import { type Distributions, distributionsOf, joinPositions, positionFidelity } from './fidelity.ts';
import type { HiddenStore, StoredHidden } from './hidden-store.ts';
import type { ScoredGroup, Scorer } from './scorer.ts';

/** Logits computed at once: rows x vocabulary (their distributions take 16 times as many bytes). */
const MOST_LOGITS = 2 ** 20;
/** Distributions of the unpruned model that are kept for the next candidate: rows x vocabulary of a batch. */
const MOST_KEPT = 2 ** 22;

/** The sequences of a group and of nothing else. */
export const groupKey = ({ sequences }: Pick<ScoredGroup, 'sequences'>): string =>
  createHash('sha256')
    .update(JSON.stringify(sequences.map(({ input, targets }) => [input, targets])))
    .digest('hex');

/**
 * Last hidden states of the unpruned model at the scored positions of items, of one subject (the items of a task) at a
 * time, and the fidelity of candidates to the distributions that the head makes of them again.
 */
export class UnprunedStates {
  readonly #scorer: Scorer;
  readonly #vocabulary: number;
  readonly #width: number;
  readonly #store: HiddenStore;
  readonly #byGroup = new Map<string, { readonly states: StoredHidden; readonly classes: Uint8Array | null }>();
  #subject: string | null = null;
  #last: { readonly keys: string; readonly parts: Map<number, Distributions> } = { keys: '', parts: new Map() };

  constructor(scorer: Scorer, { vocabulary, width }: { vocabulary: number; width: number }, store: HiddenStore) {
    this.#scorer = scorer;
    this.#vocabulary = vocabulary;
    this.#width = width;
    this.#store = store;
  }

  /** Turns to the items of a subject; forgets the states of another one. */
  async turnTo(subject: string): Promise<void> {
    if (this.#subject === subject) return;
    await this.dispose();
    this.#subject = subject;
  }

  has(key: string): boolean {
    return this.#byGroup.has(key);
  }

  /** Keeps the states [rows, W] of a group; `classes`: of the token at each row (`joinPositions`). */
  async keep(key: string, states: Float32Array, classes: () => Uint8Array | null): Promise<void> {
    if (!this.#byGroup.has(key)) this.#byGroup.set(key, { states: await this.#store.put(states), classes: classes() });
  }

  /**
   * Fidelity of a candidate per group: `states` are its own at the same positions [rows, W], group after group. The
   * same function makes the logits of both sides from the same number of rows, so that equal states give equal logits.
   */
  async compare(keys: readonly string[], states: Float32Array): Promise<readonly ItemFidelity[]> {
    const rows = states.length / this.#width;
    const name = keys.join(' ');
    if (this.#last.keys !== name) this.#last = { keys: name, parts: new Map() };
    const { parts } = this.#last;
    const rowsAtOnce = Math.max(1, Math.floor(MOST_LOGITS / this.#vocabulary));
    const isKept = rows * this.#vocabulary <= MOST_KEPT;
    const counts: number[] = [];
    const unpruned = new Float32Array(states.length);
    let filled = 0;
    for (const key of keys) {
      const read = await this.#read(key);
      unpruned.set(read, filled);
      filled += read.length;
      counts.push(read.length / this.#width);
    }
    const positions: ItemFidelity[] = [];
    for (let first = 0; first < rows; first += rowsAtOnce) {
      const [from, to] = [first * this.#width, Math.min(rows, first + rowsAtOnce) * this.#width];
      const before = parts.get(first) ?? (await this.#distributions(unpruned.subarray(from, to)));
      if (isKept) parts.set(first, before);
      const after = await this.#distributions(states.subarray(from, to));
      for (let row = 0; row < after.likeliest.length; row += 1)
        positions.push(positionFidelity([before, row], [after, row]));
    }
    let next = 0;
    return counts.map((count, index) =>
      joinPositions(positions, this.#byGroup.get(keys[index] ?? '')?.classes ?? null, next, (next += count)),
    );
  }

  /** Forgets everything that is kept. */
  async dispose(): Promise<void> {
    this.#byGroup.clear();
    this.#last = { keys: '', parts: new Map() };
    this.#subject = null;
    await this.#store.dispose();
  }

  async #read(key: string): Promise<Float32Array> {
    const stored = present(this.#byGroup.get(key), 'an item without states of the unpruned model');
    return this.#store.read(stored.states);
  }

  async #distributions(states: Float32Array): Promise<Distributions> {
    return distributionsOf(await this.#scorer.logits(states), this.#vocabulary);
  }
}
