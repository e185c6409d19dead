import { open } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { fingerprintCheckpoint } from '../../../main/checkpoint/fingerprint.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { writeHeaderFile } from './header-files.ts';

const MEBIBYTE = 2 ** 20;

/** Files of `mebibytes` each, all zero and sparse. */
const makeShards = async (count: number, mebibytes: number): Promise<readonly string[]> => {
  const folder = await temporaryFolder();
  const files = Array.from({ length: count }, (_, shard) => path.join(folder, `shard-${String(shard)}`));
  for (const [shard, file] of files.entries())
    await writeHeaderFile(file, [{ name: `tensor.${String(shard)}`, dtype: 'U8', shape: [mebibytes * MEBIBYTE] }]);
  return files;
};

const fingerprint = async (files: readonly string[], config: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  fingerprintCheckpoint(
    config,
    await Promise.all(files.map(async (file) => ({ file, header: await readSafetensorsHeader(file) }))),
  );

/** Writes one byte, `fromEnd` bytes before the end. */
const setByte = async (file: string, fromEnd: number, value: number): Promise<void> => {
  const handle = await open(file, 'r+');
  try {
    await handle.write(Buffer.of(value), 0, 1, (await handle.stat()).size - fromEnd);
  } finally {
    await handle.close();
  }
};

it.each([
  ['a small checkpoint', 2, 1],
  ['a large file', 1, 100],
  ['many shards, each small, that are large together', 100, 1],
])('of %s changes with the end of any file, the config and the order of files', async (_what, count, mebibytes) => {
  const files = await makeShards(count, mebibytes);
  const original = await fingerprint(files);
  expect(original).toMatch(/^[0-9a-f]{32}$/);
  expect(await fingerprint(files)).toBe(original);
  expect(await fingerprint(files, { hidden_size: 1 })).not.toBe(original);
  if (count > 1) expect(await fingerprint([...files].reverse())).not.toBe(original);
  for (const file of [files[0], files.at(-1)]) {
    if (file === undefined) throw new Error('no shards');
    await setByte(file, 1, 7);
    expect(await fingerprint(files)).not.toBe(original);
    await setByte(file, 1, 0);
  }
  expect(await fingerprint(files)).toBe(original);
});

it('of a small checkpoint changes with every byte; for a large one, a sample of windows is read', async () => {
  const [small, large] = [await makeShards(2, 1), await makeShards(80, 1)];
  for (const [files, sees] of [
    [small, true],
    [large, false],
  ] as const) {
    const original = await fingerprint(files);
    // Between the windows of a large checkpoint.
    await setByte(files[1] ?? '', 10_000, 7);
    expect((await fingerprint(files)) !== original).toBe(sees);
  }
});
