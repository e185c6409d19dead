import { createHash } from 'node:crypto';
import { present } from '../contract/errors.ts';
import { type ClassFidelity, type ItemFidelity, type TokenClass, tokenClasses } from '../contract/outcome.ts';
import type { HiddenStore, StoredHidden } from './hidden-store.ts';
import type { ScoredGroup, Scorer } from './scorer.ts';

/** Next-token distributions [rows, V] in float64. */
export interface Distributions {
  readonly logprobs: Float64Array;
  readonly probabilities: Float64Array;
  /** Token with the largest logit of each row (ties: the lowest). */
  readonly likeliest: Int32Array;
}

/** Log-softmax of logits [rows, V] float32, computed in float64. */
export const distributionsOf = (logits: Float32Array, vocabulary: number): Distributions => {
  const rows = logits.length / vocabulary;
  const logprobs = new Float64Array(logits.length);
  const probabilities = new Float64Array(logits.length);
  const likeliest = new Int32Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const [start, end] = [row * vocabulary, (row + 1) * vocabulary];
    let best = start;
    for (let at = start; at < end; at += 1) if ((logits[at] ?? NaN) > (logits[best] ?? NaN)) best = at;
    const most = logits[best] ?? NaN;
    let sum = 0;
    for (let at = start; at < end; at += 1) {
      const power = Math.exp((logits[at] ?? NaN) - most);
      probabilities[at] = power;
      sum += power;
    }
    const logSum = most + Math.log(sum);
    for (let at = start; at < end; at += 1) {
      logprobs[at] = (logits[at] ?? NaN) - logSum;
      probabilities[at] = (probabilities[at] ?? NaN) / sum;
    }
    likeliest[row] = best - start;
  }
  return { logprobs, probabilities, likeliest };
};

/** Nothing measured yet. */
export const NO_POSITIONS: ItemFidelity = { positions: 0, kl: 0, reverseKl: 0, changed: 0, acceptance: 1 };

/**
 * How far distribution q of a row is from p of a row; a token of probability 0 contributes nothing. Expected acceptance
 * is 1 minus half the sum of |p - q|, which equals the sum of min(p, q) and is exactly 1 for equal distributions.
 */
export const positionFidelity = (
  [p, pRow]: readonly [Distributions, number],
  [q, qRow]: readonly [Distributions, number],
): ItemFidelity => {
  const vocabulary = p.logprobs.length / p.likeliest.length;
  let [kl, reverseKl, distance] = [0, 0, 0];
  for (let token = 0; token < vocabulary; token += 1) {
    const [pAt, qAt] = [pRow * vocabulary + token, qRow * vocabulary + token];
    const [mine, other] = [p.probabilities[pAt] ?? NaN, q.probabilities[qAt] ?? NaN];
    const gap = (p.logprobs[pAt] ?? NaN) - (q.logprobs[qAt] ?? NaN);
    if (mine !== 0) kl += mine * gap;
    if (other !== 0) reverseKl -= other * gap;
    distance += Math.abs(mine - other);
  }
  return {
    positions: 1,
    // Both are at least 0 but for rounding.
    kl: Math.max(0, kl),
    reverseKl: Math.max(0, reverseKl),
    changed: p.likeliest[pRow] === q.likeliest[qRow] ? 0 : 1,
    acceptance: 1 - distance / 2,
  };
};

/** Sums over positions, and over those of each class of tokens. */
class FidelitySums {
  readonly #all = { positions: 0, kl: 0, reverseKl: 0, changed: 0, acceptance: 0 };
  readonly #byClass = tokenClasses.map(() => ({ positions: 0, kl: 0, changed: 0 }));

  add({ positions, kl, reverseKl, changed, acceptance }: ItemFidelity): void {
    const all = this.#all;
    all.positions += positions;
    all.kl += positions * kl;
    all.reverseKl += positions * reverseKl;
    all.changed += positions * changed;
    all.acceptance += positions * acceptance;
  }

  /** `index`: of the class in `tokenClasses`. */
  addToClass(index: number, { positions, kl, changed }: ClassFidelity): void {
    const ofClass = present(this.#byClass[index], `no class of tokens ${index}`);
    ofClass.positions += positions;
    ofClass.kl += positions * kl;
    ofClass.changed += positions * changed;
  }

  /** `hasClasses`: whether the class of every position is known. */
  mean(hasClasses: boolean): ItemFidelity {
    const { positions, kl, reverseKl, changed, acceptance } = this.#all;
    if (positions === 0) return NO_POSITIONS;
    const mean = {
      positions,
      kl: kl / positions,
      reverseKl: reverseKl / positions,
      changed: changed / positions,
      acceptance: acceptance / positions,
    };
    if (!hasClasses) return mean;
    const classes: Partial<Record<TokenClass, ClassFidelity>> = {};
    for (const [index, name] of tokenClasses.entries()) {
      const ofClass = this.#byClass[index];
      if (ofClass !== undefined && ofClass.positions > 0)
        classes[name] = {
          positions: ofClass.positions,
          kl: ofClass.kl / ofClass.positions,
          changed: ofClass.changed / ofClass.positions,
        };
    }
    return { ...mean, classes };
  }
}

/**
 * The mean over positions `first` to `end` (exclusive). `classes`: index in `tokenClasses` of the token at each of
 * these positions; null: not known.
 */
export const joinPositions = (
  positions: readonly ItemFidelity[],
  classes: Uint8Array | null,
  first = 0,
  end = positions.length,
): ItemFidelity => {
  const sums = new FidelitySums();
  for (let at = first; at < end; at += 1) {
    const position = positions[at] ?? NO_POSITIONS;
    sums.add(position);
    const classOfPosition = classes?.[at - first];
    if (classOfPosition !== undefined) sums.addToClass(classOfPosition, position);
  }
  return sums.mean(classes !== null);
};

/** The mean over the positions of several means. */
export const joinFidelity = (parts: readonly ItemFidelity[]): ItemFidelity => {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const known = parts.filter((part) => part.positions > 0);
  const sums = new FidelitySums();
  for (const part of known) {
    sums.add(part);
    for (const [index, name] of tokenClasses.entries()) {
      const classPart = part.classes?.[name];
      if (classPart !== undefined) sums.addToClass(index, classPart);
    }
  }
  return sums.mean(known.every((part) => part.classes !== undefined));
};

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
