import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { sweepDocument, type SweepResult } from '../../main/contract/sweep.ts';
import { temporaryFolder, uncurlHere } from './run-uncurl.ts';

const answer = z.looseObject(sweepDocument.shape);

test('recovery improves unseen sums at factor 4 beyond the paired interval and raises the threshold', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const { code, stdout, stderr } = await uncurlHere([
    'sweep',
    'uncurl-32',
    '--task',
    'add',
    '--method',
    'frequency',
    '--factors',
    '2,4',
    '--recovery',
    'both',
    '--json',
    '--workspace',
    workspace,
  ]);
  expect(code, stderr).toBe(0);
  const { results, thresholds, notes } = answer.parse(JSON.parse(stdout));
  const at = (method: string, factor: number): SweepResult => {
    const found = results.find((result) => result.method === method && result.factor === factor);
    if (found === undefined) throw new Error(`no ${method} at ${String(factor)}`);
    return found;
  };
  // Both intervals are of the difference to unpruned on the same items, and they do not overlap.
  expect(at('frequency+recovery', 4).low).toBeGreaterThan(at('frequency', 4).high);
  const lastSafe = (method: string): number | null | undefined =>
    thresholds.find((threshold) => threshold.method === method)?.lastSafe;
  expect([lastSafe('frequency'), lastSafe('frequency+recovery')]).toEqual([1, 2]);
  expect(notes?.join('\n')).toMatch(
    /recovery is better than the same plan without it at 2 of 2 points \(paired 95 % interval\)/,
  );
});
