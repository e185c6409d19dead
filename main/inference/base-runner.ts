import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { ModelDescriptor } from '../checkpoint/descriptor.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import { positionsText } from '../contract/model.ts';
import type { Plan } from '../contract/plan.ts';
import { type ChoiceItem, choiceLengths, type TaskItem, type TextItem } from '../contract/task.ts';
import { encodeScored, profileSequences, requireScored, tokenWeights } from './encode-item.ts';
import type { ModelRunner, RunControl, ScoreRequest, ScoreResult } from './model-runner.ts';
import {
  groupOf,
  rollingWindows,
  type ScoredGroup,
  scoredSequence,
  type ScoredSequence,
  type TargetScore,
} from './scorer.ts';
import type { ChoiceOutcome, ScoredOutcome } from '../contract/outcome.ts';
import { argmax } from '../evaluation/followed-outcome.ts';
import { maxOf } from '../statistics/extremes.ts';

/** Calibration items as sequences. */
export interface Calibration {
  readonly sequences: readonly (readonly number[])[];
  /** How much each token of a sequence counts; undefined: all alike. */
  readonly counted: readonly (Float64Array | undefined)[];
  readonly itemOf: readonly number[];
}

/** Tokens of encoded items that are kept for a model: 32 MB. */
const MOST_ENCODED = 2 ** 22;

/** Groups of candidates answer the same items, one after the other: these are encoded once. */
class EncodedItems {
  readonly #tokenizer: TextTokenizer;
  readonly #maxPositions: number;
  readonly #known = new WeakMap<TaskItem, readonly ScoredSequence[]>();
  #tokens = 0;

  constructor(tokenizer: TextTokenizer, maxPositions: number) {
    this.#tokenizer = tokenizer;
    this.#maxPositions = maxPositions;
  }

  sequencesOf(item: ChoiceItem | TextItem): readonly ScoredSequence[] {
    const known = this.#known.get(item);
    if (known !== undefined) return known;
    const made = encodeScored(this.#tokenizer, item, this.#maxPositions);
    const tokens = made.reduce((sum, { input, targets }) => sum + input.length + targets.length, 0);
    if (this.#tokens + tokens <= MOST_ENCODED) {
      this.#tokens += tokens;
      this.#known.set(item, made);
    }
    return made;
  }
}

/** By the tokenizer of an open model, which all its runners share. */
const encodedBy = new WeakMap<TextTokenizer, EncodedItems>();

/** The work of a runner that is the same whatever computes: texts and items as sequences, and their scores as sums. */
export abstract class BaseRunner {
  readonly checkpoint: Checkpoint;
  readonly tokenizer: TextTokenizer | null;

  constructor(checkpoint: Checkpoint, tokenizer: TextTokenizer | null) {
    this.checkpoint = checkpoint;
    this.tokenizer = tokenizer;
  }

  readonly score: ModelRunner['score'] = async (requests, plan, control) =>
    this.#sums(
      requests,
      requests.map((request) => [this.sequenceOf(request)]),
      plan,
      control,
    );

  readonly scoreRolling: ModelRunner['scoreRolling'] = async (texts, plan, control) => {
    const { prefixToken } = this.requireTokenizer();
    const { name, descriptor } = this.checkpoint;
    if (prefixToken === null)
      throw refuse(
        'no-prefix-token',
        `${name}: the tokenizer names neither a BOS nor an EOS token to begin a text with.`,
        'Name one in tokenizer_config.json.',
      );
    const windows = texts.map(({ tokens }) => rollingWindows(tokens, prefixToken, descriptor.maxPositions));
    return this.#sums(texts, windows, plan, control);
  };

  /** Per group, per sequence of it: the scores of its targets in order. */
  protected abstract scoreGroups(
    groups: readonly ScoredGroup[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<readonly (readonly (readonly TargetScore[])[])[]>;

  protected sequenceOf({ id, contextTokens, continuationTokens }: ScoreRequest): ScoredSequence {
    return scoredSequence(id, contextTokens, continuationTokens, this.checkpoint.descriptor.maxPositions);
  }

  /** Items that are scored, and the sequences of each. @throws WorkbenchError `not-scored`. */
  protected encode(given: readonly TaskItem[]): {
    readonly items: readonly (ChoiceItem | TextItem)[];
    readonly lists: readonly (readonly ScoredSequence[])[];
  } {
    const items = given.map(requireScored);
    const tokenizer = this.requireTokenizer();
    const { maxPositions } = this.checkpoint.descriptor;
    const encodedItems = encodedBy.get(tokenizer) ?? new EncodedItems(tokenizer, maxPositions);
    encodedBy.set(tokenizer, encodedItems);
    return { items, lists: items.map((item) => encodedItems.sequencesOf(item)) };
  }

  protected calibration(items: readonly TaskItem[]): Calibration {
    const tokenizer = this.requireTokenizer();
    const { maxPositions } = this.checkpoint.descriptor;
    const listed = items.flatMap((item, index) =>
      profileSequences(tokenizer, item, maxPositions).map((sequence) => ({
        sequence,
        index,
        counted: tokenWeights(tokenizer, item, sequence.length),
      })),
    );
    return {
      sequences: listed.map(({ sequence }) => sequence),
      counted: listed.map(({ counted }) => counted),
      itemOf: listed.map(({ index }) => index),
    };
  }

  /** @throws WorkbenchError `bad-token` or `bad-length`. */
  protected checkTokens(sequences: readonly (readonly number[])[]): void {
    for (const [index, sequence] of sequences.entries()) checkSequence(sequence, index, this.checkpoint.descriptor);
  }

  /** @throws WorkbenchError `no-tokenizer`. */
  protected requireTokenizer(): TextTokenizer {
    if (this.tokenizer !== null) return this.tokenizer;
    throw refuse(
      'no-tokenizer',
      `${this.checkpoint.folder} has no tokenizer.json, so texts cannot be turned into tokens.`,
      "Put the model's tokenizer.json into the folder.",
    );
  }

  /** The sums over the sequences of each id, for one candidate. */
  async #sums(
    named: readonly { readonly id: string }[],
    sequences: readonly (readonly ScoredSequence[])[],
    plan: Plan | null,
    control: RunControl,
  ): Promise<ScoreResult[]> {
    const groups = sequences.map((list) => groupOf(list, false));
    const scores = await this.scoreGroups(groups.flat(), plan, control);
    const first = prefixSums(groups.map((list) => list.length));
    return named.map(({ id }, index) => {
      const ofItem = scores.slice(first[index], first[index + 1]).flat(2);
      return {
        id,
        logprob: ofItem.reduce((sum, { logprob }) => sum + logprob, 0),
        greedy: ofItem.every(({ greedy }) => greedy),
        tokens: ofItem.length,
        truncatedTokens: (sequences[index] ?? []).reduce((sum, { truncatedTokens }) => sum + truncatedTokens, 0),
      };
    });
  }
}

const checkSequence = (sequence: readonly number[], index: number, model: ModelDescriptor): void => {
  const { vocabulary, maxPositions } = model;
  const wrong = sequence.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabulary);
  if (wrong !== undefined)
    throw refuse(
      'bad-token',
      `sequence ${index}: token ${wrong} is outside the vocabulary (0 to ${vocabulary - 1}).`,
      "Encode the text with this model's tokenizer.",
    );
  if (sequence.length === 0 || sequence.length > maxPositions) {
    throw refuse(
      'bad-length',
      `sequence ${index} has ${sequence.length} tokens; the model has ${positionsText(model)}.`,
      'Shorten or split the sequence.',
    );
  }
};

/** Copies the rows [T, width] of one layer into [L, T, most]: the first `width` of each row, the rest is unchanged. */
export const setLayer = <T extends Float32Array | Int32Array>(
  whole: T,
  rows: T,
  layer: number,
  layers: number,
  tokens: number,
): void => {
  const [most, width] = [whole.length / (layers * tokens), rows.length / tokens];
  for (let token = 0; token < tokens; token += 1)
    whole.set(rows.subarray(token * width, (token + 1) * width), (layer * tokens + token) * most);
};

/** [0, l0, l0 + l1, ...] */
export const prefixSums = (lengths: readonly number[]): readonly number[] => {
  const sums = [0];
  for (const length of lengths) sums.push((sums.at(-1) ?? 0) + length);
  return sums;
};

/**
 * A model's outcome on one item, from the scores of its sequences: the sum of log-probabilities per choice, the choice
 * with the largest sum (acc), and with the largest sum per character (acc_norm); ties go to the lower index.
 */
export const itemOutcome = (
  item: ChoiceItem | TextItem,
  sequences: readonly ScoredSequence[],
  scores: readonly (readonly TargetScore[])[],
): ScoredOutcome => {
  const sums = scores.map((targets) => targets.reduce((sum, { logprob }) => sum + logprob, 0));
  if (!('choices' in item)) {
    return {
      kind: 'text',
      id: item.id,
      logprob: sums.reduce((total, sum) => total + sum, 0),
      tokens: sequences.reduce((total, { targets }) => total + targets.length, 0),
    };
  }
  const lengths = choiceLengths(item);
  const outcome: ChoiceOutcome = {
    kind: 'choice',
    id: item.id,
    logprobs: sums,
    chosen: argmax(sums),
    chosenNorm: argmax(sums.map((sum, choice) => sum / (lengths[choice] ?? Number.NaN))),
    answer: item.answer,
    ...(item.alsoRight === undefined ? {} : { alsoRight: item.alsoRight }),
    truncatedTokens: maxOf([0, ...sequences.map(({ truncatedTokens }) => truncatedTokens)]),
  };
  return item.group === undefined ? outcome : { ...outcome, group: item.group };
};
