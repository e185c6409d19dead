import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { commandLineHere as uncurl } from './command-line-here.ts';

test('runs are named, tagged, archived, found, moved to the trash and back by the command line', async () => {
  const folder = await temporaryFolder();
  const run = async (...words: readonly string[]) => uncurl('runs', ...words, '--workspace', folder);
  await uncurl('sample', '--workspace', folder);
  expect((await run('rename', 'sample', 'The', 'paper', 'sweep')).stdout).toContain('“The paper sweep”');
  expect((await run('tag', 'sample', 'paper,', '#first')).stdout).toContain('sample: #paper #first.');
  expect((await run('untag', 'sample', 'first')).stdout).toContain('sample: #paper.');
  expect((await run()).stdout).toMatch(/sample +sweep +done .*The paper sweep +#paper/);
  expect((await run('--tag', 'nothing')).stdout).toContain('1 more is archived or filtered out.');
  await run('archive', 'sample');
  expect((await run()).stdout).not.toContain('The paper sweep');
  expect((await run('--archived', '--find', 'PAPER')).stdout).toMatch(/done, archived/);
  expect((await run('log', 'sample')).stdout).toContain('sample has no log.');
  await run('trash', 'sample');
  expect((await run('trash')).stdout).toMatch(/sample-[0-9a-f]{6} +sweep .*The paper sweep/);
  expect((await run('restore', 'sample')).stdout).toContain('sample is among the runs again.');
  await run('--trash', 'sample');
  expect(await run('empty-trash')).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  expect((await run('empty-trash', '--yes')).stdout).toMatch(/1 run \(.+\) deleted\./);
  await mkdir(join(folder, 'trash', 'mine'));
  expect((await run('trash')).stdout).toContain('The trash is empty.');
  expect(await run('ranme', 'sample')).toMatchObject({ code: 2, stderr: expect.stringMatching(/rename/) });
});
