import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { NAME_CHARACTERS } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import type { ItemTraits } from '../contract/slices.ts';
import type { ChoiceItem, TaskItem, TextItem } from '../contract/task.ts';
import { isTextItem, isWrittenItem, profiledText } from '../tasks/task.ts';
import { NO_TOKEN } from '../profile/choice-sample.ts';
import type { TokenReader } from '../profile/expert-tokens.ts';
import { rollingWindows, scoredSequence, type ScoredSequence } from './scorer.ts';
import { endWeights } from './token-tree.ts';

/**
 * Tokens of a text with the tokenizer's own special tokens, as lm-evaluation-harness 0.4.13 encodes prompts: a text
 * that begins with the BOS token's own text (a chat template wrote it) gets no second one.
 */
export const encodePrompt = (tokenizer: TextTokenizer, text: string): readonly number[] => {
  return tokenizer.encode(text, !beginsWithPrefix(tokenizer, text));
};

/** Whether a text begins with the text of the token that the tokenizer would put before it. */
export const beginsWithPrefix = (
  { prefixToken, decode }: Pick<TextTokenizer, 'prefixToken' | 'decode'>,
  text: string,
): boolean => {
  const prefix = prefixToken === null ? '' : decode([prefixToken]);
  return prefix !== '' && text.startsWith(prefix);
};

/** Tokens of one (context, continuation) pair. */
interface EncodedRequest {
  readonly contextTokens: readonly number[];
  readonly continuationTokens: readonly number[];
}

/** A context that is not empty: its text without the white space at its end, that space, and the tokens of the text. */
interface EncodedContext {
  readonly stem: string;
  readonly space: string;
  readonly tokens: readonly number[];
}

/** Trailing white space as defined by Python's str.rstrip (lm-evaluation-harness uses it; JavaScript's set differs). */
const trailingSpace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/;

/**
 * Tokens of a pair as lm-evaluation-harness 0.4 defines them: white space at the end of the context moves to the
 * continuation; the continuation's tokens are those of encode(context + continuation) beyond encode(context). An empty
 * context becomes the tokenizer's BOS (or EOS) token. A pair whose continuation has no token of its own is refused.
 */
export const encodeRequest = (
  tokenizer: TextTokenizer,
  id: string,
  context: string,
  continuation: string,
): EncodedRequest =>
  encodeAfter(tokenizer, id, context === '' ? null : encodeContext(tokenizer, context), continuation);

/** The same after a context that is encoded already; null: an empty one. */
const encodeAfter = (
  tokenizer: TextTokenizer,
  id: string,
  context: EncodedContext | null,
  continuation: string,
): EncodedRequest => {
  if (context === null) return encodeWithoutContext(tokenizer, id, continuation);
  const pair = splitPair(tokenizer, context, continuation);
  if (pair.continuationTokens.length === 0) {
    throw refuse(
      'lost-continuation',
      `item "${id}": no token is left for the continuation ${JSON.stringify(continuation)}: the tokenizer ` +
        `merges it into the end of its context.`,
      'Move the boundary: begin the continuation with the space or sign that separates it from the context.',
    );
  }
  return pair;
};

const encodeContext = (tokenizer: TextTokenizer, context: string): EncodedContext => {
  const space = trailingSpace.exec(context)?.[0] ?? '';
  const stem = context.slice(0, context.length - space.length);
  return { stem, space, tokens: encodePrompt(tokenizer, stem) };
};

/** The same of a context that is not empty; the continuation may have no token of its own. */
const splitPair = (
  tokenizer: TextTokenizer,
  { stem, space, tokens }: EncodedContext,
  continuation: string,
): EncodedRequest => ({
  contextTokens: tokens,
  continuationTokens: encodePrompt(tokenizer, stem + space + continuation).slice(tokens.length),
});

/** Whether the tokenizer leaves a continuation tokens of its own after a context that is not empty. */
export const hasOwnTokens = (tokenizer: TextTokenizer, context: string, continuation: string): boolean =>
  splitPair(tokenizer, encodeContext(tokenizer, context), continuation).continuationTokens.length > 0;

/**
 * By what items are grouped in a comparison (`slices.ts`): the length of the question in tokens, and the first token of
 * the right answer (the first of several) with its class; null for a text, and where an answer has no token of its own.
 */
export const traitsOf = (tokenizer: TextTokenizer, reader: TokenReader, item: TaskItem): ItemTraits => {
  const { id } = item;
  const none = { item: id, class: null, token: null };
  if (isTextItem(item)) return { ...none, length: encodePrompt(tokenizer, item.text).length };
  const answer = profiledText(item).slice(item.context.length);
  const { contextTokens, continuationTokens } =
    item.context === ''
      ? { contextTokens: [], continuationTokens: tokenizer.encode(answer, false) }
      : splitPair(tokenizer, encodeContext(tokenizer, item.context), answer);
  const [token] = continuationTokens;
  if (answer === '' || token === undefined) return { ...none, length: contextTokens.length };
  const piece = reader.piece(contextTokens.at(-1) ?? NO_TOKEN, token);
  return { item: id, length: contextTokens.length, class: piece.class, token: piece.text.slice(0, NAME_CHARACTERS) };
};

const encodeWithoutContext = (tokenizer: TextTokenizer, id: string, continuation: string): EncodedRequest => {
  if (tokenizer.prefixToken === null) {
    throw refuse(
      'no-prefix-token',
      `item "${id}" has an empty context, and the tokenizer names neither a BOS nor an EOS token to replace it.`,
      'Give the item a context, or name the tokens in tokenizer_config.json.',
    );
  }
  const tokens = tokenizer.encode(continuation, false);
  const continuationTokens = tokens[0] === tokenizer.prefixToken ? tokens.slice(1) : tokens;
  if (continuationTokens.length === 0)
    throw refuse('lost-continuation', `item "${id}": its continuation has no tokens.`, 'Give the item a continuation.');
  return { contextTokens: [tokenizer.prefixToken], continuationTokens };
};

/** One scored sequence per choice. A context that choices share is encoded once. */
export const encodeChoices = (
  tokenizer: TextTokenizer,
  item: ChoiceItem,
  maxPositions: number,
): readonly ScoredSequence[] => {
  const encoded = new Map<string, EncodedContext | null>([['', null]]);
  return item.choices.map((choice, index) => {
    const text = item.contexts?.[index] ?? item.context;
    const known = encoded.get(text);
    const context = known === undefined ? encodeContext(tokenizer, text) : known;
    encoded.set(text, context);
    const { contextTokens, continuationTokens } = encodeAfter(tokenizer, item.id, context, choice);
    return scoredSequence(item.id, contextTokens, continuationTokens, maxPositions);
  });
};

/** The windows of a text's rolling log-likelihood. */
export const encodeText = (
  tokenizer: TextTokenizer,
  item: TextItem,
  maxPositions: number,
): readonly ScoredSequence[] => {
  if (tokenizer.prefixToken === null) {
    throw refuse(
      'no-prefix-token',
      `item "${item.id}": the tokenizer names neither a BOS nor an EOS token to begin a text with.`,
      'Name one in tokenizer_config.json.',
    );
  }
  return rollingWindows(encodePrompt(tokenizer, item.text), tokenizer.prefixToken, maxPositions);
};

/** The sequences of an item that is scored: one for each choice, or the windows of its text. */
export const encodeScored = (
  tokenizer: TextTokenizer,
  item: ChoiceItem | TextItem,
  maxPositions: number,
): readonly ScoredSequence[] =>
  'choices' in item ? encodeChoices(tokenizer, item, maxPositions) : encodeText(tokenizer, item, maxPositions);

/** Requires an item that is scored by log-probabilities; refuses one with a written answer. */
export const requireScored = (item: TaskItem): ChoiceItem | TextItem => {
  if (!isWrittenItem(item)) return item;
  throw refuse(
    'not-scored',
    `item "${item.id}": its answer is written by the model, so it has no choices to score.`,
    'Measure tasks of written items by decoding, and choose items with choices here.',
  );
};

/** Tokens that a profile reads: context and right answer, or the text, in windows of at most `maxPositions`. */
export const profileSequences = (
  tokenizer: TextTokenizer,
  item: TaskItem,
  maxPositions: number,
): readonly (readonly number[])[] => {
  const tokens = encodePrompt(tokenizer, profiledText(item));
  if (!isTextItem(item)) return [tokens.slice(Math.max(0, tokens.length - maxPositions))];
  const windows: (readonly number[])[] = [];
  for (let start = 0; start < tokens.length; start += maxPositions)
    windows.push(tokens.slice(start, start + maxPositions));
  return windows;
};

/**
 * How much each of the `length` tokens counts that a profile reads of an item; undefined: all alike. The tokens beyond
 * those of the context alone are the answer's.
 */
export const tokenWeights = (tokenizer: TextTokenizer, item: TaskItem, length: number): Float64Array | undefined => {
  if (!isWrittenItem(item) || item.endWeight === undefined) return undefined;
  const all = encodePrompt(tokenizer, profiledText(item)).length;
  const answer = Math.max(1, all - encodePrompt(tokenizer, item.context).length);
  return endWeights(length, Math.min(answer, length), item.endWeight);
};
