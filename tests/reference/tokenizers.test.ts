import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';

const root = process.env['TOKENIZERS'] ?? '';
const folders = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

const cases = z
  .array(
    z.object({
      text: z.string(),
      ids: z.array(z.number()),
      idsWithoutSpecial: z.array(z.number()),
      decoded: z.string(),
    }),
  )
  .min(1);

it(`has tokenizers in ${root}`, () => {
  expect(folders.length).toBeGreaterThan(0);
});

describe.each(folders)('%s', (folder) => {
  const expected = cases.parse(JSON.parse(readFileSync(path.join(root, folder, 'cases.json'), 'utf8')));

  it(`gives the ids and texts of all ${expected.length} cases`, async () => {
    const tokenizer = await loadTokenizer(path.join(root, folder));
    if (tokenizer === null) expect.fail('tokenizer.json is missing');
    const found = expected.map(({ text, idsWithoutSpecial }) => ({
      text,
      ids: tokenizer.encode(text, true),
      idsWithoutSpecial: tokenizer.encode(text, false),
      decoded: tokenizer.decode(idsWithoutSpecial),
    }));
    expect(found).toEqual(expected);
  });
});
