import { spawn } from 'node:child_process';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { cp, lstat, mkdir, mkdtemp, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { writePaddedModel } from '../../main/checkpoint/padded-model.ts';
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

/** `paddingBytes`: size of a buffer that nothing reads in each weight file; 0: none. */
export const makeSources = async (resources: string, folder: string, paddingBytes = 0): Promise<Sources> => {
  const inFolder = (...names: readonly string[]): string => path.join(folder, ...names);
  for (const name of ['uncurl-8', 'uncurl-16'])
    if (paddingBytes > 0) await writePaddedModel(name, inFolder(name), paddingBytes);
    else await cp(path.join(resources, 'models', name), inFolder(name), { recursive: true });
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

/** Flips the signs of the float16 numbers of the tensors whose names match. */
const flippedTensors =
  (pattern: RegExp) =>
  (bytes: Buffer): Buffer => {
    const headerBytes = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerBytes)) as Readonly<
      Record<string, { readonly data_offsets: readonly [number, number] }>
    >;
    const changed = Buffer.from(bytes);
    for (const [name, { data_offsets: [begin, end] = [0, 0] }] of Object.entries(header))
      if (pattern.test(name))
        for (let at = 8 + headerBytes + begin + 1; at < 8 + headerBytes + end; at += 2)
          changed[at] = (changed[at] ?? 0) ^ 0x80;
    return changed;
  };

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
  routers: {
    file: ({ model }) => path.join(model, 'model.safetensors'),
    changed: flippedTensors(/layers\.[12]\..*gate\.weight$/),
    isMapped: true,
  },
  'an expert': {
    file: ({ model }) => path.join(model, 'model.safetensors'),
    changed: flippedTensors(/layers\.1\..*experts\.3\.w2\.weight$/),
    isMapped: true,
  },
  config: {
    file: ({ model }) => path.join(model, 'config.json'),
    changed: inText((text) => text.replace('"rope_theta": 10000.0', '"rope_theta": 30.0')),
  },
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

/** How a change reaches the file. */
const WRITES = ['in place', 'by rename', 'by link', 'through a mapping'] as const;

/** Files are read whole up to here; of a padded one this covers all that precedes the padding. */
const MOST_BYTES = 16 * 2 ** 20;

const head = (file: string): Buffer => {
  const buffer = Buffer.alloc(Math.min(MOST_BYTES, statSync(file).size));
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, buffer, 0, buffer.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return buffer;
};

/** Puts other content into a source, and later the original one. */
export interface Disturbance {
  readonly words: string;
  change(): Promise<void>;
  /** Changes it after a part of the time, and restores it later; in three cases of ten not before `restore`. */
  during(tookMs: number): Promise<void>;
  restore(): Promise<void>;
  end(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('disturb.py', import.meta.url));

/** A change of a source by a random way of writing; in seven cases of ten the modification time is restored too. */
export const disturbanceOf = async (sources: Sources, name: ChangeName, random: RandomSource): Promise<Disturbance> => {
  const change: Change = changes[name];
  const file = change.file(sources);
  const original = head(file);
  const bytes = change.changed(original);
  const keepsTime = random.float() < 0.7;
  const ways = WRITES.filter(
    (way) =>
      (way !== 'through a mapping' || bytes.length === original.length) &&
      (way !== 'in place' || change.isMapped === true || bytes.length === original.length),
  );
  const write = ways[random.integer(ways.length)] ?? 'by rename';
  const folder = await mkdtemp(path.join(path.dirname(sources.task), 'disturb-'));
  const [before, after] = [path.join(folder, 'original'), path.join(folder, 'changed')];
  await writeFile(before, original);
  await writeFile(after, bytes);
  const child = spawn('python3', [PROGRAM, file, write, keepsTime ? 'yes' : 'no', before, after], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const heard = async (wanted: string): Promise<void> => {
    const { value } = (await lines.next()) as { readonly value: unknown };
    if (value !== wanted) throw new Error(`${PROGRAM} said ${String(value)} instead of ${wanted}`);
  };
  await heard('ready');
  let asked = 0;
  let last = Promise.resolve();
  const ask = (line: string): Promise<void> => {
    asked += 1;
    const wanted = `done ${String(asked)}`;
    child.stdin.write(`${line}\n`);
    last = last.then(() => heard(wanted));
    return last;
  };
  return {
    words: `${name} ${write}${keepsTime ? ', times restored' : ''}`,
    change: () => ask('change'),
    during: (tookMs) => {
      const atMs = random.float() * tookMs;
      const back = random.float() < 0.3 ? -1 : (random.float() * (tookMs - atMs)) / 1000;
      return ask(`during ${String(atMs / 1000)} ${String(back)}`);
    },
    restore: async () => {
      await last;
      if (!head(file).equals(original)) await ask('restore');
      if ((await lstat(file)).isSymbolicLink()) await putWhole(file, original, statSync(file).size - original.length);
      if (statSync(file).mtimeMs !== 1_700_000_000_000) await utimes(file, 1_700_000_000, 1_700_000_000);
    },
    end: async () => {
      child.stdin.end();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Replaces a file; `rest`: zeros after the content. */
const putWhole = async (file: string, content: Buffer, rest: number): Promise<void> => {
  await writeFile(`${file}.coming`, content);
  await truncate(`${file}.coming`, content.length + rest);
  await rename(`${file}.coming`, file);
};

/** Sources with one permanent change, to compute the results that are then right. */
export const changedFor = async (sources: Sources, name: ChangeName): Promise<() => Promise<void>> => {
  const change: Change = changes[name];
  const file = change.file(sources);
  const original = head(file);
  const rest = statSync(file).size - original.length;
  await putWhole(file, change.changed(original), rest);
  return async () => {
    await putWhole(file, original, rest);
    await utimes(file, 1_700_000_000, 1_700_000_000);
  };
};
