import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { copySideFiles, removeAbandonedExports, unfinishedName } from '../../../main/export/export-folder.ts';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { changeableCopy, checkpointFixture } from '../checkpoint/checkpoint-files.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { exportRequest } from './export-settings.ts';

const module = new URL('../../../main/export/export-folder.ts', import.meta.url).href;
const half = {
  kept: [
    [0, 2, 3, 6],
    [1, 3, 4, 5],
  ],
};

/** The folder of an export in another process, which has ended. */
const leftBehind = async (destination: string): Promise<string> => {
  const program = `import { unfinishedName } from ${JSON.stringify(module)};
    console.log(unfinishedName(${JSON.stringify(destination)}));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  const folder = stdout.trim();
  await mkdir(folder);
  await writeFile(path.join(folder, 'model.safetensors'), 'half of it');
  return folder;
};

it('the remains of a killed export are removed by the next one to the same path, which reports it', async () => {
  const request = await exportRequest(checkpointFixture('mixtral'), half);
  const left = await leftBehind(request.destination);
  const other = await leftBehind(path.join(request.parent, 'another'));
  const { warnings } = await exportPlan(request);
  expect(warnings).toEqual([`Removed the remains of a killed export: ${path.basename(left)}.`]);
  expect((await readdir(request.parent)).sort()).toEqual([path.basename(other), 'pruned'].sort());
});

it('an export in progress stays, and the remains of another machine are removed after a day', async () => {
  const destination = path.join(await temporaryFolder(), 'pruned');
  const mine = unfinishedName(destination);
  const foreign = path.join(path.dirname(mine), '.pruned.part-00000000-7-12345-0123456789ab');
  for (const folder of [mine, foreign]) await mkdir(folder);
  expect(await removeAbandonedExports(destination)).toEqual([]);
  const old = new Date(Date.now() - 25 * 60 * 60 * 1000);
  for (const folder of [mine, foreign]) await utimes(folder, old, old);
  expect(await removeAbandonedExports(destination)).toEqual([path.basename(foreign)]);
});

it('side files that are links out of the model are left out and reported; those of a cache are copied', async () => {
  const cache = await temporaryFolder();
  const [blobs, snapshot, made] = ['blobs', 'snapshots/abc', 'made'].map((name) => path.join(cache, name));
  if (blobs === undefined || snapshot === undefined || made === undefined) throw new Error('three folders');
  for (const folder of [blobs, snapshot, made]) await mkdir(folder, { recursive: true });
  const secret = path.join(cache, 'secret');
  await writeFile(secret, 'private');
  await writeFile(path.join(blobs, '1234'), '{}');
  await writeFile(path.join(snapshot, 'LICENSE'), 'MIT');
  await symlink('../../blobs/1234', path.join(snapshot, 'generation_config.json'));
  await symlink(secret, path.join(snapshot, 'vocab.txt'));
  await symlink('/nowhere', path.join(snapshot, 'special_tokens_map.json'));
  expect(await copySideFiles(snapshot, made)).toEqual({
    copied: ['LICENSE', 'generation_config.json'],
    leftOut: ['special_tokens_map.json', 'vocab.txt'],
  });
  expect((await readdir(made)).sort()).toEqual(['LICENSE', 'generation_config.json']);
});

it('no other file of a model is copied, whatever its name begins or ends with', async () => {
  const [source, made] = [await temporaryFolder(), await temporaryFolder()];
  const strange = ['LICENSE.service', 'license.desktop', 'notice.sh', 'autorun.json', 'sitecustomize.txt', 'a.jinja'];
  for (const name of [...strange, 'LICENSE', 'tokenizer.json', 'README.md', 'uncurl_finetune.json', 'x.index.json'])
    await writeFile(path.join(source, name), '{}');
  await mkdir(path.join(source, 'NOTICE'));
  expect(await copySideFiles(source, made)).toEqual({ copied: ['LICENSE', 'tokenizer.json'], leftOut: [] });
  expect((await readdir(made)).sort()).toEqual(['LICENSE', 'tokenizer.json']);
});

it('an export says which side files it left out', async () => {
  const source = await changeableCopy(checkpointFixture('mixtral'));
  await symlink('/etc/hostname', path.join(source, 'NOTICE.txt'));
  const { folder, warnings } = await exportPlan(await exportRequest(source, half));
  expect(warnings).toEqual([`NOTICE.txt was not copied: it is a link out of the model's folder.`]);
  expect(await readdir(folder)).not.toContain('NOTICE.txt');
});

it('the card shows foreign names as text, not as elements, images or links', async () => {
  const tasks = ['<img src=x onerror=alert(1)>', '[click](http://example.org) ![a](b)'];
  const request = await exportRequest(checkpointFixture('mixtral'), { ...half, tasks });
  const destination = path.join(request.parent, '<b onclick=alert(1)>');
  const { folder } = await exportPlan({ ...request, destination });
  const card = await readFile(path.join(folder, 'README.md'), 'utf8');
  const text = card.slice(card.indexOf('# '));
  expect(text).not.toMatch(/<(?:img|b)\b/);
  expect(text).toContain('# &lt;b onclick=alert(1)&gt;');
  expect(text).toContain('&lt;img src=x onerror=alert(1)&gt;');
  expect(text).not.toMatch(/(?<!\\)\[(?:click|a)/);
});
