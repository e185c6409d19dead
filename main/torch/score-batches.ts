import type { ScoredSequence } from '../inference/scorer.ts';

/** Padded tokens per batch. */
const BATCH_SLOTS = 2048;
/** Logits of a batch: rows x vocabulary (256 MB of float32). */
const MOST_LOGITS = 2 ** 26;

/** Sequences that run together. */
export interface ScoreBatch {
  readonly inputs: readonly (readonly number[])[];
  /** (row of `inputs`, position, target token) of each score. */
  readonly rows: readonly (readonly [number, number, number])[];
  /** Index of the sequence that each of `rows` belongs to; its targets are consecutive and in order. */
  readonly sequenceOfRow: readonly number[];
  /** Tokens of all inputs. */
  readonly tokens: number;
}

/** The sequences that run (indices), and for each sequence the one whose run contains its scores. */
export interface SequencesToRun {
  readonly runs: readonly number[];
  readonly hostOf: readonly number[];
}

/** A sequence whose input another one begins with needs no run of its own. */
export const sequencesToRun = (sequences: readonly ScoredSequence[]): SequencesToRun => {
  const order = sequences.map((_, index) => index);
  const inputOf = (index: number): readonly number[] => sequences[index]?.input ?? [];
  order.sort((a, b) => compareTokens(inputOf(a), inputOf(b)));
  const hostOf = [...order];
  const runs: number[] = [];
  for (let at = order.length - 1; at >= 0; at -= 1) {
    const [index, next] = [order[at] ?? 0, order[at + 1]];
    const isBeginning = next !== undefined && beginsWith(inputOf(next), inputOf(index));
    hostOf[index] = isBeginning ? (hostOf[next] ?? next) : index;
    if (!isBeginning) runs.push(index);
  }
  return { runs: runs.reverse(), hostOf };
};

/** Batches of similar lengths, the longest first, within the bounds of tokens and logits. */
export const scoreBatches = (
  sequences: readonly ScoredSequence[],
  { runs, hostOf }: SequencesToRun,
  vocabulary: number,
): readonly ScoreBatch[] => {
  const guests = new Map(runs.map((index): [number, number[]] => [index, []]));
  hostOf.forEach((host, index) => guests.get(host)?.push(index));
  const length = (index: number): number => sequences[index]?.input.length ?? 0;
  const targets = (index: number): number =>
    (guests.get(index) ?? []).reduce((sum, guest) => sum + (sequences[guest]?.targets.length ?? 0), 0);
  const batches: number[][] = [];
  let [longest, logits] = [0, 0];
  for (const index of runs.toSorted((a, b) => length(b) - length(a))) {
    const last = batches.at(-1);
    const own = targets(index) * vocabulary;
    if (last === undefined || (last.length + 1) * longest > BATCH_SLOTS || logits + own > MOST_LOGITS) {
      batches.push([index]);
      [longest, logits] = [length(index), own];
    } else {
      last.push(index);
      logits += own;
    }
  }
  return batches.map((members) => batchOf(sequences, members, guests));
};

const batchOf = (
  sequences: readonly ScoredSequence[],
  members: readonly number[],
  guests: ReadonlyMap<number, readonly number[]>,
): ScoreBatch => {
  const rows: [number, number, number][] = [];
  const sequenceOfRow: number[] = [];
  members.forEach((member, row) => {
    for (const guest of guests.get(member) ?? []) {
      const { input = [], targets = [] } = sequences[guest] ?? {};
      targets.forEach((token, at) => {
        rows.push([row, input.length - targets.length + at, token]);
        sequenceOfRow.push(guest);
      });
    }
  });
  const inputs = members.map((member) => sequences[member]?.input ?? []);
  return { inputs, rows, sequenceOfRow, tokens: inputs.reduce((sum, { length }) => sum + length, 0) };
};

const beginsWith = (tokens: readonly number[], beginning: readonly number[]): boolean =>
  beginning.length <= tokens.length && beginning.every((token, at) => token === tokens[at]);

const compareTokens = (a: readonly number[], b: readonly number[]): number => {
  const common = Math.min(a.length, b.length);
  for (let at = 0; at < common; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
};
