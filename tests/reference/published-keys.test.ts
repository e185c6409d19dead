import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { publishedFixture, writePublished } from './published-fixture.ts';
import { unprovenFamilies } from '../structure/proven-families.ts';
import { publishedKeys, publishedNames } from './published-keys.ts';

test.each(publishedNames())('every key of %s as released is read, or known to change nothing', (name) => {
  const keys = publishedKeys(name);
  expect(keys.filter(({ use }) => use === 'unknown').map(({ key }) => key)).toEqual([]);
  expect(keys.filter(({ use }) => use === 'read').length).toBeGreaterThan(8);
});

test('a released config stands for every family', async () => {
  expect(await unprovenFamilies()).toEqual([]);
});

test.each([
  ['olmoe', 'attn_output_gate', true, /"attn_output_gate" is true, which other families read and olmoe does not/],
  ['qwen3_moe', 'n_shared_experts', 1, /"n_shared_experts" is 1, which other families read and qwen3_moe does not/],
  ['mistral4', 'head_dim', 16, /"head_dim" is 16 where qk_nope_head_dim \+ qk_rope_head_dim is 12/],
  ['deepseek_v2', 'norm_topk_prob', true, /"norm_topk_prob" is true, which other families read and deepseek_v2/],
] as const)('%s with %s is refused by the name of the key', async (name, key, value, message) => {
  const fixture = publishedFixture(name);
  const folder = await writePublished(fixture);
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...fixture.config, [key]: value }));
  await expect(openCheckpoint(folder)).rejects.toMatchObject({
    code: 'unsupported-config',
    message: expect.stringMatching(message),
  });
});

test('keys that no family reads are named, and change nothing', async () => {
  const fixture = publishedFixture('mixtral');
  const folder = await writePublished(fixture);
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...fixture.config, my_note: 'x', another: 1 }));
  const { info } = await openCheckpoint(folder);
  expect([info.supported, info.reasons.join(' ')]).toEqual([
    true,
    expect.stringContaining('nothing here reads these keys of its config: my_note, another'),
  ]);
});
