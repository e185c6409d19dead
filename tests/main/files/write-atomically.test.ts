import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { explainFileError } from '../../../main/files/file-errors.ts';
import { produceFileAtomically, writeFileAtomically } from '../../../main/files/write-atomically.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

test('writes whole contents and leaves nothing else behind', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'deep', 'file.bin');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
      await writeFileAtomically(file, bytes);
      expect(new Uint8Array(await readFile(file))).toEqual(bytes);
      expect(await readdir(join(folder, 'deep'))).toEqual(['file.bin']);
    }),
    { numRuns: 25 },
  );
});

test('concurrent writers: the file is always one of the written contents', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'file');
  const contents = Array.from({ length: 12 }, (_, writer) => String(writer).repeat(5000));
  const writing = contents.map((content) => writeFileAtomically(file, content));
  const seen: string[] = [];
  await writing[0];
  for (let look = 0; look < 20; look += 1) seen.push(await readFile(file, 'utf8'));
  await Promise.all(writing);
  for (const content of seen) expect(contents).toContain(content);
  expect(await readdir(folder)).toEqual(['file']);
});

test('a failing writer leaves the old file and no temporary one', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'file');
  await writeFileAtomically(file, 'old');
  const failing = produceFileAtomically(file, async (temporary) => {
    await writeFile(temporary, 'half');
    throw new Error('the pen broke');
  });
  await expect(failing).rejects.toThrow('the pen broke');
  expect(await readFile(file, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['file']);
});

test('file errors are explained: a full disk, a read-only folder, a file in the way', async () => {
  const full = Object.assign(new Error('write failed'), { code: 'ENOSPC' });
  expect(explainFileError(full, '/data/run')).toMatchObject({ code: 'disk-full', kind: 'refused' });
  const readOnly = Object.assign(new Error('open failed'), { code: 'EROFS' });
  expect(explainFileError(readOnly, '/data/run')).toMatchObject({ code: 'not-writable', kind: 'refused' });
  const other = new Error('something else');
  expect(explainFileError(other, '/data/run')).toBe(other);

  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  await expect(writeFileAtomically(join(folder, 'file', 'below'), 'x')).rejects.toMatchObject({ kind: 'refused' });
});

test('a full device is reported as a full disk', async ({ skip }) => {
  if (process.platform !== 'linux') skip('only Linux has a device that is always full');
  const failing = produceFileAtomically(join(await temporaryFolder(), 'file'), async () => {
    await writeFile('/dev/full', 'x');
  });
  await expect(failing).rejects.toMatchObject({ code: 'disk-full', kind: 'refused' });
});

test('a folder without write permission is refused', async ({ skip }) => {
  if (process.getuid?.() === 0) skip('root may write anywhere');
  const folder = join(await temporaryFolder(), 'locked');
  await mkdir(folder);
  await chmod(folder, 0o500);
  await expect(writeFileAtomically(join(folder, 'file'), 'x')).rejects.toMatchObject({ code: 'not-writable' });
});
