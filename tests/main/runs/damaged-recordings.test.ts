import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readRecordedTrainings } from '../../../main/runs/run-source.ts';
import { addBundledRun, offerSample, unpack } from '../../../main/sample/sample-run.ts';
import { openWorkspace } from '../../../main/workspace/open-workspace.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

/** zlib reports damaged data with codes of Node (ERR_..., Z_..., ZSTD_...), which must become readable errors. */

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const sampleSource = join(resources, 'sample', 'run');
const sound = (): Promise<Buffer> => readFile(join(resources, 'sample', 'trainings.json.gz'));

const damages: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ['cut off', (bytes) => bytes.subarray(0, bytes.length / 2)],
  ['of another format', () => Buffer.from('neither of them')],
  ['changed in its middle', (bytes) => Buffer.from(bytes).fill(0xff, bytes.length / 2, bytes.length / 2 + 40)],
];

test.each([
  ...damages,
  ['larger than any', () => gzipSync(Buffer.alloc(65 * 2 ** 20))] as const,
  ['no JSON', () => gzipSync('{')] as const,
])('recorded trainings that are %s are refused by name', async (_, damage) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'sample'));
  await writeFile(join(folder, 'sample', 'trainings.json.gz'), damage(await sound()));
  await expect(readRecordedTrainings(folder)).rejects.toMatchObject({
    code: 'recording-damaged',
    kind: 'refused',
    message: expect.stringContaining('trainings.json.gz'),
  });
});

test.each([...damages.slice(0, 2), ['larger than any', () => zstdCompressSync(Buffer.alloc(257 * 2 ** 20))] as const])(
  'a recorded run with a file that is %s is refused by name, and no part of it is left',
  async (_, damage) => {
    const source = join(await temporaryFolder(), 'run');
    await cp(join(resources, 'sample', 'run'), source, { recursive: true });
    const file = join(source, 'plans.json.zst');
    await writeFile(file, damage(await readFile(file)));
    const workspace = await openWorkspace(await temporaryFolder());
    await expect(addBundledRun(workspace, source, 'sample')).rejects.toMatchObject({
      code: 'recording-damaged',
      kind: 'refused',
      message: expect.stringContaining('plans.json.zst'),
    });
    expect(await workspace.runs.list()).toEqual([]);
  },
);

test('a runtime without the decoder says so', async () => {
  await expect(unpack(Buffer.from('x'), 'plans.json.zst', undefined)).rejects.toThrow(/zst is damaged/);
  const noDecoder = null as unknown as undefined;
  await expect(unpack(Buffer.from('x'), 'plans.json.zst', noDecoder)).rejects.toMatchObject({
    code: 'no-decoder',
    remedy: expect.stringContaining('Everything else works'),
  });
});

test('an engine starts without a damaged sample, says why, and tries again at the next start', async () => {
  const resources = await temporaryFolder();
  await cp(join(sampleSource, '..'), join(resources, 'sample'), { recursive: true });
  const file = join(resources, 'sample', 'run', 'plans.json.zst');
  await writeFile(file, 'neither of them');
  const workspace = await openWorkspace(await temporaryFolder());
  for (const _ of ['first', 'second'])
    expect(await offerSample(workspace, resources)).toMatchObject({
      code: 'recording-damaged',
      message: expect.stringContaining('plans.json.zst'),
    });
  expect(await workspace.runs.list()).toEqual([]);
});
