import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import { refuse } from '../contract/errors.ts';
import { greedyGraph, logitsGraph, scoreGraph } from '../graph/block-graph.ts';
import { streamWidth } from '../graph/stream.ts';
import { minOf } from '../statistics/extremes.ts';
import type { ModelSessions } from './model-sessions.ts';
import type { Tensor } from 'onnxruntime-node';
import { booleansOf, floatsOf, floatTensor, integersOf, integerTensor, type Session } from './session.ts';
import { type TokenTree, treeOf, treeRow } from './token-tree.ts';

/** Input tokens, and the tokens that the last `targets.length` positions must predict. */
export interface ScoredSequence {
  readonly input: readonly number[];
  readonly targets: readonly number[];
  /** Tokens cut from the left to fit the model's positions. */
  readonly truncatedTokens: number;
}

/** (context + continuation)[-(max + 1):][:-1], as lm-evaluation-harness cuts it. */
export const scoredSequence = (
  id: string,
  contextTokens: readonly number[],
  continuationTokens: readonly number[],
  maxPositions: number,
): ScoredSequence => {
  if (contextTokens.length === 0 || continuationTokens.length === 0) {
    throw refuse(
      'empty-request',
      `item "${id}": context and continuation need at least one token each.`,
      'Give the item both.',
    );
  }
  if (continuationTokens.length > maxPositions) {
    throw refuse(
      'too-long',
      `item "${id}": its continuation has ${continuationTokens.length} tokens, the model ` +
        `${maxPositions} positions.`,
      'Shorten the continuation, or score it as a text.',
    );
  }
  const all = [...contextTokens, ...continuationTokens];
  const input = all.slice(Math.max(0, all.length - maxPositions - 1), -1);
  return { input, targets: continuationTokens, truncatedTokens: all.length - 1 - input.length };
};

/**
 * Windows of a rolling log-likelihood: the first predicts up to `max` tokens after the prefix token, each later one the
 * next up to `max` tokens from the `max` tokens before the last of them (lm-evaluation-harness, context length 1).
 */
export const rollingWindows = (
  tokens: readonly number[],
  prefixToken: number,
  max: number,
): readonly ScoredSequence[] => {
  const windows: ScoredSequence[] = [];
  const first = tokens.slice(0, max);
  if (first.length > 0)
    windows.push({ input: [prefixToken, ...first.slice(0, -1)], targets: first, truncatedTokens: 0 });
  for (let start = max; start < tokens.length; start += max) {
    const end = Math.min(start + max, tokens.length);
    windows.push({
      input: tokens.slice(end - max - 1, end - 1),
      targets: tokens.slice(start, end),
      truncatedTokens: 0,
    });
  }
  return windows;
};

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

/** Some rows of hidden states, and the targets that are predicted from them. */
interface ScoredRows {
  readonly rows: readonly number[];
  /** Index of each target among all. */
  readonly targets: readonly number[];
  /** [targets, 2] position among the rows, and token, of each. */
  readonly pairs: Tensor;
}

/** Targets by rows, each row once and at most `atOnce` together. */
const rowsToScore = (targets: readonly Target[], atOnce: number): readonly ScoredRows[] => {
  const order = new Map<number, number>();
  for (const { row } of targets) if (!order.has(row)) order.set(row, order.size);
  const rows = [...order.keys()];
  const chunks = Array.from({ length: Math.ceil(rows.length / atOnce) }, (_, chunk) => ({
    rows: rows.slice(chunk * atOnce, (chunk + 1) * atOnce),
    targets: [] as number[],
    pairs: [] as number[],
  }));
  targets.forEach(({ row, token }, index) => {
    const at = order.get(row) ?? 0;
    const chunk = chunks[Math.floor(at / atOnce)];
    chunk?.targets.push(index);
    chunk?.pairs.push(at % atOnce, token);
  });
  return chunks.map((chunk) => ({ ...chunk, pairs: integerTensor(chunk.pairs, [chunk.targets.length, 2]) }));
};

/** Final norm and head: hidden states to logits, to log-probabilities of targets, or to the most likely tokens. */
export class Scorer {
  readonly #sessions: ModelSessions;
  /** Candidates are asked for the same targets, one after the other. */
  readonly #arranged = new WeakMap<readonly Target[], readonly ScoredRows[]>();
  #score: Session | null = null;
  #logits: Session | null = null;
  #greedy: Session | null = null;

  constructor(sessions: ModelSessions) {
    this.#sessions = sessions;
  }

  /**
   * Log-probability (natural log, float32 log-softmax) of each target. Rows shared by several targets run once. What
   * follows from the targets alone is kept as long as their list.
   */
  async score(hidden: Float32Array, targets: readonly Target[]): Promise<readonly TargetScore[]> {
    this.#score ??= await this.#open('score', scoreGraph);
    const { vocabulary } = this.#model;
    const width = streamWidth(this.#model);
    const rowsAtOnce = Math.max(1, Math.floor(MAX_LOGITS / vocabulary));
    const arranged = this.#arranged.get(targets) ?? rowsToScore(targets, rowsAtOnce);
    this.#arranged.set(targets, arranged);
    const scores = new Array<TargetScore>(targets.length);
    for (const { rows, targets: mine, pairs } of arranged) {
      const feeds = { hidden: floatTensor(gatherRows(hidden, rows, width), [rows.length, width]), pairs };
      const { logprobs, greedy } = await this.#score.run(feeds, ['logprobs', 'greedy']);
      if (logprobs === undefined || greedy === undefined) throw new Error('score without outputs');
      const [values, best] = [floatsOf(logprobs), booleansOf(greedy)];
      mine.forEach((index, position) => {
        scores[index] = { logprob: values[position] ?? NaN, greedy: best[position] === 1 };
      });
    }
    return scores;
  }

  /** Logits [rows, V] of consecutive rows. */
  async logits(hidden: Float32Array): Promise<Float32Array> {
    this.#logits ??= await this.#open('logits', logitsGraph);
    const width = streamWidth(this.#model);
    const { logits } = await this.#logits.run({ hidden: floatTensor(hidden, [hidden.length / width, width]) }, [
      'logits',
    ]);
    if (logits === undefined) throw new Error('head without logits');
    return floatsOf(logits);
  }

  /** The token with the largest logit of each row [N] (ties: the lowest). */
  async greedy(hidden: Float32Array): Promise<Int32Array> {
    this.#greedy ??= await this.#open('greedy', greedyGraph);
    const { vocabulary } = this.#model;
    const width = streamWidth(this.#model);
    const rows = hidden.length / width;
    const rowsAtOnce = Math.max(1, Math.floor(MAX_LOGITS / vocabulary));
    const tokens = new Int32Array(rows);
    for (let first = 0; first < rows; first += rowsAtOnce) {
      const end = Math.min(first + rowsAtOnce, rows);
      const { best } = await this.#greedy.run(
        { hidden: floatTensor(hidden.subarray(first * width, end * width), [end - first, width]) },
        ['best'],
      );
      if (best === undefined) throw new Error('head without tokens');
      tokens.set(integersOf(best), first);
    }
    return tokens;
  }

  async dispose(): Promise<void> {
    await this.#greedy?.dispose();
    this.#greedy = null;
    await this.#score?.dispose();
    await this.#logits?.dispose();
    this.#score = null;
    this.#logits = null;
  }

  async #open(name: string, graphOf: typeof scoreGraph): Promise<Session> {
    const { head, headBias, finalNorm } = this.#model;
    const weights = { part: 'the head', reads: { head, headBias, finalNorm } };
    return this.#sessions.open(`${name} head`, weights, graphOf(this.#model, this.#sessions.target));
  }

  get #model(): ModelDescriptor {
    return this.#sessions.checkpoint.descriptor;
  }
}

const gatherRows = (matrix: Float32Array, rows: readonly number[], width: number): Float32Array => {
  const out = new Float32Array(rows.length * width);
  // Not row by row as views: making one costs as much as copying a hundred numbers.
  rows.forEach((row, index) => {
    for (let at = 0; at < width; at += 1) out[index * width + at] = matrix[row * width + at] ?? NaN;
  });
  return out;
};

/** Sequences scored together: they share their common beginning. */
export interface ScoredGroup {
  readonly tree: TokenTree;
  readonly sequences: readonly ScoredSequence[];
}

/** Choices of one item share a tree; windows of a text, and sequences cut on the left, run separately. */
export const groupOf = (sequences: readonly ScoredSequence[], shared: boolean): readonly ScoredGroup[] =>
  shared && sequences.every(({ truncatedTokens }) => truncatedTokens === 0)
    ? [{ tree: treeOf(sequences.map(({ input }) => input)), sequences }]
    : sequences.map((sequence) => ({ tree: treeOf([sequence.input]), sequences: [sequence] }));

/** Rows (among a batch's packed tokens) and target tokens of each sequence of a group. */
export const groupTargets = (
  tree: TokenTree,
  sequences: readonly ScoredSequence[],
  firstRow: number,
): readonly (readonly Target[])[] =>
  sequences.map(({ input, targets }, branch) =>
    targets.map((token, index) => ({
      row: firstRow + treeRow(tree, branch, input.length - targets.length + index),
      token,
    })),
  );

/** Hidden states [rows, W] that targets are predicted from, each once, in the order of the targets. */
export const scoredStates = (hidden: Float32Array, targets: readonly Target[], width: number): Float32Array =>
  gatherRows(hidden, [...new Set(targets.map(({ row }) => row))], width);

/** A token, and the one before it; -1 where there is none. */
export type TokenAt = readonly [previous: number, token: number];

/** The tokens at the positions of `scoredStates`, in its order. */
export const scoredTokens = (tree: TokenTree, sequences: readonly ScoredSequence[]): readonly TokenAt[] => {
  const found = new Map<number, TokenAt>();
  sequences.forEach(({ input, targets }, branch) =>
    targets.forEach((_, index) => {
      const at = input.length - targets.length + index;
      const row = treeRow(tree, branch, at);
      if (!found.has(row)) found.set(row, [input[at - 1] ?? -1, input[at] ?? -1]);
    }),
  );
  return [...found.values()];
};

/** Leading tokens of all sequences that no target is predicted from. */
export const unscoredTokens = (sequences: readonly ScoredSequence[]): number =>
  minOf(sequences.map(({ input, targets }) => input.length - targets.length));
