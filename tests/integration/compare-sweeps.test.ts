import { expect, test } from 'vitest';
import { sweepsComparison } from '../../main/contract/compare.ts';
import { temporaryFolder, uncurlHere } from './run-uncurl.ts';

const sweepOf = async (workspace: string, method: string, limit: number): Promise<string> => {
  const { code, stdout, stderr } = await uncurlHere(
    `sweep uncurl-8 --task capital --method ${method} --factors 1,4 --limit ${limit} --json`
      .split(' ')
      .concat('--workspace', workspace),
  );
  expect(code, stderr).toBe(0);
  const { run }: { run: string } = JSON.parse(stdout);
  return run;
};

test('two sweeps on disk are compared item by item, with their different settings', async () => {
  const workspace = await temporaryFolder();
  const first = await sweepOf(workspace, 'reap', 60);
  const second = await sweepOf(workspace, 'random', 40);
  const answer = await uncurlHere(['compare', first, second, '--json', '--workspace', workspace]);
  expect(answer.code, answer.stderr).toBe(0);
  const { settings, rows, notes } = sweepsComparison.parse(JSON.parse(answer.stdout));
  expect(settings.map(({ key }) => key).filter((key) => !key.startsWith('options.'))).toEqual(['methods', 'limit']);
  expect(
    rows.map(({ method, referenceMethod, factor, items, n }) => [method, referenceMethod, factor, items, n]),
  ).toEqual([
    ['unpruned', 'unpruned', 1, 'common', 40],
    ['random', 'reap', 4, 'common', 40],
  ]);
  expect(rows[0]).toMatchObject({ difference: 0, lost: 0, gained: 0, p: 1 });
  const pruned = rows[1];
  if (pruned === undefined) throw new Error('a row');
  expect(pruned.difference).toBeCloseTo(((pruned.gained ?? 0) - (pruned.lost ?? 0)) / 40, 12);
  expect(notes[0]).toMatch(/^On capital one sweep asked more items/);

  const printed = await uncurlHere(['compare', first, second, '--workspace', workspace]);
  expect(printed.stdout).toMatch(/limit +60 +40/);
  expect(printed.stdout).toMatch(/random for reap +4 +40 shared, paired/);
  expect(await uncurlHere(['compare', first, second, '--model', 'x', '--workspace', workspace])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--model applies to the comparison of methods in one sweep only'),
  });
  expect(await uncurlHere(['compare', first, first, '--workspace', workspace])).toMatchObject({ code: 2 });
  const log = await uncurlHere(['runs', 'log', second, '--workspace', workspace]);
  expect(log.stdout).toMatch(/Started on CPU, float32, \d+ threads?\./);
  expect(log.stdout).toMatch(/uncurl-8, capital, random, seed 0, x4: acc/);
  expect(log.stdout).toMatch(/Done\. /);
});
