import { describe, expect, it } from 'vitest';
import { choiceLengths } from '../../../main/contract/task.ts';
import { encodeChoices } from '../../../main/inference/encode-item.ts';
import type { TextTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { DEFAULT_STOP } from '../../../main/tasks/generation/stop-rule.ts';
import { itemOfRow } from '../../../main/tasks/items.ts';

/** One token per character. */
const decode = (ids: readonly number[]): string => String.fromCodePoint(...ids);
const tokenizer: TextTokenizer = {
  encode: (text) => Array.from(text, (character) => character.codePointAt(0) ?? 0),
  decode,
  decodeText: decode,
  prefixToken: null,
  endToken: null,
};

describe('items whose choices have contexts and lengths of their own', () => {
  const row = { id: 'w', context: 'b', choices: [' x', ' x'], answer: 1, contexts: ['a', 'b'], lengths: [3, 7] };

  it('score each choice after its own context, and divide by its own length', () => {
    const item = itemOfRow(row, 'file, line 1', DEFAULT_STOP);
    if (!('choices' in item)) throw new Error('not a choice item');
    const sequences = encodeChoices(tokenizer, item, 100);
    expect(sequences.map(({ input }) => input[0])).toEqual(['a'.codePointAt(0), 'b'.codePointAt(0)]);
    expect(choiceLengths(item)).toEqual([3, 7]);
    expect(choiceLengths({ choices: ['ab', '𝒳'] })).toEqual([2, 1]);
  });

  it.each(['contexts', 'lengths'] as const)('are refused with another number of %s', (key) => {
    expect(() => itemOfRow({ ...row, [key]: row[key].slice(1) }, 'file, line 1', DEFAULT_STOP)).toThrow(
      `1 ${key} for 2 choices`,
    );
  });
});
