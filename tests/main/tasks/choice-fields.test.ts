import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { choiceLengths } from '../../../main/contract/task.ts';
import { encodeChoices } from '../../../main/inference/encode-item.ts';
import type { TextTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { DEFAULT_STOP } from '../../../main/tasks/generation/stop-rule.ts';
import { itemOfRow } from '../../../main/tasks/items.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

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

describe('items with several right choices', () => {
  const row = { id: 'w', context: 'b', choices: [' x', ' y', ' z'], answer: 1, alsoRight: [2, 0] };

  it('are read, and have each of them as an answer once they are written', async () => {
    expect(itemOfRow(row, 'file, line 1', DEFAULT_STOP)).toEqual(row);
    const folder = await temporaryFolder();
    await mkdir(path.join(folder, 'chosen'));
    await mkdir(path.join(folder, 'written'));
    await writeFile(path.join(folder, 'chosen', 'test.jsonl'), JSON.stringify(row));
    await writeFile(
      path.join(folder, 'written', 'task.json'),
      JSON.stringify({ name: 'w', metric: 'exact_match', itemsOf: '../chosen' }),
    );
    const { test } = await loadTask(path.join(folder, 'written'));
    expect(test).toMatchObject([{ answers: [' y', ' z', ' x'] }]);
  });

  it.each([[[1]], [[3]], [[0, 0]]])('are refused with %j beside answer 1 of 3 choices', (alsoRight) => {
    const given = { ...row, alsoRight };
    expect(() => itemOfRow(given, 'file, line 1', DEFAULT_STOP)).toThrow(
      /alsoRight is \[.*\] beside answer 1 of 3 choices/,
    );
  });
});
