import { readFileSync, statSync } from 'node:fs';
import { cp, mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RandomSource } from '../../../main/statistics/random.ts';

/** A model with a chat template, a larger model of its family, a task of few items, and its written twin. */
export interface Sources {
  readonly model: string;
  readonly larger: string;
  readonly task: string;
  readonly written: string;
}

/** Items of each split: enough for changed weights or tokens to show. */
const ITEMS = 24;

const TEMPLATE = (word: string): string =>
  `{% for message in messages %}{{ message['content'] }} ${word} {% endfor %}{% if add_generation_prompt %}= {% ` +
  'endif %}';

export const makeSources = async (resources: string, folder: string): Promise<Sources> => {
  const inFolder = (...names: readonly string[]): string => path.join(folder, ...names);
  for (const name of ['uncurl-8', 'uncurl-16'])
    await cp(path.join(resources, 'models', name), inFolder(name), { recursive: true });
  await writeFile(inFolder('uncurl-8', 'chat_template.jinja'), TEMPLATE('('));
  await mkdir(inFolder('capital'));
  await cp(path.join(resources, 'tasks', 'capital', 'task.json'), inFolder('capital', 'task.json'));
  for (const split of ['calibration.jsonl', 'test.jsonl']) {
    const lines = await readFile(path.join(resources, 'tasks', 'capital', split), 'utf8');
    await writeFile(inFolder('capital', split), `${lines.split('\n').slice(0, ITEMS).join('\n')}\n`);
  }
  await cp(path.join(resources, 'tasks', 'capital-written'), inFolder('capital-written'), { recursive: true });
  const sources = {
    model: inFolder('uncurl-8'),
    larger: inFolder('uncurl-16'),
    task: inFolder('capital'),
    written: inFolder('capital-written'),
  };
  // An old time, which is what a change restores.
  for (const change of Object.values(changes)) await utimes(change.file(sources), 1_700_000_000, 1_700_000_000);
  return sources;
};

/** Another state of one source. */
export interface Change {
  readonly file: (sources: Sources) => string;
  readonly changed: (bytes: Buffer) => Buffer;
  /** Only in place and at the same length: weights are memory-mapped, and a shorter file would end the process. */
  readonly isMapped?: boolean;
}

const flipped = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.map((byte, at) => (at < bytes.length / 3 ? byte : byte ^ 0x80)));

const inText =
  (change: (text: string) => string) =>
  (bytes: Buffer): Buffer =>
    Buffer.from(change(bytes.toString('utf8')));

const withoutEightLines = inText((text) => text.split('\n').slice(8).join('\n'));

/** Two letters are swapped, so the same texts have other tokens. */
const swapLetters = inText((text) =>
  text.replace('"a": 19', '"a": 0x').replace('"e": 23', '"e": 19').replace('"a": 0x', '"a": 23'),
);

export const changes = {
  weights: { file: ({ model }) => path.join(model, 'model.safetensors'), changed: flipped, isMapped: true },
  'larger weights': { file: ({ larger }) => path.join(larger, 'model.safetensors'), changed: flipped, isMapped: true },
  tokenizer: { file: ({ model }) => path.join(model, 'tokenizer.json'), changed: swapLetters },
  template: { file: ({ model }) => path.join(model, 'chat_template.jinja'), changed: () => Buffer.from(TEMPLATE('[')) },
  ends: {
    file: ({ model }) => path.join(model, 'generation_config.json'),
    changed: () => Buffer.from('{"bos_token_id": 0, "eos_token_id": [0, 19]}'),
  },
  'test items': { file: ({ task }) => path.join(task, 'test.jsonl'), changed: withoutEightLines },
  'calibration items': { file: ({ task }) => path.join(task, 'calibration.jsonl'), changed: withoutEightLines },
} as const satisfies Readonly<Record<string, Change>>;

export type ChangeName = keyof typeof changes;

/** Changes a file after a delay and restores it later, in a thread, so at any moment of the main thread. */
const THREAD = `
  const { workerData } = require('node:worker_threads');
  const { file, bytes, original, atMs, backMs, isOverwritten, keepsTime } = workerData;
  const fs = require('node:fs');
  const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const put = (content) => {
    if (isOverwritten) fs.writeFileSync(file, content, { flag: 'r+' });
    else {
      fs.writeFileSync(file + '.coming', content);
      fs.renameSync(file + '.coming', file);
    }
    if (keepsTime) fs.utimesSync(file, 1700000000, 1700000000);
  };
  wait(atMs);
  put(bytes);
  if (backMs !== null) {
    wait(backMs);
    put(original);
  }
`;

export interface Disturbance {
  /** Resolves when the file was changed, and restored if requested. */
  readonly done: Promise<void>;
  /** Restores everything, whatever happened. */
  restore(): Promise<void>;
}

/** Changes a source at a random moment of the next `tookMs`; in three cases of ten until `restore`. */
export const disturb = (sources: Sources, name: ChangeName, random: RandomSource, tookMs: number): Disturbance => {
  const change: Change = changes[name];
  const file = change.file(sources);
  const original = readFileSync(file);
  const atMs = random.float() * tookMs;
  const backMs = random.float() < 0.3 ? null : random.float() * (tookMs - atMs);
  const isOverwritten = change.isMapped === true && random.float() < 0.7;
  const keepsTime = random.float() < 0.7;
  const bytes = change.changed(original);
  const worker = new Worker(THREAD, {
    eval: true,
    workerData: { file, bytes, original, atMs, backMs, isOverwritten, keepsTime },
  });
  const done = new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
  return {
    done,
    restore: async () => {
      await done;
      if (!readFileSync(file).equals(original)) await writeFile(file, original);
      if (statSync(file).mtimeMs !== 1_700_000_000_000) await utimes(file, 1_700_000_000, 1_700_000_000);
    },
  };
};

/** Sources with one permanent change, to compute the results that are then right. */
export const changedFor = async (sources: Sources, name: ChangeName): Promise<() => Promise<void>> => {
  const change: Change = changes[name];
  const file = change.file(sources);
  const original = await readFile(file);
  await writeFile(file, change.changed(original));
  return async () => {
    await writeFile(file, original);
    await utimes(file, 1_700_000_000, 1_700_000_000);
  };
};
