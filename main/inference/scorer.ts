import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import type { ProviderName } from '../contract/device.ts';
import { logitsGraph, scoreGraph } from '../graph/outer-graphs.ts';
import { externalDataRoot } from '../graph/stored-tensor.ts';
import { booleansOf, floatsOf, floatTensor, integerTensor, Session } from './session.ts';

/** Logits computed at once: rows x vocabulary stays within this many numbers (64 MB of float32). */
const MAX_LOGITS = 2 ** 24;

/** A target token and the row of hidden states that predicts it. */
export interface Target {
  readonly row: number;
  readonly token: number;
}

export interface TargetScore {
  readonly logprob: number;
  readonly greedy: boolean;
}

/** Final norm and head: hidden states to logits, or to log-probabilities of target tokens. */
export class Scorer {
  readonly #checkpoint: Checkpoint;
  readonly #threads: number;
  readonly #provider: ProviderName;
  #score: Session | null = null;
  #logits: Session | null = null;

  constructor(checkpoint: Checkpoint, threads: number, provider: ProviderName) {
    this.#checkpoint = checkpoint;
    this.#threads = threads;
    this.#provider = provider;
  }

  /** Log-probability (natural log, float32 log-softmax) of each target. Rows that several targets share run once. */
  async score(hidden: Float32Array, targets: readonly Target[]): Promise<readonly TargetScore[]> {
    this.#score ??= await this.#open('score', scoreGraph(this.#checkpoint.descriptor));
    const { hidden: width, vocabulary } = this.#checkpoint.descriptor;
    const rowsAtOnce = Math.max(1, Math.floor(MAX_LOGITS / vocabulary));
    const rows = [...new Set(targets.map(({ row }) => row))];
    const order = new Map(rows.map((row, index) => [row, index]));
    const scores = new Array<TargetScore>(targets.length);
    for (let first = 0; first < rows.length; first += rowsAtOnce) {
      const chunk = rows.slice(first, first + rowsAtOnce);
      const mine = targets.flatMap(({ row, token }, index) => {
        const position = (order.get(row) ?? -1) - first;
        return position >= 0 && position < chunk.length ? [{ index, position, token }] : [];
      });
      const feeds = {
        hidden: floatTensor(gatherRows(hidden, chunk, width), [chunk.length, width]),
        pairs: integerTensor(mine.flatMap(({ position, token }) => [position, token]), [mine.length, 2]),
      };
      const { logprobs, greedy } = await this.#score.run(feeds, ['logprobs', 'greedy']);
      if (logprobs === undefined || greedy === undefined) throw new Error('score without outputs');
      const [values, best] = [floatsOf(logprobs), booleansOf(greedy)];
      mine.forEach(({ index }, position) => {
        scores[index] = { logprob: values[position] ?? NaN, greedy: best[position] === 1 };
      });
    }
    return scores;
  }

  /** Logits [rows, V] of consecutive rows. */
  async logits(hidden: Float32Array): Promise<Float32Array> {
    this.#logits ??= await this.#open('logits', logitsGraph(this.#checkpoint.descriptor));
    const { hidden: width } = this.#checkpoint.descriptor;
    const { logits } = await this.#logits.run({ hidden: floatTensor(hidden, [hidden.length / width, width]) }, ['logits']);
    if (logits === undefined) throw new Error('head without logits');
    return floatsOf(logits);
  }

  async dispose(): Promise<void> {
    await this.#score?.dispose();
    await this.#logits?.dispose();
    this.#score = null;
    this.#logits = null;
  }

  #open(name: string, graph: Uint8Array): Promise<Session> {
    return Session.open(`${name} head of ${this.#checkpoint.name}`, graph, {
      threads: this.#threads,
      externalRoot: externalDataRoot(this.#checkpoint.folder),
      weights: 'resident',
      provider: this.#provider,
    });
  }
}

const gatherRows = (matrix: Float32Array, rows: readonly number[], width: number): Float32Array => {
  const out = new Float32Array(rows.length * width);
  rows.forEach((row, index) => { out.set(matrix.subarray(row * width, (row + 1) * width), index * width); });
  return out;
};
