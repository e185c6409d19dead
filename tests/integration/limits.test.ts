import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { userOf } from '../../main/workspace/maker-marks.ts';
import { openPartialResult } from '../../main/workspace/partial-result.ts';
import { temporaryFolder, uncurl } from './run-uncurl.ts';

/** Limits of a process, as a shell sets them; Linux alone has all of them. */

const root = path.resolve(import.meta.dirname, '..', '..');
const uncurlProgram = path.join(root, 'main', 'cli', 'uncurl.ts');

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const limited = (limit: string, command: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const given = ['-c', `ulimit ${limit} && exec "$@"`, 'bash', process.execPath, ...command];
    const child = execFile('bash', given, { cwd: root }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

test.runIf(process.platform === 'linux').each([
  [
    '-n 24',
    'This process may have 24 files open; at least 128 are needed.\nRaise the limit, for example: ulimit -n 1024.',
  ],
  [
    '-n 32',
    'This process may have 32 files open; at least 128 are needed.\nRaise the limit, for example: ulimit -n 1024.',
  ],
  ['-v 3000000', 'The address space of this process is limited to 3.1 GB; Node and its threads reserve more'],
])('under ulimit %s the command line says what to raise, before it begins anything', async (limit, said) => {
  const workspace = await temporaryFolder();
  const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--method', 'frequency', '--factors', '1,2'];
  const { code, stdout, stderr } = await limited(limit, [uncurlProgram, ...sweep, '--workspace', workspace]);
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`uncurl: ${said}`);
  expect(stderr).not.toMatch(/stack|damaged|delete/i);
  expect(await readdir(workspace)).toEqual([]);
});

test.runIf(process.platform === 'linux')('help needs no more than Node itself', async () => {
  expect(await limited('-n 24', [uncurlProgram, '--version'])).toMatchObject({ code: 0 });
});

/** Opens files until none is left but `spare`, then reads a run's outcomes and continues sealed work. */
const STARVED = `
import { openSync, closeSync } from 'node:fs';
import { readPointBlocks } from '${root}/main/runs/read-outcomes.ts';
import { userOf } from '${root}/main/workspace/maker-marks.ts';
import { openPartialResult } from '${root}/main/workspace/partial-result.ts';
const [, , outcomes, folder, key, state] = process.argv;
const held = [];
try { for (;;) held.push(openSync('/dev/null')); } catch (error) { if (error.code !== 'EMFILE') throw error; }
const codeOf = (work) => work().then(() => 'read', (error) => error.code ?? String(error));
const codes = [];
for (let spare = 0; spare <= 2; spare++) {
  if (spare > 0) closeSync(held.pop());
  const partial = openPartialResult(folder, key, { say: () => undefined, maker: userOf(state) });
  codes.push(await codeOf(() => partial.continued(() => Promise.resolve())));
  codes.push(await codeOf(async () => { for await (const _ of await readPointBlocks(outcomes)); }));
}
for (const file of held) closeSync(file);
console.log(JSON.stringify(codes));
process.exit(0);
`;

test.runIf(process.platform === 'linux')('where open files run out, nothing is called damaged or deleted', async () => {
  const [workspace, folder] = [await temporaryFolder(), path.join(await temporaryFolder(), 'state')];
  const sweep = ['sweep', 'uncurl-8', '--task', 'add', '--method', 'frequency', '--factors', '1'];
  expect(await uncurl([...sweep, '--workspace', workspace])).toMatchObject({ code: 0 });
  const [run = ''] = await readdir(path.join(workspace, 'runs'));
  const outcomes = path.join(workspace, 'runs', run, 'outcomes.parquet');
  await mkdir(folder);
  await writeFile(path.join(folder, 'state-1.pt'), 'a state');
  const state = await temporaryFolder();
  await openPartialResult(folder, 'a'.repeat(64), { say: () => undefined, maker: userOf(state) }).sealAll();
  const script = path.join(workspace, 'starved.mjs');
  await writeFile(script, STARVED);
  const { code, stdout, stderr } = await limited('-n 64', [script, outcomes, folder, 'a'.repeat(64), state]);
  expect(code, stderr).toBe(0);
  const codes: unknown = JSON.parse(stdout);
  expect(codes).toEqual(expect.arrayContaining(['too-many-open-files']));
  for (const each of Array.isArray(codes) ? codes : [])
    expect(['too-many-open-files', 'no-thread', 'read']).toContain(each);
  expect(await readdir(folder)).toEqual(['state-1.pt']);
});
