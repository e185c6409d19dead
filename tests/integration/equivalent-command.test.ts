import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { equivalentCommand } from '../../main/words/equivalent-command.ts';
import { sweepSettings } from '../../main/contract/sweep.ts';
import { openExistingWorkspace } from '../../main/workspace/open-workspace.ts';
import { bundled, openComputingEngine } from './computing-engine.ts';
import { temporaryFolder, uncurl } from './run-uncurl.ts';

/** The words that a POSIX shell makes of a line. */
const shellWords = (line: string): string[] =>
  execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);

test.each([
  ['defaults', { methods: ['reap'], factors: [2] }],
  [
    'every setting other than its default',
    {
      methods: ['uncurl', 'hc-smoe', 'random'],
      factors: [1.5, 2, 4],
      options: { uncurl: { starts: 5, align: false }, 'hc-smoe': { linkage: 'complete' } },
      recovery: 'both',
      refits: ['experts', 'router'],
      adaptive: true,
      stop: 'early',
      seeds: [0, 1, 2, 3, 4],
      limit: 30,
      delta: 0.0125,
      first: { task: 'sort' },
    },
  ],
  ['recovery instead of plans', { methods: ['frequency'], factors: [3], recovery: 'only', refits: ['router+experts'] }],
])('the command line of a sweep made by the window makes the same sweep: %s', async (_, given) => {
  const opened = await openComputingEngine();
  const { model, tasks } = await bundled(opened, 'french', 'sort');
  const settings = sweepSettings.parse(given);
  const { run } = await opened.engine.call('sweep.start', { models: [model], tasks, settings, later: true });
  const made = (await opened.engine.call('runs.list', {})).find(({ id }) => id === run) ?? expect.fail('no run');
  const [program, ...words] = shellWords(equivalentCommand(made) ?? expect.fail('no command'));
  expect(program).toBe('uncurl');

  const workspace = join(await temporaryFolder(), 'workspace');
  const { code, stderr } = await uncurl([...words, '--later', '--workspace', workspace]);
  expect(code, stderr).toBe(0);
  const [again] = await (await openExistingWorkspace(workspace)).runs.list();
  expect(again?.spec).toEqual(made.spec);
  expect(again?.models).toEqual(made.models);
  expect(again?.tasks).toEqual(made.tasks);
});
