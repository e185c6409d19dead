import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { commandLineHere } from './command-line-here.ts';

test('a plan that lacks statistics names a profile that measures them', async () => {
  const folder = await temporaryFolder();
  const profile = join(folder, 'own.safetensors');
  const made = await commandLineHere(
    'profile',
    'uncurl-8',
    '--task',
    'capital',
    '--method',
    'uncurl',
    '--out',
    profile,
  );
  expect(made).toMatchObject({ code: 0 });
  const plan = (...options: readonly string[]) =>
    commandLineHere('plan', 'uncurl-8', '--profile', profile, ...options, '--out', join(folder, 'plan.json'));
  // A merging method measures nothing beside routing; the budget reads the effect of leaving out experts.
  expect(await plan('--method', 'uncurl', '--factor', '2', '--budget', 'inverse-importance')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Make it with `uncurl profile --method all`.') as string,
  });
  // What the method itself reads is measured for it.
  expect(await plan('--method', 'hc-smoe', '--factor', '2')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Make it with `uncurl profile --method hc-smoe`.') as string,
  });
});
