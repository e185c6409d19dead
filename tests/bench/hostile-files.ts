/**
 * Files that are made to take memory and time, and the verbs that read them: npx node tests/bench/hostile-files.ts
 * [PATTERN]
 *
 * Each file is as large as its reader admits, or promises what no file holds. The verb runs in a process of its own,
 * from the sources. Printed per file: its exit code (0: read within bounds; 1 or 2: refused), processor seconds, wall
 * seconds, the peak of its memory, and its message. Everything must stay under 1 GB and, on an idle machine, 30 s; wall
 * seconds of a busy machine say little. Exits with 1 where memory or processor time is beyond that, or a process did
 * not end by itself.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

const root = path.join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(path.join(os.tmpdir(), 'uncurl-hostile-'));
const preload = pathToFileURL(path.join(import.meta.dirname, 'usage.mjs')).href;
const MOST_BYTES = 1e9;
const MOST_SECONDS = 30;
/** A process that has not ended by then on a busy machine is ended. */
const HANG_MS = 300_000;

const usage = z.object({ processorMs: z.number(), peakBytes: z.number() });

/** Processor time and memory of all processes of a command, its exit code, and the last line that it printed. */
const run = (args: readonly string[]) => {
  const [file, startedAt] = [path.join(folder, 'usage.jsonl'), performance.now()];
  rmSync(file, { force: true });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`--import=${preload}`, path.join(root, 'main', 'cli', 'uncurl.ts'), ...args],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
      timeout: HANG_MS,
      killSignal: 'SIGKILL',
      env: { ...process.env, UNCURL_USAGE: file, UNCURL_SETTINGS: path.join(folder, 'user', 'settings.json') },
    },
  );
  const used =
    status === null
      ? []
      : readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map((line) => usage.parse(JSON.parse(line)));
  return {
    status,
    seconds: (performance.now() - startedAt) / 1000,
    processorSeconds: used.reduce((sum, { processorMs }) => sum + processorMs / 1000, 0),
    peakBytes: used.reduce((most, { peakBytes }) => Math.max(most, peakBytes), 0),
    printed: stdout.length,
    said: (stderr.trim() === '' ? stdout : stderr).trim().split('\n').at(-1) ?? '',
    stdout,
  };
};

const MODEL = path.join(root, 'resources', 'models', 'uncurl-8');
const workspace = path.join(folder, 'workspace');
const swept = run([
  ...['sweep', 'uncurl-8', '--task', 'add', '--method', 'frequency', '--factors', '1,2', '--limit', '20'],
  ...['--workspace', workspace, '--json'],
]);
if (swept.status !== 0) throw new Error(swept.said);
const { run: sweep } = z.looseObject({ run: z.string() }).parse(JSON.parse(swept.stdout));

/** JSON of about `bytes` characters: an object with one entry after another. */
const entries = (bytes: number, entry: (index: number) => string): string => {
  const parts: string[] = [];
  for (let [index, size] = [0, 2]; size < bytes; index += 1) {
    const text = entry(index);
    parts.push(text);
    size += text.length + 1;
  }
  return `{${parts.join(',')}}`;
};

const MB = 1e6;
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const word = 'x';

/** A copy of the bundled model in which one file is written anew. */
const model = (name: string, change: (own: string) => void): string => {
  const own = path.join(folder, name);
  cpSync(MODEL, own, { recursive: true });
  change(own);
  return own;
};

/** A safetensors file with this header and no data. */
const header = (file: string, text: string, claimed = Buffer.byteLength(text)): void => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(claimed));
  writeFileSync(file, Buffer.concat([length, Buffer.from(text)]));
};

const withIndex = (name: string, text: string): string =>
  model(name, (own) => {
    rmSync(path.join(own, 'model.safetensors'));
    writeFileSync(path.join(own, 'model.safetensors.index.json'), text);
  });

const config = (name: string, bytes: number, field: string): string =>
  model(name, (own) => {
    const text = readFileSync(path.join(own, 'config.json'), 'utf8').trim();
    writeFileSync(path.join(own, 'config.json'), `${text.slice(0, -1)},${field.slice(0, bytes)}}`);
  });

const gguf = (name: string, tensors: bigint, keys: bigint, rest = Buffer.alloc(0)): string => {
  const head = Buffer.alloc(24);
  head.write('GGUF');
  head.writeUInt32LE(3, 4);
  head.writeBigUInt64LE(tensors, 8);
  head.writeBigUInt64LE(keys, 16);
  const file = path.join(folder, `${name}.gguf`);
  writeFileSync(file, Buffer.concat([head, rest]));
  return file;
};

/** A workspace with a copy of the sweep in which one file is written anew, with checksums that a stranger made. */
const edited = (name: string, file: string, change: (text: string) => string): string => {
  const own = path.join(folder, name);
  cpSync(workspace, own, { recursive: true });
  const target = path.join(own, 'runs', sweep, file);
  writeFileSync(target, change(readFileSync(target, 'utf8')));
  for (const sealed of ['checksums.sha256', 'seal.json'])
    rmSync(path.join(own, 'runs', sweep, sealed), { force: true });
  return own;
};

type Json = Record<string, unknown>;
const inJson =
  (change: (document: Json) => void): ((text: string) => string) =>
  (text) => {
    const document = JSON.parse(text) as Json;
    change(document);
    return JSON.stringify(document);
  };

/** What reads a run. */
const readers = (own: string): readonly (readonly string[])[] => [
  ['runs', '--workspace', own],
  ['report', sweep, '--workspace', own, '--out', path.join(own, 'report.html')],
  ['compare', sweep, '--workspace', own],
  ['figures', sweep, '--workspace', own, '--out', path.join(own, 'figures')],
];

const task = (name: string, write: (file: string) => void): readonly (readonly string[])[] => {
  const file = path.join(folder, name);
  write(file);
  const out = path.join(folder, `${name}-workspace`);
  return [
    [
      ...['sweep', 'uncurl-8', '--task', file, '--method', 'frequency', '--factors', '1', '--later'],
      ...['--workspace', out],
    ],
  ];
};

const requests = (name: string, text: string): readonly (readonly string[])[] => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  const out = path.join(folder, `${name}-out`);
  return [
    ['score', 'uncurl-8', '--requests', file, '--out', out],
    ['export', 'uncurl-8', '--plan', file, '--out', out],
  ];
};

const info = (given: string): readonly (readonly string[])[] => [['info', given]];

/** Commands by what they read; made one at a time, since the files are large. */
const hostile: Readonly<Record<string, () => readonly (readonly string[])[]>> = {
  'an index of 1.7 million shards': () =>
    info(
      withIndex('index', `{"weight_map":${entries(31.9 * MB, (at) => `"${at.toString(36)}":"${at.toString(36)}.s"`)}}`),
    ),
  'an index of one long name': () => info(withIndex('long-name', `{"weight_map":{"a":"${word.repeat(31 * MB)}"}}`)),
  'a deep index': () => info(withIndex('deep-index', `{"weight_map":${nested(1e6)}}`)),
  'a header of a gigabyte': () =>
    info(
      model('header', (own) => {
        header(path.join(own, 'model.safetensors'), '{', 2 ** 30);
        truncateSync(path.join(own, 'model.safetensors'), 2 ** 30 + 8);
      }),
    ),
  'a header of 32 MB of tensors': () =>
    info(
      model('tensors', (own) =>
        header(
          path.join(own, 'model.safetensors'),
          entries(32 * MB, (at) => `"${String(at)}":{"dtype":"F16","shape":[0],"data_offsets":[0,0]}`),
        ),
      ),
    ),
  'a header of 30 MB in one shape': () =>
    info(
      model('shape', (own) =>
        header(
          path.join(own, 'model.safetensors'),
          `{"a":{"dtype":"F16","shape":[${'1,'.repeat(15 * MB)}1],"data_offsets":[0,2]}}`,
        ),
      ),
    ),
  'a deep header': () =>
    info(model('deep-header', (own) => header(path.join(own, 'model.safetensors'), `{"a":${nested(1e6)}}`))),
  'a config of 4 MB of names': () =>
    info(config('names', 3.9 * MB, entries(3.8 * MB, (at) => `"k${String(at)}":1`).slice(1, -1))),
  'a deep config': () => info(config('deep-config', 3 * MB, `"k":${nested(1e6)}`)),
  'a config of a text of 4 MB': () => info(config('long-config', 4 * MB, `"_name_or_path":"${word.repeat(3.9 * MB)}"`)),
  'a tokenizer of 47 MB of tokens': () =>
    info(
      model('tokens', (own) => {
        const vocabulary = entries(47 * MB, (at) => `"t${at.toString(36)}":${String(at)}`);
        const text = `{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":${vocabulary},"merges":[]}}`;
        writeFileSync(path.join(own, 'tokenizer.json'), text);
      }),
    ),
  'a chat template of 16 MB': () =>
    info(
      model('template', (own) => writeFileSync(path.join(own, 'chat_template.jinja'), '{% if a %}'.repeat(1.6 * MB))),
    ),
  'a GGUF file that promises tensors without end': () => info(gguf('tensors', 2n ** 60n, 1n)),
  'a GGUF file that promises keys without end': () => info(gguf('keys', 1n, 2n ** 60n)),
  'a GGUF file with a text of 2^60 bytes': () => {
    const rest = Buffer.alloc(64);
    rest.writeBigUInt64LE(2n ** 60n);
    return info(gguf('text', 1n, 1n, rest));
  },
  'a GGUF file of a gigabyte of nothing': () => {
    const file = gguf('nothing', 200_000n, 100_000n);
    truncateSync(file, 2 ** 30);
    return info(file);
  },
  'a title of 30 MB': () =>
    readers(
      edited(
        'title',
        'manifest.json',
        inJson((run) => (run['title'] = word.repeat(30 * MB))),
      ),
    ),
  'a manifest of 30 MB of notes': () =>
    readers(
      edited(
        'manifest-notes',
        'manifest.json',
        inJson((run) => {
          run['notes'] = Array(3 * MB).fill('note');
        }),
      ),
    ),
  '10,000 repeated thresholds': () =>
    readers(
      edited(
        'thresholds',
        'results.json',
        inJson((document) => {
          const [first] = document['thresholds'] as unknown[];
          document['thresholds'] = Array(10_000).fill(first);
        }),
      ),
    ),
  'notes of 90 MB': () =>
    readers(
      edited(
        'notes',
        'results.json',
        inJson((document) => {
          document['notes'] = Array(9 * MB).fill('a note');
        }),
      ),
    ),
  'notes of 200 MB': () =>
    readers(
      edited(
        'many-notes',
        'results.json',
        inJson((all) => (all['notes'] = [word.repeat(200 * MB)])),
      ),
    ),
  'facts of 90 MB': () =>
    readers(
      edited(
        'facts',
        'results.json',
        inJson((document) => {
          document['facts'] = Array(4 * MB).fill({ fact: 1 });
        }),
      ),
    ),
  '100,000 points': () =>
    readers(
      edited(
        'points',
        'results.json',
        inJson((document) => {
          const [first] = document['results'] as Json[];
          document['results'] = Array.from({ length: 100_000 }, (_, at) => ({ ...first, factor: 1 + at / 100_000 }));
        }),
      ),
    ),
  'deep results': () => readers(edited('deep-results', 'results.json', () => nested(1e6))),
  'deep points': () => readers(edited('deep-points', 'points.json', () => nested(1e6))),
  'a manifest of 30 MB of tasks': () =>
    readers(
      edited(
        'tasks',
        'manifest.json',
        inJson((run) => {
          run['tasks'] = Array(400_000).fill({ name: 'a task', path: '/a/task', hash: 'hash' });
        }),
      ),
    ),
  'a label of 200 MB': () => {
    const own = edited('label', 'manifest.json', (text) => text);
    writeFileSync(path.join(own, 'runs', sweep, 'label.json'), JSON.stringify({ note: word.repeat(200 * MB) }));
    return readers(own);
  },
  'a log of 500 MB': () => {
    const own = edited('log', 'manifest.json', (text) => text);
    const file = path.join(own, 'runs', sweep, 'log.jsonl');
    writeFileSync(file, '{"at":"');
    truncateSync(file, 500 * MB);
    return [['runs', 'log', sweep, '--workspace', own]];
  },
  'a task of 250 MB in one line': () =>
    task('line.jsonl', (file) => writeFileSync(file, `{"id":"a","question":"${word.repeat(250 * MB)}"}`)),
  'a task of 4 million lines': () => task('lines.jsonl', (file) => writeFileSync(file, '{}\n'.repeat(4 * MB))),
  'a task of 250 MB of items': () =>
    task('items.jsonl', (file) => {
      const line = `{"question":"${word.repeat(180)}","choices":["a","b"],"answer":0}\n`;
      writeFileSync(file, line.repeat(Math.floor((250 * MB) / line.length)));
    }),
  'a task whose YAML has aliases of aliases': () =>
    task('aliases.yaml', (file) => {
      const level = (at: number): string => `a${String(at)}: &a${String(at)} [${`*a${String(at - 1)},`.repeat(9)}]\n`;
      writeFileSync(file, `task: t\na0: &a0 [x]\n${Array.from({ length: 30 }, (_, at) => level(at + 1)).join('')}`);
    }),
  'a plan of 250 MB': () => requests('plan.json', `{"kept":[[${'0,'.repeat(125 * MB)}0]]}`),
  'deep requests': () => requests('deep.json', nested(1e6)),
  'requests of 250 MB of tokens': () => {
    const tokens = `${'0,'.repeat(999_999)}0`;
    const line = (id: number): string => `{"id":"${String(id)}","contextTokens":[${tokens}],"continuationTokens":[1]}`;
    return requests('tokens.jsonl', Array.from({ length: 125 }, (_, at) => line(at)).join('\n'));
  },
  'a request of 250 MB': () =>
    requests('long.jsonl', `{"id":"a","context":"${word.repeat(250 * MB)}","continuation":"b"}`),
};

let failed = 0;
for (const [name, make] of Object.entries(hostile)) {
  if (!new RegExp(process.argv[2] ?? '').test(name)) continue;
  for (const args of make()) {
    const { status, seconds, processorSeconds, peakBytes, printed, said } = run(args);
    const isBad = status === null || peakBytes > MOST_BYTES || processorSeconds > MOST_SECONDS || printed > 10 * MB;
    failed += Number(isBad);
    console.log(
      `${isBad ? 'BEYOND ' : ''}${name}, ${args[0] ?? ''}: exit ${String(status ?? 'none')}, ` +
        `${processorSeconds.toFixed(1)} s of processor, ${seconds.toFixed(1)} s, ${(peakBytes / MB).toFixed(0)} MB, ` +
        `${(printed / 1e3).toFixed(0)} kB printed; ${said.slice(0, 110)}`,
    );
  }
  for (const entry of readdirSync(folder))
    if (!['workspace', 'user', 'usage.jsonl'].includes(entry)) rmSync(path.join(folder, entry), { recursive: true });
}
rmSync(folder, { recursive: true });
console.log(`${String(failed)} beyond ${String(MOST_BYTES / 1e9)} GB, ${String(MOST_SECONDS)} s or 10 MB printed`);
process.exitCode = failed === 0 ? 0 : 1;
