import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder, uncurl } from './run-uncurl.ts';

test('the workspace in the settings is the default of the command line, which can name another', async () => {
  const folder = await temporaryFolder();
  const [set, other] = [join(folder, 'set'), join(folder, 'other')];
  const environment = { UNCURL_SETTINGS: join(folder, 'settings.json'), UNCURL_WORKSPACE: '' };
  await writeFile(environment.UNCURL_SETTINGS, JSON.stringify({ workspace: set }));
  const first = await uncurl(['sample', '--json'], environment);
  expect(JSON.parse(first.stdout)).toEqual({ workspace: set, run: 'sample', added: true });
  const again = await uncurl(['sample'], environment);
  expect(again).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/already contains the sample: nothing was changed/),
  });
  expect(await readdir(join(set, 'runs'))).toEqual(['sample']);
  const named = await uncurl(['sample', '--workspace', other, '--json'], environment);
  expect(JSON.parse(named.stdout)).toMatchObject({ workspace: other, added: true });

  await writeFile(environment.UNCURL_SETTINGS, '{"threads":');
  const refused = await uncurl(['runs'], environment);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/settings\.json is not JSON/) });
  expect(await uncurl(['methods'], environment)).toMatchObject({ code: 0 });
});
