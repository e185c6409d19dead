import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  openToRead,
  readBytes,
  readBytesIfThere,
  readText,
  readTextIfThere,
} from '../../../main/files/regular-file.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const limits = { mostBytes: 8 };

test('a file is read completely, a missing one is null or refused', async () => {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'a');
  await writeFile(file, 'été');
  expect(await readText(file, limits)).toBe('été');
  expect(await readTextIfThere(file, limits)).toBe('été');
  expect([...(await readBytes(file, limits))]).toEqual([...Buffer.from('été')]);
  expect(await readBytesIfThere(path.join(folder, 'b'), limits)).toBeNull();
  await expect(readText(path.join(folder, 'b'), limits)).rejects.toMatchObject({ code: 'missing-file' });
});

test('one byte more than the limit is refused, and so is an expired deadline', async () => {
  const file = path.join(await temporaryFolder(), 'a');
  await writeFile(file, '123456789');
  await expect(readText(file, limits)).rejects.toMatchObject({ code: 'file-too-large' });
  await expect(readText(file, { mostBytes: 9, deadlineMs: 0 })).rejects.toMatchObject({ code: 'read-too-slow' });
});

test('a name with a NUL in it is refused with an explanation by every reader', async () => {
  for (const read of [readText, readBytes, readTextIfThere, readBytesIfThere, openToRead])
    await expect(read('/tmp/a\0b', limits)).rejects.toMatchObject({ code: 'not-a-file', kind: 'refused' });
});
