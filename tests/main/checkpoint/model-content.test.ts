import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { keepHashesIn } from '../../../main/checkpoint/hash-cache.ts';
import { MappedWeights } from '../../../main/checkpoint/mapped-weights.ts';
import { type Checkpoint, openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { readTensor } from '../../../main/checkpoint/read-tensor.ts';
import { stateFolder } from '../../../main/workspace/user-key.ts';
import { settingsFile } from '../../../main/workspace/settings-file.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { changeableCopy, scoringFixture } from './checkpoint-files.ts';
import { paddedModel, writePaddedModel } from './padded-model.ts';

let state: string;
beforeEach(async () => {
  state = await temporaryFolder();
  keepHashesIn(state);
});
// Files of one worker share modules.
afterEach(() => keepHashesIn(stateFolder(settingsFile())));

const weightsOf = (folder: string): string => path.join(folder, 'model.safetensors');

/** Adds `change` to the byte at `position`, in place. */
const changeByte = async (file: string, position: number, change: number): Promise<void> => {
  const handle = await open(file, 'r+');
  try {
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
    await handle.write(Buffer.of((buffer[0] ?? 0) + change), 0, 1, position);
  } finally {
    await handle.close();
  }
};

/** Position of the weights of a router. */
const routerAt = ({ tensors }: Checkpoint): number =>
  [...tensors.values()].find(({ tensor }) => tensor.endsWith('gate.weight'))?.byteOffset ?? expect.fail('no router');

/** Lets times settle: hashes of files that were just written are not kept. */
const settle = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) await utimes(path.join(folder, name), 1_700_000_000, 1_700_000_000);
  await new Promise((resolve) => setTimeout(resolve, 2_100));
};

test('the identity of a model is the SHA-256 of what sha256sum prints for its consumed files', async () => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  const consumed = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  const names = consumed.filter((name) => existsSync(path.join(folder, name))).sort();
  expect(names).toContain('tokenizer.json');
  const list = execFileSync('sha256sum', names, { cwd: folder });
  const { identity, content } = await openCheckpoint(folder);
  expect([...content.required.files.keys()].sort()).toEqual(names);
  expect(identity).toBe(createHash('sha256').update(list).digest('hex'));
});

test('a large model is hashed when somebody asks; then every byte of every file counts', async () => {
  const folder = await paddedModel('uncurl-8');
  const first = await openCheckpoint(folder);
  expect(first.content.known).toBeNull();
  expect(() => first.identity).toThrow('was not identified');
  const seen: number[] = [];
  const before = await first.content.identify({ onProgress: (done, total) => seen.push(done / total) });
  expect(seen.at(-1)).toBe(1);
  expect(seen.length).toBeGreaterThan(10);
  expect(first.identity).toBe(before.identity);
  const identityAfter = async (file: string, position: number): Promise<readonly string[]> => {
    await changeByte(file, position, 1);
    const { identity, fingerprint } = await (await openCheckpoint(folder)).content.identify();
    await changeByte(file, position, -1);
    return [identity, fingerprint];
  };
  const { size } = await stat(weightsOf(folder));
  // A router, and bytes of the padding: samples of earlier versions saw none of them.
  for (const position of [routerAt(first) + 100, size - 1_000_001, size - 20_000_003]) {
    const [identity, fingerprint] = await identityAfter(weightsOf(folder), position);
    expect([identity === before.identity, fingerprint === before.fingerprint]).toEqual([false, false]);
  }
  const [ends, sameWeights] = await identityAfter(path.join(folder, 'generation_config.json'), 20);
  expect([ends === before.identity, sameWeights === before.fingerprint]).toEqual([false, true]);
  expect(await (await openCheckpoint(folder)).content.identify()).toEqual(before);
});

test('kept hashes are recalled in the same state of the files only', async () => {
  const folder = await paddedModel('uncurl-8');
  await settle(folder);
  const { identity } = await (await openCheckpoint(folder)).content.identify();
  expect((await openCheckpoint(folder)).content.known?.identity).toBe(identity);
  const weights = weightsOf(folder);
  await changeByte(weights, 1_000_000, 1);
  await utimes(weights, 1_700_000_000, 1_700_000_000);
  const changed = await openCheckpoint(folder);
  expect(changed.content.known).toBeNull();
  expect((await changed.content.identify()).identity).not.toBe(identity);
  // The state folder is nobody's but the user's.
  expect((await stat(path.join(state, 'hashes'))).mode & 0o077).toBe(0);
});

test('hashes of a small model are kept too, with its fingerprint, and it is opened without its weights', async () => {
  const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
  await settle(folder);
  const { required: first } = (await openCheckpoint(folder)).content;
  const kept = path.join(state, 'hashes');
  const entries = await readdir(kept);
  expect(entries).toHaveLength(first.files.size + 1);
  expect((await openCheckpoint(folder)).content.required).toEqual(first);
  // What is recalled is what was kept, and not computed again.
  const texts = await Promise.all(entries.map((name) => readFile(path.join(kept, name), 'utf8')));
  const at = texts.findIndex((text) => text.includes('uncurl-fingerprint'));
  const entry = path.join(kept, entries[at] ?? expect.fail('no fingerprint is kept'));
  await writeFile(entry, (texts[at] ?? '').replace(/[0-9a-f]{64}/, 'f'.repeat(64)));
  expect((await openCheckpoint(folder)).content.required).toEqual({ ...first, fingerprint: 'f'.repeat(32) });
  const weights = weightsOf(folder);
  await changeByte(weights, (await stat(weights)).size - 1, 1);
  await utimes(weights, 1_700_000_000, 1_700_000_000);
  const { required: changed } = (await openCheckpoint(folder)).content;
  expect(changed.identity).not.toBe(first.identity);
  expect([first.fingerprint, 'f'.repeat(32)]).not.toContain(changed.fingerprint);
  // An entry that is damaged does not count.
  await changeByte(weights, (await stat(weights)).size - 1, -1);
  await writeFile(entry, '{');
  expect((await openCheckpoint(folder)).content.required).toEqual(first);
});

test('hashes of files that were just written are not kept: two writes may have the same time', async () => {
  const folder = await paddedModel('uncurl-8');
  await (await openCheckpoint(folder)).content.identify();
  expect((await openCheckpoint(folder)).content.known).toBeNull();
});

test('where times of files do not tell of writes through mappings, nothing is kept, and it is said', async () => {
  const folder = await mkdtemp('/dev/shm/uncurl-test-');
  onTestFinished(() => rm(folder, { recursive: true }));
  const model = path.join(folder, 'model');
  await writePaddedModel('uncurl-8', model);
  await settle(model);
  const kept: boolean[] = [];
  const { content } = await openCheckpoint(model);
  const before = await content.identify({ onProgress: (_done, _total, isKept) => kept.push(isKept) });
  expect(new Set(kept)).toEqual(new Set([false]));
  expect((await openCheckpoint(model)).content.known).toBeNull();
  // A run asks anew, since no time tells whether its bytes are still the same.
  kept.length = 0;
  expect(await content.identify({ anew: true, onProgress: () => kept.push(true) })).toEqual(before);
  expect(kept.length).toBeGreaterThan(0);
});

test('hashing can be cancelled by one of those who wait, and begun again', async () => {
  const { content } = await openCheckpoint(await paddedModel('uncurl-8'));
  const own = new AbortController();
  const alone = content.identify({ signal: own.signal, onProgress: () => own.abort() });
  await expect(alone).rejects.toMatchObject({ code: 'cancelled' });
  expect(content.known).toBeNull();
  const one = new AbortController();
  const [cancelled, other] = [content.identify({ signal: one.signal }), content.identify()];
  one.abort();
  const ended = await Promise.allSettled([cancelled, other]);
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
});

test('a model that is written to while it is hashed is refused', async () => {
  const folder = await paddedModel('uncurl-8');
  const { content } = await openCheckpoint(folder);
  const written: Promise<void>[] = [];
  const onProgress = (): void => {
    if (written.length === 0) written.push(changeByte(weightsOf(folder), 50_000_000, 1));
  };
  const hashing = content.identify({ onProgress });
  await expect(hashing).rejects.toMatchObject({ code: 'model-changed', kind: 'failed' });
  await Promise.all(written);
});

test('bytes that are read or mapped must be those that were hashed, whatever the times say', async () => {
  const folder = await paddedModel('uncurl-8');
  const checkpoint = await openCheckpoint(folder);
  await checkpoint.content.identify();
  const [block] = checkpoint.descriptor.blocks;
  const router = checkpoint.descriptor.moeLayers[0]?.moe.router ?? expect.fail('no router');
  const mapped = new MappedWeights(checkpoint.tensors);
  const right = await readTensor(router);
  await mapped.note('block 0', block);
  expect(await mapped.changed()).toEqual([]);
  // The last byte of a tensor, which begins and ends inside pieces.
  const position = router.byteOffset + router.byteLength - 1;
  await changeByte(weightsOf(folder), position, 1);
  await expect(readTensor(router)).rejects.toMatchObject({ code: 'model-changed' });
  expect(await mapped.changed()).toEqual(['block 0']);
  await expect(new MappedWeights(checkpoint.tensors).note('block 0', block)).rejects.toMatchObject({
    code: 'model-changed',
    message: expect.stringContaining('contains other bytes than when it was hashed'),
  });
  await changeByte(weightsOf(folder), position, -1);
  expect(await readTensor(router)).toEqual(right);
  expect(await mapped.changed()).toEqual([]);
});
