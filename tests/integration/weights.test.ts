import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { temporaryFolder, uncurlHere } from './run-uncurl.ts';

const answer = z.looseObject({ ...sweepDocument.shape, summary: z.string() });

test('a sweep measures every model at each type of weights, and keeps its steps', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const sweep = async (weights: string): Promise<z.output<typeof answer>> => {
    const { code, stdout, stderr } = await uncurlHere([
      ...['sweep', 'uncurl-8', '--task', 'add', '--method', 'reap', 'frequency-merging', '--factors', '2'],
      ...['--limit', '40', '--weights', weights, '--workspace', workspace, '--json'],
    ]);
    expect(code, stderr).toBe(0);
    return answer.parse(JSON.parse(stdout));
  };
  const { results, summary } = await sweep('stored,q4_0');
  expect(results.map(({ method, factor }) => [method, factor])).toEqual([
    ['unpruned', 1],
    ['reap', 2],
    ['frequency-merging', 2],
    ['unpruned@q4_0', 1],
    ['reap@q4_0', 2],
    ['frequency-merging@q4_0', 2],
  ]);
  expect(summary).toBe('7 of 7 steps computed, 0 reused from disk.');
  const lossOf = (method: string): number | undefined =>
    results.find((result) => result.method === method)?.answerLoss?.mean;
  for (const method of ['reap', 'frequency-merging']) expect(lossOf(`${method}@q4_0`)).not.toBe(lossOf(method));
  expect(lossOf('unpruned@q4_0')).not.toBe(0);
  const bytesOf = (method: string): number => results.find((result) => result.method === method)?.cost?.bytes ?? 0;
  expect(bytesOf('reap@q4_0') / bytesOf('reap')).toBeCloseTo(18 / 64, 1);
  expect(await readdir(join(workspace, 'tmp'))).toEqual([]);

  const again = await sweep('stored,q4_0');
  expect(again.summary).toBe('0 of 7 steps computed, 7 reused from disk.');
  expect(again.results).toEqual(results);
  // Stored weights have the steps of a sweep without the setting.
  expect((await sweep('stored')).summary).toBe('0 of 4 steps computed, 4 reused from disk.');
});

test('weights that no file can hold are refused before anything runs', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--method', 'reap', '--factors', '2', '--workspace', workspace];
  const wrong = await uncurlHere([...sweep, '--weights', 'q3_0']);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/q3_0[^]*stored, f32, f16, bf16, q8_0/)]);
  const budget = await uncurlHere([...sweep, '--weights', 'q8_0', '--budget', 'global']);
  expect([budget.code, budget.stderr]).toEqual([2, expect.stringMatching(/budget global .* no q8_0 file can hold/)]);
});
