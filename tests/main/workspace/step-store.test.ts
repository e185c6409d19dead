import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { tensorInMemory } from '../../../main/checkpoint/write-safetensors.ts';
import { sealedJson } from '../../../main/workspace/sealed-json.ts';
import { userOf } from '../../../main/workspace/maker-marks.ts';
import { createStepStore, type StepStore } from '../../../main/workspace/step-store.ts';
import { readProfileFile } from '../../../main/workspace/profile-file.ts';
import { temporaryFolder } from './temporary-folder.ts';

const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const overlayKeyOf = (text: string): string => keyOf(text).slice(0, 32);
const schema = z.object({ value: z.number() });

/** A store in a folder, and its reports on files that it does not use. */
const openStore = async (): Promise<{ store: StepStore; folder: string; said: string[] }> => {
  const folder = await temporaryFolder();
  const said: string[] = [];
  const folders = { steps: join(folder, 'steps'), overlays: join(folder, 'overlays'), temporary: folder };
  return { store: createStepStore(folders).telling((text) => said.push(text)), folder, said };
};

const oneTensor = (values: Float32Array) => ({ tensors: [tensorInMemory('a', 'F32', [values.length], values)] });

test('written values are read back bit for bit; others are null', async () => {
  const { store } = await openStore();
  let written = 0;
  await fc.assert(
    fc.asyncProperty(fc.double({ noNaN: true, noDefaultInfinity: true }), async (value) => {
      // A different key for every value, since small cases are drawn more than once.
      const key = keyOf(String((written += 1)));
      expect(await store.readJson(key, schema)).toBeNull();
      await store.writeJson(key, { value });
      const back = await store.readJson(key, schema);
      // JSON has one zero.
      expect(Object.is(back?.value, value === 0 ? 0 : value)).toBe(true);
      expect(await store.has(key, 'json')).toBe(true);
    }),
    { numRuns: 25 },
  );
});

test('lies in a folder of the first two digits of its key, and non-finite numbers are never stored', async () => {
  const { store, folder } = await openStore();
  const key = keyOf('a');
  expect(store.path(key, 'json')).toBe(join(folder, 'steps', key.slice(0, 2), `${key}.json`));
  expect(store.path(key, 'profile')).toBe(join(folder, 'steps', key.slice(0, 2), `${key}.safetensors`));
  const overlay = overlayKeyOf('a');
  expect(store.path(overlay, 'overlay')).toBe(join(folder, 'overlays', `${overlay}.safetensors`));
  for (const kind of ['json', 'profile', 'overlay'] as const)
    expect(() => store.path('../../etc/passwd', kind)).toThrow('is not a key');
  await expect(async () => await store.writeJson(key, { value: Number.NaN })).rejects.toThrow('NaN');
  expect(await store.has(key, 'json')).toBe(false);
});

test('the file of a step contains its key and the SHA-256 of its content', async () => {
  const { store } = await openStore();
  const key = keyOf('a');
  await store.writeJson(key, { value: 1 });
  const text = await readFile(store.path(key, 'json'), 'utf8');
  const marks = expect.stringMatching(/^[0-9a-f]{80}$/);
  expect(JSON.parse(text)).toEqual({ key, sha256: keyOf('{"value":1}'), marks, value: { value: 1 } });
  await store.writeTensors(key, 'profile', { ...oneTensor(Float32Array.of(1)), metadata: { model: 'm' } });
  const bytes = await readFile(store.path(key, 'profile'));
  const header = z
    .object({ __metadata__: z.record(z.string(), z.string()) })
    .parse(JSON.parse(bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE()))));
  const { sha256 = '', marks: tensorMarks = '', ...metadata } = header.__metadata__;
  expect(metadata).toEqual({ step: key, model: 'm' });
  expect(tensorMarks).toMatch(/^[0-9a-f]{80} {560}$/);
  const blank = (text: string): string => text.replace(sha256, '0'.repeat(64)).replace(tensorMarks, ' '.repeat(640));
  const bare = Buffer.from(blank(bytes.toString('latin1')), 'latin1');
  expect(sha256).toBe(createHash('sha256').update(bare).digest('hex'));
});

test.each<[string, (file: string, other: string) => Promise<void>]>([
  ['cut short', (file) => truncate(file, 40)],
  ['emptied', (file) => truncate(file, 0)],
  ['another step', (file, other) => copyFile(other, file)],
  ['edited', async (file) => writeFile(file, (await readFile(file, 'utf8')).replace('"value":1}', '"value":2}'))],
  [
    'given another key',
    async (file, other) =>
      writeFile(file, (await readFile(other, 'utf8')).replace(keyOf('b'), keyOf('a').toUpperCase())),
  ],
  ['of the earlier form', (file) => writeFile(file, '{"value":1}')],
  ['continued', async (file) => writeFile(file, `${await readFile(file, 'utf8')} `)],
])('a JSON step that is %s counts as absent and is reported', async (_, damage) => {
  const { store, said } = await openStore();
  await store.writeJson(keyOf('a'), { value: 1 });
  await store.writeJson(keyOf('b'), { value: 2 });
  await damage(store.path(keyOf('a'), 'json'), store.path(keyOf('b'), 'json'));
  expect(await store.readJson(keyOf('a'), schema)).toBeNull();
  expect(said).toEqual([
    expect.stringContaining(`${store.path(keyOf('a'), 'json')} was changed or damaged after it was written`),
  ]);
  await store.writeJson(keyOf('a'), { value: 1 });
  expect(await store.readJson(keyOf('a'), schema)).toEqual({ value: 1 });
});

test('a JSON step of another schema counts as absent and is reported', async () => {
  const { store, said } = await openStore();
  await store.writeJson(keyOf('a'), { other: 1 });
  expect(await store.readJson(keyOf('a'), schema)).toBeNull();
  expect(said).toEqual([expect.stringContaining('was changed or damaged after it was written')]);
});

test('the file of another step under a forged key is not a step either', async () => {
  const { store } = await openStore();
  await store.writeJson(keyOf('a'), { value: 1 });
  await store.writeJson(keyOf('b'), { value: 2 });
  const forged = (await readFile(store.path(keyOf('b'), 'json'), 'utf8')).replace(keyOf('b'), keyOf('a'));
  await writeFile(store.path(keyOf('a'), 'json'), forged.replace('"value":2', '"value":3'));
  expect(await store.readJson(keyOf('a'), schema)).toBeNull();
});

test('a folder in the place of a step is reported; what the system refuses is an error', async () => {
  const { store, said } = await openStore();
  await mkdir(store.path(keyOf('a'), 'json'), { recursive: true });
  await mkdir(store.path(keyOf('a'), 'profile'), { recursive: true });
  expect(await store.readJson(keyOf('a'), schema)).toBeNull();
  expect(await store.readTensors(keyOf('a'), 'profile')).toBeNull();
  expect(said).toHaveLength(2);
});

/** Flips the last bit of a file, which belongs to its numbers, and puts its times back. */
const flipBitKeepingTimes = async (file: string): Promise<void> => {
  const { atime, mtime } = await stat(file);
  const bytes = await readFile(file);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(file, bytes, { flag: 'r+' });
  await utimes(file, atime, mtime);
};

test.each<[string, (file: string, other: string) => Promise<void>]>([
  ['cut short', async (file) => truncate(file, (await stat(file)).size - 1)],
  ['changed in one bit, its times put back', flipBitKeepingTimes],
  ['another step', (file, other) => copyFile(other, file)],
  ['no safetensors file', (file) => writeFile(file, 'x')],
])('tensors that are %s count as absent and are reported, read before or not', async (_, damage) => {
  for (const isReadBefore of [true, false]) {
    const { store, folder, said } = await openStore();
    const [key, other] = [overlayKeyOf('a'), overlayKeyOf('b')];
    await store.overlays.write(key, oneTensor(Float32Array.of(1, 2)).tensors);
    await store.overlays.write(other, oneTensor(Float32Array.of(3, 4)).tensors);
    const file = store.path(key, 'overlay');
    if (isReadBefore) expect(await store.overlays.read(key)).toMatchObject({ isSound: true, file });
    await damage(file, store.path(other, 'overlay'));
    // A process that has not read it before.
    const folders = { steps: join(folder, 'steps'), overlays: join(folder, 'overlays'), temporary: folder };
    const reader = isReadBefore ? store : createStepStore(folders).telling((text) => said.push(text));
    const why = expect.stringContaining(`${file} was changed or damaged after it was written`);
    expect(await reader.overlays.read(key)).toEqual({ isSound: false, why });
    expect(said).toEqual([why]);
    await reader.overlays.write(key, oneTensor(Float32Array.of(1, 2)).tensors);
    expect(await reader.overlays.read(key)).toMatchObject({ isSound: true, file });
  }
});

test('a missing overlay is refused without a log line', async () => {
  const { store, said } = await openStore();
  const key = overlayKeyOf('a');
  const why = `${store.path(key, 'overlay')} does not exist`;
  expect(await store.overlays.read(key)).toEqual({ isSound: false, why });
  expect(said).toEqual([]);
});

test('tensors are written completely or not at all, whatever their size, and can be dropped', async () => {
  const { store, folder } = await openStore();
  const key = keyOf('profile');
  const failing = { ...oneTensor(Float32Array.of(1)).tensors[0]!, bytes: () => Promise.reject(new Error('killed')) };
  await expect(store.writeTensors(key, 'profile', { tensors: [failing] })).rejects.toThrow('killed');
  expect(await store.readTensors(key, 'profile')).toBeNull();
  await store.writeTensors(key, 'profile', oneTensor(new Float32Array(2_000_000)));
  const file = store.path(key, 'profile');
  expect(await store.readTensors(key, 'profile')).toBe(file);
  const fresh = createStepStore({ steps: join(folder, 'steps'), overlays: folder, temporary: folder });
  expect(await fresh.readTensors(key, 'profile')).toBe(file);
  await expect(readProfileFile(file)).rejects.toMatchObject({ code: 'bad-profile' });
  expect((await readdir(folder)).sort()).toEqual(['steps']);
  await store.drop(key, 'profile');
  expect(await store.readTensors(key, 'profile')).toBeNull();
});

/** Users who share a folder of steps, with the reports of each. */
const usersOf = async (folder: string, ...homes: readonly string[]) =>
  Promise.all(
    homes.map(async (home) => {
      const said: string[] = [];
      const folders = { steps: join(folder, 'steps'), overlays: join(folder, 'overlays'), temporary: folder };
      const state = join(folder, 'homes', home);
      return { said, store: createStepStore(folders, userOf(state)).telling((text) => said.push(text)) };
    }),
  );

const FOREIGN = expect.stringContaining('was stored by another user, on another machine or by an earlier version');

test('steps of another user count as absent, which is said once; who computes them too shares the file', async () => {
  const [a, b] = await usersOf(await temporaryFolder(), 'a', 'b');
  const [key, other, overlay] = [keyOf('a'), keyOf('b'), overlayKeyOf('a')];
  const writeAll = async ({ store }: NonNullable<typeof a>, value: number): Promise<void> => {
    for (const each of [key, other]) await store.writeJson(each, { value });
    await store.writeTensors(key, 'profile', oneTensor(Float32Array.of(value)));
    await store.overlays.write(overlay, oneTensor(Float32Array.of(value)).tensors);
  };
  const readAll = async ({ store }: NonNullable<typeof a>): Promise<readonly unknown[]> => [
    await store.readJson(key, schema),
    await store.readJson(other, schema),
    (await store.readTensors(key, 'profile')) !== null,
    (await store.overlays.read(overlay)).isSound,
    await store.has(key, 'json'),
    await store.has(key, 'profile'),
  ];
  const absent = [null, null, false, false, false, false];
  const present = (value: number) => [{ value }, { value }, true, true, true, true];
  if (a === undefined || b === undefined) throw new Error('two users');
  await writeAll(a, 1);
  expect(await readAll(b)).toEqual(absent);
  expect(await b.store.overlays.read(overlay)).toEqual({ isSound: false, why: FOREIGN });
  expect(b.said).toEqual([FOREIGN]);
  // The same result twice: both have it, and nobody computes it again.
  await writeAll(b, 1);
  for (const user of [a, b]) expect(await readAll(user)).toEqual(present(1));
  // Another result, as of another processor: it is the other user's alone.
  await writeAll(b, 2);
  expect([await readAll(a), await readAll(b)]).toEqual([absent, present(2)]);
  expect([a.said, b.said]).toEqual([[FOREIGN], [FOREIGN]]);
});

test('a mark is of one content, one key and one kind of step', async () => {
  const folder = await temporaryFolder();
  const [user] = await usersOf(folder, 'a');
  if (user === undefined) throw new Error('a user');
  const { store, said } = user;
  const [key, other] = [keyOf('a'), keyOf('b')];
  await store.writeJson(key, { value: 1 });
  const file = store.path(key, 'json');
  const written = await readFile(file, 'utf8');
  const [, marks = ''] = /"marks":"([0-9a-f]+)"/.exec(written) ?? [];
  // With a right hash, as a stranger makes it: without a mark, with that of another content, and with zeros.
  for (const forged of ['', marks, `${marks.slice(0, 16)}${'0'.repeat(64)}`, 'f'.repeat(80), 'abc']) {
    await writeFile(
      file,
      sealedJson(key, '{"value":2}', () => forged),
    );
    expect([await store.readJson(key, schema), await store.has(key, 'json')]).toEqual([null, false]);
  }
  await mkdir(join(folder, 'steps', other.slice(0, 2)), { recursive: true });
  await writeFile(store.path(other, 'json'), written.replace(key, other));
  expect(await store.readJson(other, schema)).toBeNull();
  await writeFile(file, written);
  expect(await store.readJson(key, schema)).toEqual({ value: 1 });
  // A profile under its bytes' key, with the mark of the JSON.
  await store.writeTensors(key, 'profile', oneTensor(Float32Array.of(1)));
  const profile = store.path(key, 'profile');
  const bytes = (await readFile(profile)).toString('latin1');
  const own = /"marks":"([0-9a-f]+) *"/.exec(bytes)?.[1] ?? '';
  await writeFile(profile, Buffer.from(bytes.replace(own, marks), 'latin1'));
  expect(await store.readTensors(key, 'profile')).toBeNull();
  expect(said).toEqual([FOREIGN]);
});

test('a step of an earlier version, which has a hash and no mark, is computed again', async () => {
  const { store, said } = await openStore();
  const key = keyOf('a');
  await store.writeJson(key, { value: 1 });
  const file = store.path(key, 'json');
  await writeFile(file, `{"key":"${key}","sha256":"${keyOf('{"value":1}')}","value":{"value":1}}`);
  expect([await store.readJson(key, schema), await store.has(key, 'json')]).toEqual([null, false]);
  expect(said).toEqual([FOREIGN]);
  await store.writeJson(key, { value: 1 });
  expect(await store.readJson(key, schema)).toEqual({ value: 1 });
});

test('where no key can be kept, a process uses its own steps and no later one does', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'homes'), 'no folder');
  const [user] = await usersOf(folder, 'a');
  await user?.store.writeJson(keyOf('a'), { value: 1 });
  expect(await user?.store.readJson(keyOf('a'), schema)).toEqual({ value: 1 });
  await rm(join(folder, 'homes'));
  const [later] = await usersOf(folder, 'a');
  expect(await later?.store.readJson(keyOf('a'), schema)).toBeNull();
});
