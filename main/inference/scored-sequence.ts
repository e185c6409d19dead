import { refuse } from '../contract/errors.ts';

/** Tokens that go in, and the tokens that the last `targets.length` positions must predict. */
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
    throw refuse('empty-request', `item "${id}": context and continuation need at least one token each.`, 'Give the item both.');
  }
  if (continuationTokens.length > maxPositions) {
    throw refuse('too-long', `item "${id}": its continuation has ${String(continuationTokens.length)} tokens, the model ${String(maxPositions)} positions.`, 'Shorten the continuation, or score it as a text.');
  }
  const all = [...contextTokens, ...continuationTokens];
  const input = all.slice(Math.max(0, all.length - maxPositions - 1), -1);
  return { input, targets: continuationTokens, truncatedTokens: all.length - 1 - input.length };
};

/**
 * Windows of a rolling log-likelihood: the first predicts up to `max` tokens after the prefix token, each later one the
 * next up to `max` tokens from the `max` tokens before the last of them (lm-evaluation-harness, context length 1).
 */
export const rollingWindows = (tokens: readonly number[], prefixToken: number, max: number): readonly ScoredSequence[] => {
  const windows: ScoredSequence[] = [];
  const first = tokens.slice(0, max);
  if (first.length > 0) windows.push({ input: [prefixToken, ...first.slice(0, -1)], targets: first, truncatedTokens: 0 });
  for (let start = max; start < tokens.length; start += max) {
    const end = Math.min(start + max, tokens.length);
    windows.push({ input: tokens.slice(end - max - 1, end - 1), targets: tokens.slice(start, end), truncatedTokens: 0 });
  }
  return windows;
};
