import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { removeLeftovers } from '../../../main/compute/remove-leftovers.ts';
import { unfinishedName } from '../../../main/export/unfinished-exports.ts';
import { temporaryNameFor } from '../../../main/files/write-atomically.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test('what one process had begun goes, files and folders; what others write stays', async () => {
  const folder = await temporaryFolder();
  const mine = temporaryNameFor(path.join(folder, 'step.json'), folder);
  const folderOfMine = temporaryNameFor(path.join(folder, 'run'), folder);
  const theirs = path.join(folder, path.basename(mine).replace(`.${String(process.pid)}-`, '.1-'));
  for (const file of [mine, theirs]) await writeFile(file, '');
  await mkdir(folderOfMine);
  await writeFile(path.join(folderOfMine, 'x'), '');
  await writeFile(path.join(folder, `note.${String(process.pid)}.txt`), '');
  await removeLeftovers({ kind: 'sweep', spec: {} }, process.pid, folder);
  expect((await readdir(folder)).sort()).toEqual([path.basename(theirs), `note.${String(process.pid)}.txt`].sort());
});

test('a killed export leaves no unfinished folder beside its destination; a lost one hinders nothing', async () => {
  const folder = await temporaryFolder();
  const destination = path.join(folder, 'small');
  // Of a process of this machine that has ended: its number and start are nobody's.
  const own = path.basename(unfinishedName(destination));
  const dead = own.replace(/-(\d+)-(\d*)-([0-9a-f]{12})$/, '-2147483646-1-$3');
  await mkdir(path.join(folder, dead));
  await removeLeftovers({ kind: 'export', spec: { destination } }, 2_147_483_646, await temporaryFolder());
  expect(await readdir(folder)).toEqual([]);
  const gone = { destination: path.join(folder, 'nowhere', 'small') };
  await removeLeftovers({ kind: 'export', spec: gone }, 2_147_483_646, folder);
});
