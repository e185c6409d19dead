import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { removeLeftovers } from '../../../main/compute/remove-leftovers.ts';
import { unfinishedName } from '../../../main/export/unfinished-exports.ts';
import { temporaryNameFor, temporaryWriter } from '../../../main/files/write-atomically.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const folders = async () => ({ temporaryFolder: await temporaryFolder(), overlayFolder: await temporaryFolder() });

test('what one process had begun goes, files and folders, overlays as well; what others write stays', async () => {
  const made = await folders();
  // A process of another machine that shares the disk may have the same number.
  const twin = `${String(process.pid)}-00000000`;
  for (const folder of [made.temporaryFolder, made.overlayFolder]) {
    const mine = temporaryNameFor(path.join(folder, 'step.json'), folder);
    const folderOfMine = temporaryNameFor(path.join(folder, 'run'), folder);
    const theirs = path.join(folder, path.basename(mine).replace(temporaryWriter, twin));
    for (const file of [mine, theirs]) await writeFile(file, '');
    await mkdir(folderOfMine);
    await writeFile(path.join(folderOfMine, 'x'), '');
    const finished = [`note.${String(process.pid)}.txt`, 'merged.safetensors'];
    for (const name of finished) await writeFile(path.join(folder, name), '');
    await removeLeftovers({ kind: 'sweep', spec: {} }, temporaryWriter, made);
    expect((await readdir(folder)).sort()).toEqual([path.basename(theirs), ...finished].sort());
  }
});

test.each(['export', 'finetune'] as const)(
  'a killed %s leaves no unfinished folder beside its destination; a destination that is gone hinders nothing',
  async (kind) => {
    const folder = await temporaryFolder();
    const destination = path.join(folder, 'small');
    // A folder of an ended process of this machine: no process has its id and start.
    const own = path.basename(unfinishedName(destination));
    const dead = own.replace(/-(\d+)-(\d*)-([0-9a-f]{12})$/, '-2147483646-1-$3');
    await mkdir(path.join(folder, dead));
    await removeLeftovers({ kind, spec: { destination } }, '2147483646-00000000', await folders());
    expect(await readdir(folder)).toEqual([]);
    const gone = { destination: path.join(folder, 'nowhere', 'small') };
    await removeLeftovers({ kind, spec: gone }, '2147483646-00000000', await folders());
  },
);
