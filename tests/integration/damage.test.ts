import { expect, test } from 'vitest';
import { z } from 'zod';
import { damageDocument } from '../../main/contract/damage.ts';
import { temporaryFolder, uncurlHere } from './run-uncurl.ts';

test('damage: the loss on a task without one expert, from disk the second time', async () => {
  const workspace = `--workspace=${await temporaryFolder()}`;
  const command = ['damage', 'uncurl-8', 'add', '--layer', '0', '--expert', '3', workspace];
  const first = await uncurlHere([...command, '--json']);
  expect(first.code, first.stderr).toBe(0);
  const document = damageDocument.extend({ summary: z.string() }).parse(JSON.parse(first.stdout));
  expect(document).toMatchObject({ layer: 0, experts: 8, summary: '2 of 2 steps computed, 0 reused from disk.' });
  expect(document.results.map(({ expert }) => expert)).toEqual([3]);
  const second = await uncurlHere(command);
  expect(second.stdout).toContain('0 of 2 steps computed, 2 reused from disk.');
  expect(second.stdout).toMatch(/uncurl-8 on add: acc [\d.]+ on \d+ items with every expert; without one of layer 0:/);
  const refused = await uncurlHere(['damage', 'uncurl-8', 'add', '--layer', '7', workspace]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('Layer 7 is not among the 3 MoE layers');
});
