import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ggufTokenizer, mergeScores } from '../../../../main/export/gguf/tokenizer-metadata.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';
import { addCharacters } from './llama-models.ts';

/** Joins pairs in the order of a list of merges, the leftmost first. */
const byMerges = (text: string, merges: readonly (readonly [string, string])[]): readonly string[] => {
  let parts = Array.from(text);
  for (;;) {
    const found = merges.find(([left, right]) => parts.some((part, at) => part === left && parts[at + 1] === right));
    if (found === undefined) return parts;
    const at = parts.findIndex((part, index) => part === found[0] && parts[index + 1] === found[1]);
    parts = [...parts.slice(0, at), found[0] + found[1], ...parts.slice(at + 2)];
  }
};

/** Joins the pair whose result has the best score, the leftmost first, like llama.cpp. */
const byScores = (text: string, scores: ReadonlyMap<string, number>): readonly string[] => {
  let parts = Array.from(text);
  for (;;) {
    let [best, at] = [-Infinity, -1];
    for (let index = 0; index + 1 < parts.length; index += 1) {
      const score = scores.get((parts[index] ?? '') + (parts[index + 1] ?? '')) ?? -Infinity;
      if (score > best) [best, at] = [score, index];
    }
    if (at === -1) return parts;
    parts = [...parts.slice(0, at), (parts[at] ?? '') + (parts[at + 1] ?? ''), ...parts.slice(at + 2)];
  }
};

const merges = [
  ['a', 'b'],
  ['c', 'd'],
  ['ab', 'c'],
  ['ab', 'cd'],
  ['abc', 'd'],
] as const;
const pieces = ['a', 'b', 'c', 'd', 'ab', 'cd', 'abc', 'abcd'];

describe('scores of merges', () => {
  it('join like the merges', () => {
    const scores = mergeScores(
      pieces,
      merges.map(([left, right]) => [left, right]),
    );
    if (typeof scores === 'string') expect.fail(scores);
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 12 }), (text) => {
        expect(byScores(text, scores)).toEqual(byMerges(text, merges));
      }),
    );
  });

  it('do not exist if they would join a pair that is not merged', () => {
    expect(
      mergeScores(
        pieces,
        [...merges.slice(0, 4)].map(([left, right]) => [left, right]),
      ),
    ).toBe('its merges do not join "abc" and "d", but scores would');
  });

  it('do not exist if another result lies between two ways to the same one', () => {
    const back: [string, string][] = [
      ['a', 'b'],
      ['b', 'c'],
      ['ab', 'c'],
      ['c', 'd'],
      ['a', 'bc'],
    ];
    expect(mergeScores(['a', 'b', 'c', 'd', 'ab', 'bc', 'abc', 'cd'], back)).toMatch(/return to "abc"/);
  });
});

describe('types of tokens', () => {
  /** As in llama.h (`enum llama_token_type`). */
  const [normal, unknown, control, userDefined, unused, byte] = [1, 2, 3, 4, 5, 6] as const;
  const special = (id: number, content: string) => {
    return { id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false };
  };
  const typesOf = async (vocabulary: number, edit: (tokenizer: Record<string, unknown>) => void): Promise<unknown> => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'config.json'), JSON.stringify({ vocab_size: 4 }));
    await addCharacters(folder, edit);
    return (await ggufTokenizer(folder, vocabulary)).metadata.get('tokenizer.ggml.token_type')?.value;
  };

  it('are those of llama.cpp: special tokens are control tokens, and rows without a token are unused', async () => {
    const bytes = Array.from({ length: 256 }, (_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`);
    const pieces = ['<unk>', '<s>', '</s>', ...bytes, '\u2581', 'a', 'b', 'ab'];
    const types = await typesOf(pieces.length + 2, (tokenizer) => {
      const spaces = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
      const normalizers = [{ type: 'Prepend', prepend: '\u2581' }, spaces];
      const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
      const model = { type: 'BPE', unk_token: '<unk>', byte_fallback: true, fuse_unk: true, vocab, merges: ['a b'] };
      const added_tokens = pieces.slice(0, 3).map((piece, id) => special(id, piece));
      Object.assign(tokenizer, { added_tokens, normalizer: { type: 'Sequence', normalizers }, model });
    });
    expect(types).toEqual([
      ...[unknown, control, control],
      ...bytes.map(() => byte),
      ...[normal, normal, normal, normal],
      ...[unused, unused],
    ]);
  });

  it('of single characters are user-defined for special tokens, which are then found in plain text', async () => {
    const types = await typesOf(5, (tokenizer) => {
      tokenizer['added_tokens'] = [special(0, '<unk>'), special(4, '<end>')];
    });
    expect(types).toEqual([unknown, normal, normal, normal, userDefined]);
  });
});
