import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { copyFile, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { TensorView } from '../../../main/checkpoint/descriptor.ts';
import { readTensorBytes } from '../../../main/checkpoint/read-tensor.ts';
import { readSafetensorsHeader } from '../../../main/checkpoint/safetensors-header.ts';
import type { TensorToWrite } from '../../../main/checkpoint/write-safetensors.ts';
import { userOf } from '../../../main/workspace/maker-marks.ts';
import { createStepStore } from '../../../main/workspace/step-store.ts';
import { stateFolder } from '../../../main/workspace/user-key.ts';
import { openEngine } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import {
  type Asked,
  disturbedSweep,
  rightResults,
  startSweep,
  type Subject,
  subject,
  sweep,
} from './disturbed-sweep.ts';

/** Flips the signs of a range of the weights in place: the same file, the same size. */
const rewriteSameFile = async (file: string): Promise<void> => {
  const { size } = await stat(file);
  const handle = await open(file, 'r+');
  try {
    const { buffer } = await handle.read(Buffer.alloc(size), 0, size, 0);
    const from = Math.floor(size / 3);
    for (let byte = from; byte < size; byte += 1) buffer[byte] = (buffer[byte] ?? 0) ^ 0x80;
    await handle.write(buffer, from, size - from, from);
  } finally {
    await handle.close();
  }
};

/** The same number of bytes, with the signs of most numbers flipped. */
const flipped = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.map((byte, at) => (at < bytes.length / 3 ? byte : byte ^ 0x80)));

const DAMAGED = 'was changed or damaged after it was written, or an earlier version wrote it: it is not used.';

const FOREIGN = 'was stored by another user, on another machine or by an earlier version';

const stepFiles = async ({ folder }: Subject): Promise<string[]> => {
  const names = await readdir(join(folder, 'workspace', 'steps'), { recursive: true });
  return names.filter((name) => name.includes('.')).sort();
};

test('weights rewritten in mid-sweep end the run; no sweep of the restored model reuses a wrong point', async () => {
  const given = await subject();
  const original = await readFile(given.weights);
  const ended = await disturbedSweep(given, () => rewriteSameFile(given.weights));
  expect(ended).toMatchObject({
    code: 'model-changed',
    kind: 'failed',
    message: expect.stringContaining('model.safetensors was written to'),
  });
  await writeFile(given.weights, original);
  expect(await sweep(given)).toEqual(await rightResults());
});

test('another file moved over the weights in mid-sweep ends the run, and poisons nothing', async () => {
  const given = await subject();
  const original = await readFile(given.weights);
  const ended = await disturbedSweep(given, async () => {
    const other = join(given.folder, 'other');
    await writeFile(other, original);
    await rewriteSameFile(other);
    const { atime, mtime } = await stat(given.weights);
    await utimes(other, atime, mtime);
    await rename(other, given.weights);
  });
  expect(ended).toMatchObject({ code: 'model-changed', message: expect.stringContaining('is another file now') });
  await writeFile(given.weights, original);
  expect(await sweep(given)).toEqual(await rightResults());
});

test('weights that differed for a while, bytes and times restored, end the run and poison nothing', async () => {
  const given = await subject();
  const times = { atime: 1_700_000_000, mtime: 1_700_000_000 };
  await utimes(given.weights, times.atime, times.mtime);
  const original = readFileSync(given.weights);
  const ended = await disturbedSweep(given, async () => {
    writeFileSync(given.weights, flipped(original), { flag: 'r+' });
    utimesSync(given.weights, times.atime, times.mtime);
    // Blocks are opened meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 300));
    writeFileSync(given.weights, original, { flag: 'r+' });
    utimesSync(given.weights, times.atime, times.mtime);
  });
  expect(ended).toMatchObject({
    code: 'model-changed',
    message: expect.stringContaining('model.safetensors was touched'),
  });
  expect(await sweep(given)).toEqual(await rightResults());
});

/** Merges at every factor, reading the weights each time. */
const MERGING = { methods: ['uncurl'], factors: [2, 4], limit: 30 };

test('merged experts that come from other bytes are not stored: the next sweep merges again', async () => {
  const given = await subject();
  const original = await readFile(given.weights);
  const disturb = (): Promise<void> => {
    writeFileSync(given.weights, flipped(original), { flag: 'r+' });
    return Promise.resolve();
  };
  expect(await disturbedSweep(given, disturb, MERGING)).toMatchObject({ code: 'model-changed' });
  await writeFile(given.weights, original);
  expect(await sweep(given, MERGING)).toEqual(await rightResults(MERGING));
});

/** After the unpruned model's point, the weights are read to be rounded. */
const ROUNDED: Asked = { methods: ['frequency'], factors: [2], limit: 30, weights: ['q8_0'] };

test('weights that are rounded from other bytes are not measured: the next sweep rounds again', async () => {
  const given = await subject();
  const original = await readFile(given.weights);
  const disturb = (): Promise<void> => {
    writeFileSync(given.weights, flipped(original), { flag: 'r+' });
    return Promise.resolve();
  };
  expect(await disturbedSweep(given, disturb, ROUNDED)).toMatchObject({ code: 'model-changed' });
  await writeFile(given.weights, original);
  expect(await sweep(given, ROUNDED)).toEqual(await rightResults(ROUNDED));
});

test('a worker watches its models as every run does: nothing that it computed from other bytes is reused', async () => {
  const given = await subject();
  const { engine, weights } = given;
  const original = await readFile(weights);
  const run = await startSweep(given, {}, true);
  const said: string[] = [];
  const working = engine.fillSteps(run, {
    share: { kind: 'until-empty' },
    task: null,
    signal: new AbortController().signal,
    say: (line) => {
      if (said.push(line) === 1) writeFileSync(weights, flipped(original), { flag: 'r+' });
    },
  });
  await expect(working).rejects.toMatchObject({ code: 'model-changed' });
  await writeFile(weights, original);
  const right = await rightResults();
  expect(await sweep(given)).toEqual(right);
  await engine.call('jobs.resume', { run });
  await engine.finished(run);
  expect((await engine.call('sweep.read', { run })).results).toEqual(right);
});

test('the unpruned step copied over others is reported and measured again, and so is every edited step', async () => {
  const given = await subject();
  const { engine, folder } = given;
  const right = await sweep(given);
  const [first] = await engine.call('runs.list', {});
  const points = z
    .array(z.object({ method: z.string(), step: z.string() }))
    .parse(JSON.parse(await readFile(join(folder, 'workspace', 'runs', first?.id ?? '', 'points.json'), 'utf8')));
  const fileOf = (step: string): string => join(folder, 'workspace', 'steps', step.slice(0, 2), `${step}.json`);
  const unpruned = points.find(({ method }) => method === 'unpruned')?.step ?? '';
  const others = [...new Set(points.map(({ step }) => step))].filter((step) => step !== unpruned);
  const [forged = '', edited = '', ...copied] = others;
  for (const step of copied) await copyFile(fileOf(unpruned), fileOf(step));
  const text = await readFile(fileOf(unpruned), 'utf8');
  // Stored under its own key, with a valid hash, but claiming that the unpruned model was measured.
  await writeFile(fileOf(forged), text.replace(unpruned, forged));
  await writeFile(fileOf(edited), (await readFile(fileOf(edited), 'utf8')).replace('"answer":[', '"answer":[9,'));
  const run = await startSweep(given);
  await engine.finished(run);
  expect((await engine.call('sweep.read', { run })).results).toEqual(right);
  const { lines } = await engine.call('runs.log', { run });
  const problems = lines.filter(({ kind }) => kind === 'problem').map((line) => line.text);
  const expected = others.map((step) =>
    // Its mark is of the other key.
    step === forged ? (expect.stringContaining(`${fileOf(step)} ${FOREIGN}`) as unknown) : `${fileOf(step)} ${DAMAGED}`,
  );
  expect(problems).toHaveLength(expected.length);
  expect(problems).toEqual(expect.arrayContaining(expected));
  expect(await sweep(given)).toEqual(right);
});

const sealed = z.object({ key: z.string(), sha256: z.string(), value: z.unknown() });
const choices = z.looseObject({ outcomes: z.looseObject({ answer: z.array(z.number()) }) });

/** Turns every stored result of a workspace into another one, sealed as the user with these settings would seal it. */
const forgeEverything = async (given: Subject, settingsFile: string): Promise<number> => {
  const [steps, overlays] = [join(given.folder, 'workspace', 'steps'), join(given.folder, 'workspace', 'overlays')];
  const store = createStepStore({ steps, overlays, temporary: given.folder }, userOf(stateFolder(settingsFile)));
  let forged = 0;
  for (const name of await stepFiles(given)) {
    const key = basename(name).split('.')[0] ?? '';
    if (name.endsWith('.json')) {
      const { value } = sealed.parse(JSON.parse(await readFile(join(steps, name), 'utf8')));
      const evaluation = choices.safeParse(value);
      if (!evaluation.success) continue;
      const { outcomes } = evaluation.data;
      await store.writeJson(key, { ...evaluation.data, outcomes: { ...outcomes, chosen: outcomes.answer } });
    } else {
      const { tensors, metadata } = await readSafetensorsHeader(join(steps, name));
      const { step: _, sha256: __, marks: ___, ...own } = metadata;
      await store.writeTensors(key, 'profile', { tensors: await reversed(tensors), metadata: own });
    }
    forged += 1;
  }
  for (const name of await readdir(overlays)) {
    const { tensors } = await readSafetensorsHeader(join(overlays, name));
    await store.overlays.write(name.replace('.safetensors', ''), await reversed(tensors));
    forged += 1;
  }
  return forged;
};

/** The tensors, the numbers of each in the opposite order. */
const reversed = (tensors: ReadonlyMap<string, TensorView>): Promise<TensorToWrite[]> =>
  Promise.all(
    [...tensors].map(async ([name, view]) => {
      const bytes = Buffer.from(await readTensorBytes(view));
      const width = bytes.length / view.shape.reduce((product, size) => product * size, 1);
      const swapped = Buffer.alloc(bytes.length);
      for (let at = 0; at < bytes.length; at += width) bytes.copy(swapped, bytes.length - at - width, at, at + width);
      return { ...view, name, bytes: () => swapped };
    }),
  );

test('a stranger’s whole workspace with forged steps feeds no run: all is computed anew, said once', async () => {
  const asked: Asked = { ...MERGING, recovery: 'both' };
  const settingsFile = join(await temporaryFolder(), 'settings.json');
  const stranger = await subject(settingsFile);
  const right = await sweep(stranger, asked);
  expect(await forgeEverything(stranger, settingsFile)).toBeGreaterThan(10);
  // The forgery works where its maker is trusted.
  expect(await sweep(stranger, asked)).not.toEqual(right);
  await stranger.engine.dispose();
  const engine = await openEngine(join(stranger.folder, 'workspace'));
  const [model, task] = [join(stranger.folder, 'mine'), join(stranger.folder, 'quiz')].map((path) =>
    engine.grantPath(path),
  );
  if (model === undefined || task === undefined) throw new Error('no subject');
  const mine = { ...stranger, engine, model, task };
  const run = await startSweep(mine, asked);
  await engine.finished(run);
  expect((await engine.call('sweep.read', { run })).results).toEqual(right);
  const { lines } = await engine.call('runs.log', { run });
  const problems = lines.filter(({ kind }) => kind === 'problem').map((line) => line.text);
  expect(problems).toEqual([expect.stringContaining(FOREIGN)]);
  expect(await sweep(mine, asked)).toEqual(right);
});

test('merged experts that were damaged on disk are reported and merged again', async () => {
  const given = await subject();
  const { engine, folder } = given;
  const right = await sweep(given, MERGING);
  const overlays = join(folder, 'workspace', 'overlays');
  const [first = '', second = '', third = ''] = await readdir(overlays);
  const bytes = await readFile(join(overlays, first));
  await writeFile(join(overlays, first), flipped(bytes));
  await writeFile(join(overlays, second), bytes.subarray(0, -1));
  await copyFile(
    join(overlays, third),
    join(
      overlays,
      third.replace(/^./, (letter) => (letter === '0' ? '1' : '0')),
    ),
  );
  await rm(join(folder, 'workspace', 'steps'), { recursive: true });
  const run = await startSweep(given, MERGING);
  await engine.finished(run);
  expect((await engine.call('sweep.read', { run })).results).toEqual(right);
  const { lines } = await engine.call('runs.log', { run });
  const problems = lines.filter(({ kind }) => kind === 'problem').map((line) => line.text);
  expect(problems.sort()).toEqual([first, second].map((name) => `${join(overlays, name)} ${DAMAGED}`).sort());
});

test('a tokenizer rewritten in mid-sweep ends the run; with another tokenizer no point is reused', async () => {
  const given = await subject();
  const file = join(given.folder, 'mine', 'tokenizer.json');
  const original = await readFile(file, 'utf8');
  // Two letters are swapped: the same texts become other tokens.
  const swapped = original.replaceAll('"a"', '"\u0000"').replaceAll('"e"', '"a"').replaceAll('"\u0000"', '"e"');
  expect(swapped).not.toBe(original);
  const ended = await disturbedSweep(given, () => writeFile(file, swapped));
  expect(ended).toMatchObject({ code: 'model-changed', message: expect.stringContaining('tokenizer.json') });
  const kept = await stepFiles(given);
  const other = await sweep(given);
  const right = await rightResults();
  expect(other.map(({ method, kept: count }) => [method, count])).toEqual(
    right.map(({ method, kept: count }) => [method, count]),
  );
  expect((await stepFiles(given)).length).toBeGreaterThanOrEqual(
    kept.length + 1 + new Set(right.map(({ kept: count }) => count)).size,
  );
  await writeFile(file, original);
  expect(await sweep(given)).toEqual(right);
});

test('a task rewritten in mid-sweep changes no point of it, and the next sweep measures the new items', async () => {
  const given = await subject();
  const file = join(given.folder, 'quiz', 'test.jsonl');
  const lines = (await readFile(file, 'utf8')).split('\n');
  const original = await stat(file);
  expect(await disturbedSweep(given, () => writeFile(file, lines.slice(40).join('\n')))).toBeNull();
  const [run] = await given.engine.call('runs.list', {});
  const first = await given.engine.call('sweep.read', { run: run?.id ?? '' });
  expect(first.results).toEqual(await rightResults());
  expect(original.size).not.toBe((await stat(file)).size);
  const before = await stepFiles(given);
  await sweep(given);
  expect((await stepFiles(given)).length).toBeGreaterThan(before.length);
});
