import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { refuse } from '../contract/errors.ts';
import type { ScoreRequest, ScoreResult } from './model-runner.ts';
import {
  groupOf,
  rollingWindows,
  type ScoredGroup,
  scoredSequence,
  type ScoredSequence,
  type TargetScore,
} from './scorer.ts';

/** The sequence of each request. */
export const requestSequences = (
  requests: readonly ScoreRequest[],
  maxPositions: number,
): readonly (readonly ScoredSequence[])[] =>
  requests.map(({ id, contextTokens, continuationTokens }) => [
    scoredSequence(id, contextTokens, continuationTokens, maxPositions),
  ]);

/** The windows of each text. */
export const textSequences = (
  texts: readonly { readonly id: string; readonly tokens: readonly number[] }[],
  { prefixToken }: TextTokenizer,
  { name, descriptor }: Checkpoint,
): readonly (readonly ScoredSequence[])[] => {
  if (prefixToken === null)
    throw refuse(
      'no-prefix-token',
      `${name}: the tokenizer names neither a BOS nor an EOS token to begin a text with.`,
      'Name one in tokenizer_config.json.',
    );
  return texts.map(({ tokens }) => rollingWindows(tokens, prefixToken, descriptor.maxPositions));
};

/** The sums over the sequences of each id, for one candidate. */
export const scoreLists = async (
  ids: readonly string[],
  sequences: readonly (readonly ScoredSequence[])[],
  score: (groups: readonly ScoredGroup[]) => Promise<readonly (readonly (readonly TargetScore[])[])[]>,
): Promise<ScoreResult[]> => {
  const groups = sequences.map((list) => groupOf(list, false));
  const scores = await score(groups.flat());
  const first = prefixSums(groups.map((list) => list.length));
  return ids.map((id, index) => {
    const own = scores.slice(first[index], first[index + 1]).flat(2);
    return {
      id,
      logprob: own.reduce((sum, { logprob }) => sum + logprob, 0),
      greedy: own.every(({ greedy }) => greedy),
      tokens: own.length,
      truncatedTokens: (sequences[index] ?? []).reduce((sum, { truncatedTokens }) => sum + truncatedTokens, 0),
    };
  });
};

export const requireTokenizerOf = ({ folder }: Checkpoint, tokenizer: TextTokenizer | null): TextTokenizer => {
  if (tokenizer !== null) return tokenizer;
  throw refuse(
    'no-tokenizer',
    `${folder} has no tokenizer.json, so texts cannot be turned into tokens.`,
    "Put the model's tokenizer.json into the folder.",
  );
};

/** [0, l0, l0 + l1, ...] */
export const prefixSums = (lengths: readonly number[]): readonly number[] => {
  const sums = [0];
  for (const length of lengths) sums.push((sums.at(-1) ?? 0) + length);
  return sums;
};
