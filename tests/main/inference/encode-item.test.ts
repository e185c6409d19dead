import { describe, expect, it } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { encodeChoices, encodeRequest } from '../../../main/inference/encode-item.ts';
import { scoringFixture } from '../checkpoint/checkpoint-files.ts';

/** A tokenizer that is easy to read: one token per character, except that "ab" is one; BOS is 0. */
const plain: TextTokenizer = {
  encode: (text, special) => [
    ...(special ? [0] : []),
    ...Array.from(text.matchAll(/ab|[^]/g), ([piece]) => (piece === 'ab' ? 1000 : (piece.codePointAt(0) ?? 0))),
  ],
  decode: () => '',
  decodeText: () => '',
  endToken: null,
  prefixToken: 0,
};
const code = (character: string): number => character.codePointAt(0) ?? 0;

describe('the tokens of a context and a continuation', () => {
  it('are those of the whole text beyond the context', () => {
    expect(encodeRequest(plain, 'i', 'x', ' y')).toEqual({
      contextTokens: [0, code('x')],
      continuationTokens: [code(' '), code('y')],
    });
  });

  it('move white space from the end of the context to the continuation', () => {
    expect(encodeRequest(plain, 'i', 'x \t\n', 'y')).toEqual({
      contextTokens: [0, code('x')],
      continuationTokens: [32, 9, 10, code('y')],
    });
    // A no-break space is white space for the harness, a zero-width space is not.
    expect(encodeRequest(plain, 'i', 'x\u00a0', 'y').contextTokens).toEqual([0, code('x')]);
    expect(encodeRequest(plain, 'i', 'x\u200b', 'y').contextTokens).toEqual([0, code('x'), 0x200b]);
  });

  it('follow the whole text where the boundary merges', () => {
    // "a" + "by" is the tokens "ab", "y": the context has one token beside BOS, so "y" alone is scored.
    expect(encodeRequest(plain, 'i', 'a', 'by')).toEqual({
      contextTokens: [0, code('a')],
      continuationTokens: [code('y')],
    });
  });

  it('are refused by id where the boundary swallows the continuation', () => {
    expect(() => encodeRequest(plain, 'question 3', 'a', 'b')).toThrow(
      /item "question 3": no token is left for the continuation "b"/,
    );
    expect(() => encodeRequest(plain, 'question 3', 'a', '')).toThrow(
      expect.objectContaining({ code: 'lost-continuation', kind: 'refused' }),
    );
  });

  it('follow BOS where there is no context, without a second BOS', () => {
    expect(encodeRequest(plain, 'i', '', 'yz')).toEqual({
      contextTokens: [0],
      continuationTokens: [code('y'), code('z')],
    });
    expect(encodeRequest(plain, 'i', '', '\0y')).toEqual({ contextTokens: [0], continuationTokens: [code('y')] });
    expect(() => encodeRequest(plain, 'i', '', '')).toThrow(/its continuation has no tokens/);
    expect(() => encodeRequest({ ...plain, prefixToken: null }, 'i', '', 'y')).toThrow(
      /neither a BOS nor an EOS token/,
    );
  });

  it('lose "s" after "expert" in a real tokenizer that knows "experts"', async () => {
    const tokenizer = await loadTokenizer(scoringFixture('mixtral-byte-fallback'));
    if (tokenizer === null) expect.fail('no tokenizer');
    expect(tokenizer.encode('The experts', true).length).toBe(tokenizer.encode('The expert', true).length);
    expect(() => encodeRequest(tokenizer, 'r', 'The expert', 's')).toThrow(/no token is left/);
  });
});

describe('the choices of an item', () => {
  const item = { id: 'i', context: 'x ', choices: ['a', 'ab', 'by'], answer: 0 };
  const encoded = (contexts?: string[]): { readonly texts: string[]; readonly inputs: readonly unknown[] } => {
    const texts: string[] = [];
    const noting: TextTokenizer = {
      ...plain,
      encode: (text, special) => {
        texts.push(text);
        return plain.encode(text, special);
      },
    };
    const sequences = encodeChoices(noting, contexts === undefined ? item : { ...item, contexts }, 64);
    return { texts, inputs: sequences.map(({ input, targets }) => [...input, ...targets.slice(-1)]) };
  };

  it('have the tokens of each pair, and a context that they share is encoded once', () => {
    const { texts, inputs } = encoded();
    expect(inputs).toEqual(item.choices.map((choice) => plain.encode(`x ${choice}`, true)));
    expect(texts).toEqual(['x', 'x a', 'x ab', 'x by']);
  });

  it('may have contexts of their own', () => {
    expect(encoded(['x', 'y', 'x']).texts).toEqual(['x', 'xa', 'y', 'yab', 'xby']);
  });
});
