import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replaceBrokenBytes, loadTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { scoringFixture } from './checkpoint-files.ts';

const bytes = (text: string): string[] =>
  [...new TextEncoder().encode(text)].map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);

describe('invalid UTF-8 bytes', () => {
  it('become U+FFFD each, with all bytes of their run', () => {
    expect(replaceBrokenBytes(['<0xE0>', '<0x51>', 'a', '<0xC3>', '<0xA9>', 'b', '<0xC3>'])).toEqual([
      '\ufffd',
      '\ufffd',
      'a',
      '<0xC3>',
      '<0xA9>',
      'b',
      '\ufffd',
    ]);
    expect(replaceBrokenBytes([])).toEqual([]);
  });

  it('are found in any context, and valid text is unchanged', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1 }), (texts) => {
        const tokens = texts.flatMap((text) => ['x', ...bytes(text)]);
        expect(replaceBrokenBytes(tokens)).toEqual(tokens);
        expect(replaceBrokenBytes([...tokens, 'x', '<0xFF>'])).toEqual([...tokens, 'x', '\ufffd']);
      }),
    );
  });

  it('are decoded this way by a tokenizer with byte fallback', async () => {
    const tokenizer = await loadTokenizer(scoringFixture('mixtral-byte-fallback'));
    // <0xE0> <0x51>, then the two bytes of "é".
    expect(tokenizer?.decodeText([227, 84, 275, 198, 172])).toBe('\ufffd\ufffdaé');
    expect(tokenizer?.decodeText([1, 275, 2])).toBe('a');
    expect(tokenizer?.decode([1, 275, 2])).toBe('<s>a</s>');
    expect(tokenizer?.endToken).toEqual({ id: 2, text: '</s>' });
  });
});
