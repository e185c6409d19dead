import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { cp, lstat, mkdir, mkdtemp, open, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { RandomSource } from '../../../main/statistics/random.ts';

/** A model with a chat template, a larger model of its family, two tasks of few items, and a written twin. */
export interface Sources {
  readonly model: string;
  readonly larger: string;
  readonly task: string;
  /** Another task of few items. */
  readonly other: string;
  readonly written: string;
}

/** Items of each split: enough for changed weights or tokens to show. */
const ITEMS = 16;
/** Tensors between two pieces of padding. */
const TENSORS_BETWEEN = 9;

const TEMPLATE = (word: string): string =>
  `{% for message in messages %}{{ message['content'] }} ${word} {% endfor %}{% if add_generation_prompt %}= {% ` +
  'endif %}';

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Position in the file. */
  readonly at: number;
  readonly length: number;
}

interface Tensors {
  readonly entries: readonly Entry[];
  readonly dataAt: number;
}

const tensorsOf = (file: string): Tensors => {
  const descriptor = openSync(file, 'r');
  try {
    const size = Buffer.alloc(8);
    readSync(descriptor, size, 0, 8, 0);
    const text = Buffer.alloc(Number(size.readBigUInt64LE()));
    readSync(descriptor, text, 0, text.length, 8);
    const { __metadata__: _, ...header } = JSON.parse(text.toString('utf8')) as Readonly<
      Record<string, { dtype: string; shape: number[]; data_offsets: readonly [number, number] }>
    >;
    const dataAt = 8 + text.length;
    const entries = Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => ({ name, dtype, shape, at: dataAt + begin, length: end - begin }),
    );
    return { entries: entries.sort((one, other) => one.at - other.at), dataAt };
  } finally {
    closeSync(descriptor);
  }
};

/**
 * Spreads the tensors of a weight file over `paddingBytes` more: buffers that nothing reads, of zeros that take no
 * space on disk, lie between them.
 */
const spreadTensors = async (file: string, paddingBytes: number): Promise<void> => {
  const [bytes, { entries, dataAt }] = [await readFile(file), tensorsOf(file)];
  const pieces = Math.ceil(entries.length / TENSORS_BETWEEN);
  const padding = Math.floor(paddingBytes / pieces / 64) * 64;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const placed: { readonly entry: Entry; readonly offset: number }[] = [];
  let offset = 0;
  for (const [index, entry] of entries.entries()) {
    if (index % TENSORS_BETWEEN === 0) {
      const name = `model.padding.${String(index)}.rotary_emb.inv_freq`;
      header[name] = { dtype: 'U8', shape: [padding], data_offsets: [offset, offset + padding] };
      offset += padding;
    }
    header[entry.name] = { dtype: entry.dtype, shape: entry.shape, data_offsets: [offset, offset + entry.length] };
    placed.push({ entry, offset });
    offset += entry.length;
  }
  if (dataAt + placed.reduce((sum, { entry }) => sum + entry.length, 0) !== bytes.length)
    throw new Error(`${file} has gaps`);
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const handle = await open(file, 'w');
  try {
    await handle.write(Buffer.concat([length, text]), 0, 8 + text.length, 0);
    for (const { entry, offset: at } of placed) await handle.write(bytes, entry.at, entry.length, 8 + text.length + at);
    await handle.truncate(8 + text.length + offset);
  } finally {
    await handle.close();
  }
};

/** `paddingBytes`: size of the buffers that nothing reads in each weight file; 0: none. */
export const makeSources = async (resources: string, folder: string, paddingBytes = 0): Promise<Sources> => {
  const inFolder = (...names: readonly string[]): string => path.join(folder, ...names);
  for (const name of ['uncurl-8', 'uncurl-16']) {
    await cp(path.join(resources, 'models', name), inFolder(name), { recursive: true });
    if (paddingBytes > 0) await spreadTensors(inFolder(name, 'model.safetensors'), paddingBytes);
  }
  await writeFile(inFolder('uncurl-8', 'chat_template.jinja'), TEMPLATE('('));
  for (const task of ['capital', 'french']) {
    await mkdir(inFolder(task));
    await cp(path.join(resources, 'tasks', task, 'task.json'), inFolder(task, 'task.json'));
    for (const split of ['calibration.jsonl', 'test.jsonl']) {
      const lines = await readFile(path.join(resources, 'tasks', task, split), 'utf8');
      await writeFile(inFolder(task, split), `${lines.split('\n').slice(0, ITEMS).join('\n')}\n`);
    }
  }
  await cp(path.join(resources, 'tasks', 'capital-written'), inFolder('capital-written'), { recursive: true });
  const sources = {
    model: inFolder('uncurl-8'),
    larger: inFolder('uncurl-16'),
    task: inFolder('capital'),
    other: inFolder('french'),
    written: inFolder('capital-written'),
  };
  // An old time, which is what a change restores.
  for (const change of Object.values(changes)) await utimes(change.file(sources), OLD_S, OLD_S);
  return sources;
};

const OLD_S = 1_700_000_000;

/** Bytes at a position of a file. */
interface Piece {
  readonly at: number;
  readonly bytes: Buffer;
}

/** The bytes in which two states of a file differ, and its length in either. */
interface State {
  readonly pieces: readonly Piece[];
  readonly length: number;
}

interface States {
  readonly original: State;
  readonly changed: State;
}

/** Another state of one source. */
interface Change {
  readonly file: (sources: Sources) => string;
  readonly states: (file: string) => States;
}

const pieceOf = (file: string, at: number, length: number): Piece => {
  const bytes = Buffer.alloc(length);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, bytes, 0, length, at);
  } finally {
    closeSync(descriptor);
  }
  return { at, bytes };
};

/** Weights are changed at the same length: they are memory-mapped, and a shorter file would end the process. */
const inTensors =
  (pattern: RegExp, part: (entry: Entry) => readonly [number, number], change: (bytes: Buffer) => void) =>
  (file: string): States => {
    const { entries } = tensorsOf(file);
    const original = entries
      .filter(({ name }) => pattern.test(name))
      .map((entry) => {
        const [at, length] = part(entry);
        return pieceOf(file, entry.at + at, length);
      });
    const changed = original.map(({ at, bytes }) => {
      const other = Buffer.from(bytes);
      change(other);
      return { at, bytes: other };
    });
    const { size: length } = statSync(file);
    return { original: { pieces: original, length }, changed: { pieces: changed, length } };
  };

/** Flips the signs of the float16 numbers of the tensors whose names match. */
const flippedTensors = (pattern: RegExp): ((file: string) => States) =>
  inTensors(
    pattern,
    ({ length }) => [0, length],
    (bytes) => {
      for (let at = 1; at < bytes.length; at += 2) bytes[at] = (bytes[at] ?? 0) ^ 0x80;
    },
  );

/** One bit of the exponent of one number, the `index`-th of a tensor. */
const oneByte = (pattern: RegExp, index: number): ((file: string) => States) =>
  inTensors(
    pattern,
    () => [2 * index + 1, 1],
    (bytes) => {
      bytes[0] = (bytes[0] ?? 0) ^ 0x20;
    },
  );

const inText =
  (change: (text: string) => string) =>
  (file: string): States => {
    const bytes = readFileSync(file);
    const changed = Buffer.from(change(bytes.toString('utf8')));
    return {
      original: { pieces: [{ at: 0, bytes }], length: bytes.length },
      changed: { pieces: [{ at: 0, bytes: changed }], length: changed.length },
    };
  };

const withoutLines = inText((text) =>
  text
    .split('\n')
    .slice(ITEMS / 3)
    .join('\n'),
);

/** Two letters are swapped, so the same texts have other tokens. */
const swapLetters = inText((text) =>
  text.replace('"a": 19', '"a": 0x').replace('"e": 23', '"e": 19').replace('"a": 0x', '"a": 23'),
);

const weightsOf = ({ model }: Sources): string => path.join(model, 'model.safetensors');

export const changes = {
  weights: { file: weightsOf, states: flippedTensors(/\.(?:w2|o_proj)\.weight$/) },
  routers: { file: weightsOf, states: flippedTensors(/layers\.[12]\..*gate\.weight$/) },
  'an expert': { file: weightsOf, states: flippedTensors(/layers\.1\..*experts\.3\.w2\.weight$/) },
  'a byte of a router': { file: weightsOf, states: oneByte(/layers\.0\..*gate\.weight$/, 100) },
  'a byte of attention': { file: weightsOf, states: oneByte(/layers\.2\..*v_proj\.weight$/, 4321) },
  'a byte of an expert': { file: weightsOf, states: oneByte(/layers\.2\..*experts\.5\.w1\.weight$/, 1717) },
  config: {
    file: ({ model }) => path.join(model, 'config.json'),
    states: inText((text) => text.replace('"rope_theta": 10000.0', '"rope_theta": 30.0')),
  },
  'larger weights': {
    file: ({ larger }) => path.join(larger, 'model.safetensors'),
    states: flippedTensors(/\.(?:w2|o_proj)\.weight$/),
  },
  tokenizer: { file: ({ model }) => path.join(model, 'tokenizer.json'), states: swapLetters },
  template: {
    file: ({ model }) => path.join(model, 'chat_template.jinja'),
    states: inText(() => TEMPLATE('[')),
  },
  ends: {
    file: ({ model }) => path.join(model, 'generation_config.json'),
    states: inText(() => '{"bos_token_id": 0, "eos_token_id": [0, 19]}'),
  },
  'test items': { file: ({ task }) => path.join(task, 'test.jsonl'), states: withoutLines },
  'calibration items': { file: ({ task }) => path.join(task, 'calibration.jsonl'), states: withoutLines },
} as const satisfies Readonly<Record<string, Change>>;

export type ChangeName = keyof typeof changes;

/** How a change reaches the file. */
const WRITES = ['in place', 'by rename', 'by link', 'through a mapping'] as const;

/** Puts other content into a source, and later the original one. */
export interface Disturbance {
  readonly words: string;
  readonly write: (typeof WRITES)[number];
  change(): Promise<void>;
  /** Changes it after a part of the time, and restores it later; in three cases of ten not before `restore`. */
  during(tookMs: number): Promise<void>;
  restore(): Promise<void>;
  end(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('disturb.py', import.meta.url));

/** Writes a state as `disturb.py` reads it: NAME.json has its length and pieces, NAME.bin their bytes. */
const writeState = async (folder: string, name: string, { pieces, length }: State): Promise<void> => {
  await writeFile(path.join(folder, `${name}.bin`), Buffer.concat(pieces.map(({ bytes }) => bytes)));
  const document = { length, pieces: pieces.map(({ at, bytes }) => [at, bytes.length]) };
  await writeFile(path.join(folder, `${name}.json`), JSON.stringify(document));
};

/** The state whose bytes a file has, where it is one of the two. */
const hasState = (file: string, { pieces, length }: State): boolean =>
  statSync(file).size === length &&
  pieces.every(({ at, bytes }) => pieceOf(file, at, bytes.length).bytes.equals(bytes));

/** Replaces a file by a copy of it in a state. */
const putWhole = async (file: string, { pieces, length }: State): Promise<void> => {
  const coming = `${file}.coming`;
  await copySparsely(file, coming);
  const handle = await open(coming, 'r+');
  try {
    for (const { at, bytes } of pieces) await handle.write(bytes, 0, bytes.length, at);
  } finally {
    await handle.close();
  }
  await truncate(coming, length);
  await rename(coming, file);
};

const copySparsely = (from: string, to: string): Promise<void> =>
  new Promise((resolve, reject) => {
    spawn('cp', ['--sparse=auto', '--dereference', from, to], { stdio: 'inherit' })
      .once('error', reject)
      .once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`cp ended with ${String(code)}`))));
  });

/** A change of a source by a random way of writing; in seven cases of ten the modification time is restored too. */
export const disturbanceOf = async (sources: Sources, name: ChangeName, random: RandomSource): Promise<Disturbance> => {
  const change: Change = changes[name];
  const file = change.file(sources);
  const { original, changed } = change.states(file);
  const keepsTime = random.float() < 0.7;
  // A text of another length is not written in place: a reader may meet a part of it, which is a third state.
  const ways = WRITES.filter((way) => way.startsWith('by ') || changed.length === original.length);
  const write = ways[random.integer(ways.length)] ?? 'by rename';
  const folder = await mkdtemp(path.join(path.dirname(sources.task), 'disturb-'));
  await writeState(folder, 'restore', original);
  await writeState(folder, 'change', changed);
  const child = spawn('python3', [PROGRAM, file, write, keepsTime ? 'yes' : 'no', folder], {
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
    write,
    change: () => ask('change'),
    during: (tookMs) => {
      const atMs = random.float() * tookMs;
      const back = random.float() < 0.3 ? -1 : (random.float() * (tookMs - atMs)) / 1000;
      return ask(`during ${String(atMs / 1000)} ${String(back)}`);
    },
    restore: async () => {
      await last;
      if (!hasState(file, original)) await ask('restore');
      if ((await lstat(file)).isSymbolicLink()) await putWhole(file, original);
      if (statSync(file).mtimeMs !== OLD_S * 1000) await utimes(file, OLD_S, OLD_S);
    },
    end: async () => {
      child.stdin.end();
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Sources with one permanent change, to compute the results that are then right. */
export const changedFor = async (sources: Sources, name: ChangeName): Promise<() => Promise<void>> => {
  const change: Change = changes[name];
  const file = change.file(sources);
  const { original, changed } = change.states(file);
  await putWhole(file, changed);
  return async () => {
    await putWhole(file, original);
    await utimes(file, OLD_S, OLD_S);
  };
};
