import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { refuse } from '../contract/errors.ts';
import type { ChoiceItem, TaskItem, TextItem } from '../contract/task.ts';
import { encodeRequest } from './encode-request.ts';
import { rollingWindows, scoredSequence, type ScoredSequence } from './scored-sequence.ts';

/** One scored sequence per choice. */
export const encodeChoices = (tokenizer: TextTokenizer, item: ChoiceItem, maxPositions: number): readonly ScoredSequence[] =>
  item.choices.map((choice) => {
    const { contextTokens, continuationTokens } = encodeRequest(tokenizer, item.id, item.context, choice);
    return scoredSequence(item.id, contextTokens, continuationTokens, maxPositions);
  });

/** The windows of a text's rolling log-likelihood. */
export const encodeText = (tokenizer: TextTokenizer, item: TextItem, maxPositions: number): readonly ScoredSequence[] => {
  if (tokenizer.prefixToken === null) {
    throw refuse('no-prefix-token', `item "${item.id}": the tokenizer names neither a BOS nor an EOS token to begin a text with.`, 'Name one in tokenizer_config.json.');
  }
  return rollingWindows(tokenizer.encode(item.text, true), tokenizer.prefixToken, maxPositions);
};

/** Tokens that a profile sees: context and right answer, or the text, in windows of at most `maxPositions`. */
export const profileSequences = (tokenizer: TextTokenizer, item: TaskItem, maxPositions: number): readonly (readonly number[])[] => {
  if ('choices' in item) {
    const tokens = tokenizer.encode(item.context + (item.choices[item.answer] ?? ''), true);
    return [tokens.slice(Math.max(0, tokens.length - maxPositions))];
  }
  const tokens = tokenizer.encode(item.text, true);
  const windows: (readonly number[])[] = [];
  for (let start = 0; start < tokens.length; start += maxPositions) windows.push(tokens.slice(start, start + maxPositions));
  return windows;
};
