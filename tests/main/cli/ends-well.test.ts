import { spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { escapeControls } from '../../../main/figures/escape.ts';
import { refuse, serialiseError, WorkbenchError } from '../../../main/contract/errors.ts';
import { csvFile } from '../../../main/figures/csv.ts';
import { explainReadError } from '../../../main/files/regular-file.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { commandLineHere } from './command-line-here.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = path.join(root, 'main', 'cli', 'uncurl.ts');
const model = path.join(root, 'resources', 'models', 'uncurl-8');

const start = (args: readonly string[], stdio: StdioOptions, environment: NodeJS.ProcessEnv = {}) =>
  spawn(process.execPath, [program, ...args], { stdio, env: { ...process.env, ...environment } });

const sweepOf = (workspace: string): readonly string[] =>
  `sweep ${model} --task capital --method frequency --factors 1,2 --limit 20 --workspace ${workspace}`.split(' ');

/** The exit code or signal of a child, once all its output was read. */
const exitOf = async (child: ReturnType<typeof start>): Promise<number | string | null> => {
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return code ?? signal;
};

test.runIf(process.platform !== 'win32')('a closed standard error does not end a sweep', async () => {
  const child = start(sweepOf(await temporaryFolder()), ['ignore', 'pipe', 'pipe']);
  child.stderr?.destroy();
  child.stdout?.resume();
  expect(await exitOf(child)).toBe(0);
});

test.runIf(process.platform === 'linux')(
  'a full standard error does not end a sweep; a full answer is a failure',
  async () => {
    const full = await open('/dev/full', 'w');
    try {
      const deaf = start(sweepOf(await temporaryFolder()), ['ignore', 'pipe', full.fd]);
      deaf.stdout?.resume();
      expect(await exitOf(deaf)).toBe(0);
      expect(await exitOf(start(['info', model], ['ignore', full.fd, 'ignore']))).toBe(1);
    } finally {
      await full.close();
    }
  },
);

test.runIf(process.platform !== 'win32').each(['SIGINT', 'SIGTERM'] as const)(
  '%s while a large task is read and scored ends with 130',
  async (signal) => {
    const task = path.join(await temporaryFolder(), 'many.jsonl');
    const item = (id: number): string =>
      JSON.stringify({ id: String(id), context: 'The capital of France is', choices: [' Paris', ' Rome'], answer: 0 });
    await writeFile(task, Array.from({ length: 60_000 }, (_, index) => item(index)).join('\n'));
    const child = start(['baseline', model, '--task', task], ['ignore', 'ignore', 'pipe']);
    await once(child.stderr ?? child, 'data');
    child.kill(signal);
    expect(await exitOf(child)).toBe(130);
  },
);

test('a folder for temporary files that is missing is refused by name', async () => {
  const child = start(['baseline', model, '--task', 'capital'], ['ignore', 'ignore', 'pipe'], {
    TMPDIR: '/nowhere/at/all',
  });
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  expect(await exitOf(child)).toBe(2);
  expect(said.join('')).toMatch(/No folder can be made in \/nowhere\/at\/all.*\nSet TMPDIR/);
});

test('terminal escapes in names are shown, not sent, in words and in JSON', async () => {
  const folder = path.join(await temporaryFolder(), 'a\u001b[31mb\u009bc');
  await mkdir(folder);
  for (const args of [
    ['info', folder],
    ['info', folder, '--json'],
  ]) {
    const { code, stdout: out, stderr: err } = await commandLineHere(...args);
    expect(code).toBe(2);

    expect(out + err).not.toMatch(/[\u001b\u009b]/);
    expect(out + err).toContain(args.length === 2 ? 'a\\u001b[31mb\\u009bc' : '\\u001b[31mb\\u009bc');
  }
  expect(escapeControls('tab\tline\n\u202e')).toBe('tab\tline\n\\u202e');
});

test('cells that begin a formula are texts; numbers stay numbers', () => {
  const rows = csvFile(
    ['name', 'value'],
    [
      ['=HYPERLINK("x")', -1.5],
      ['@a', 2],
      ['+b', 3],
      ['-c', null],
    ],
  );
  expect(rows.split('\n').slice(1, -1)).toEqual([`"'=HYPERLINK(""x"")",-1.5`, `'@a,2`, `'+b,3`, `'-c,`]);
});

test('lack of memory is reported as such, whatever its source', () => {
  for (const error of [
    new RangeError('Array buffer allocation failed'),
    new RangeError('Invalid string length'),
    new WorkbenchError('session-failed', 'failed', 'onnxruntime could not open block 3: std::bad_alloc', 'x'),
  ])
    expect(serialiseError(error)).toMatchObject({ code: 'out-of-memory', remedy: expect.stringContaining('memory') });
  expect(serialiseError(refuse('bad-task', 'x', 'y')).code).toBe('bad-task');
});

test('a read error is not reported as a write error', () => {
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  expect(explainReadError(denied, '/x')).toMatchObject({
    code: 'not-readable',
    message: expect.not.stringContaining('writ'),
  });
});
