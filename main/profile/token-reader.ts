import { type TokenClass, tokenClasses } from '../contract/outcome.ts';
import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { NO_TOKEN } from './choice-sample.ts';
import type { TokenReader } from './expert-tokens.ts';

/**
 * Class of a token: `special` where its text is left out of plain text (BOS, EOS, padding); `white space`, `digit` and
 * `punctuation` (symbols too) where it is nothing else except a leading space; of the rest, `word start` where letters
 * begin after anything but a letter or digit, `continuation` where they continue one; `other`: parts of characters, and
 * mixtures of these.
 *
 * `before`: the text before it, empty at the beginning.
 */
export const tokenClass = (text: string, before: string, isSpecial: boolean): TokenClass => {
  if (isSpecial) return 'special';
  if (text === '' || text.includes('\ufffd')) return 'other';
  const bare = text.trimStart();
  if (bare === '') return 'white space';
  if (/^\p{N}+$/u.test(bare)) return 'digit';
  if (/^[\p{P}\p{S}]+$/u.test(bare)) return 'punctuation';
  if (!/^[\p{L}\p{M}]/u.test(bare)) return 'other';
  return bare === text && /[\p{L}\p{M}\p{N}]$/u.test(before) ? 'continuation' : 'word start';
};

/**
 * Reads tokens with a tokenizer. A token's own text is what it adds to its predecessor's: many tokenizers drop a
 * leading space where a text begins.
 */
export const tokenReader = (tokenizer: Pick<TextTokenizer, 'decode' | 'decodeText'>): TokenReader => {
  const known = new Map<string, ReturnType<TokenReader['piece']>>();
  const alone = new Map<number, string>();
  const decodedAlone = (token: number): string => {
    const text = alone.get(token) ?? (token === NO_TOKEN ? '' : tokenizer.decode([token]));
    alone.set(token, text);
    return text;
  };
  return {
    piece: (previous, token) => {
      const key = `${previous} ${token}`;
      const found = known.get(key);
      if (found !== undefined) return found;
      const before = decodedAlone(previous);
      const both = previous === NO_TOKEN ? decodedAlone(token) : tokenizer.decode([previous, token]);
      // Where the two texts cannot simply be joined (parts of one character), the token is read alone.
      const text = both.startsWith(before) ? both.slice(before.length) : decodedAlone(token);
      const isSpecial = decodedAlone(token) !== '' && tokenizer.decodeText([token]) === '';
      const piece = { text, class: tokenClass(text, before, isSpecial) };
      known.set(key, piece);
      return piece;
    },
    text: (tokens) => tokenizer.decode(tokens),
  };
};

/** Index in `tokenClasses` of each token after the one before it. */
export const classesOf = (
  { piece }: TokenReader,
  tokens: readonly (readonly [previous: number, token: number])[],
): Uint8Array => Uint8Array.from(tokens, ([previous, token]) => tokenClasses.indexOf(piece(previous, token).class));
