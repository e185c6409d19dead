import { spawnSync } from 'node:child_process';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeTemporaryFolder } from '../../../main/files/temporary-folder.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const module = new URL('../../../main/files/temporary-folder.ts', import.meta.url).href;

/** The temporary folder of another process, which was killed. */
const leftBehind = (parent: string): string => {
  const program = `import { makeTemporaryFolder } from ${JSON.stringify(module)};
    import { writeFileSync } from 'node:fs';
    const folder = await makeTemporaryFolder('overlay', ${JSON.stringify(parent)});
    writeFileSync(folder + '/weights', 'half of them');
    console.log(folder);
    process.kill(process.pid, 'SIGKILL');`;
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  if (process.platform !== 'win32') expect(signal).toBe('SIGKILL');
  return stdout.trim();
};

test('what a killed process left goes with the first folder of the next, and nothing else', async () => {
  const parent = await temporaryFolder();
  const left = leftBehind(parent);
  expect(await readdir(parent)).toEqual([path.basename(left)]);
  // Another machine that shares the folder, names without an owner, and another program's.
  const stay = ['uncurl-overlay-00000000-7-12345-0123456789ab', 'uncurl-seen-Ab12Cd', 'other-7'];
  for (const name of stay) await mkdir(path.join(parent, name));
  await writeFile(path.join(parent, 'uncurl-report'), '');
  const first = await makeTemporaryFolder('seen', parent);
  expect((await readdir(parent)).sort()).toEqual([...stay, 'uncurl-report', path.basename(first)].sort());
  if (process.platform !== 'win32') expect((await stat(first)).mode & 0o777).toBe(0o700);
  // That of a living process stays, whoever comes next.
  const next = leftBehind(parent);
  expect(await readdir(parent)).toContain(path.basename(first));
  expect(path.basename(next)).toMatch(/^uncurl-overlay-/);
});

test('a parent in which no folder can be made is named', async () => {
  const parent = path.join(await temporaryFolder(), 'gone');
  await expect(makeTemporaryFolder('seen', parent)).rejects.toMatchObject({ code: 'no-temporary-folder' });
});
