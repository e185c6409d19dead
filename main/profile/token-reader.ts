import type { TextTokenizer } from '../checkpoint/load-tokenizer.ts';
import { NO_TOKEN } from './choice-sample.ts';
import type { TokenReader } from './expert-tokens.ts';
import { tokenClasses } from '../contract/outcome.ts';
import { tokenClass } from './token-class.ts';

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
      const key = `${String(previous)} ${String(token)}`;
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
