import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test, vi } from 'vitest';
import { runManifest } from '../../main/contract/run.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { COMPUTE_PRIORITY } from '../../main/hosts/yield-to-others.ts';
import { patiently } from '../hang-limit.ts';
import { openServedEngine } from '../main/hosts/served-page.ts';
import { waitUntilGone } from './computing-engine.ts';
import { readParquet } from './read-parquet.ts';
import { startUncurl, temporaryFolder, uncurl, type Uncurl } from './run-uncurl.ts';

/** Children of a process whose command line contains a word. */
const childrenOf = async (parent: number, word: string): Promise<readonly number[]> => {
  const listed = await readFile(`/proc/${String(parent)}/task/${String(parent)}/children`, 'utf8');
  const children = listed.trim().split(' ').filter(Boolean).map(Number);
  const commands = await Promise.all(children.map((pid) => readFile(`/proc/${String(pid)}/cmdline`, 'utf8')));
  return children.filter((_, index) => commands[index]?.includes(word));
};

/** The serving process, a child of its supervisor. */
const serving = async (server: Uncurl): Promise<number> => {
  const [pid = 0] = await childrenOf(server.child.pid ?? 0, 'serve');
  expect(pid).toBeGreaterThan(0);
  return pid;
};

const SETTINGS = { methods: ['reap', 'uncurl'], factors: [2, 4], limit: 150 };

test('a sweep from a served page writes the same files as the command line; an interrupt ends everything', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const server = startUncurl(['serve', '--workspace', workspace, '--threads', '1']);
  await server.prints(/token=.*\n/);
  const [address = ''] = /http:\/\/\S+token=[^\s"]+/.exec(server.printed.stdout) ?? [];
  const page = await openServedEngine(address);
  const model = (await page.call('models.list', {})).find(({ name }) => name === 'uncurl-16');
  const tasks = (await page.call('tasks.list', {})).filter(({ name }) => name === 'sort');
  if (model === undefined) throw new Error('no bundled model');
  const sweep = { models: [model.handle], tasks: tasks.map(({ handle }) => handle), settings: SETTINGS };
  const states: string[] = [];
  page.subscribe((event) => {
    if (event.type === 'run.changed') states.push(event.manifest.state);
  });
  const { run } = await page.call('sweep.start', sweep);
  await vi.waitFor(() => expect(states).toEqual(['queued', 'running', 'done']), patiently);
  const served = await page.call('sweep.read', { run });

  const other = join(await temporaryFolder(), 'workspace');
  const answered = await uncurl([
    ...['sweep', 'uncurl-16', '--task', 'sort', '--method', 'reap', 'uncurl', '--factors', '2,4', '--limit', '150'],
    ...['--threads', '1', '--json', '--workspace', other],
  ]);
  expect(answered.code, answered.stderr).toBe(0);
  const printed = sweepDocument.parse(JSON.parse(answered.stdout));
  expect({ ...served, run: '' }).toEqual({ ...printed, run: '' });
  for (const file of ['results.json', 'points.json', 'plans.json']) {
    const text = async (folder: string, name: string): Promise<string> =>
      (await readFile(join(folder, 'runs', name, file), 'utf8')).replaceAll(name, 'RUN');
    expect(await text(workspace, run)).toBe(await text(other, printed.run));
  }
  const outcomes = async (folder: string, name: string): Promise<unknown> =>
    (await readParquet(join(folder, 'runs', name, 'outcomes.parquet'))).map((row) => ({ ...row, run: '' }));
  expect(await outcomes(workspace, run)).toEqual(await outcomes(other, printed.run));

  const begins = new Promise<void>((resolve) => {
    page.subscribe((event) => {
      if (event.type === 'run.changed' && event.manifest.state === 'running') resolve();
    });
  });
  const again = await page.call('run.reproduce', { run });
  await begins;
  const [compute = 0] = await childrenOf(await serving(server), 'compute-process');
  expect(compute).toBeGreaterThan(0);
  // Page and engine go first; a thread of the runtime would be missed by looking at the process alone.
  const threads = process.platform === 'linux' ? await readdir(`/proc/${String(compute)}/task`) : [compute];
  for (const thread of threads) expect(getPriority(Number(thread))).toBeGreaterThanOrEqual(COMPUTE_PRIORITY);
  // A terminal sends an interrupt to the whole process group.
  process.kill(compute, 'SIGINT');
  server.child.kill('SIGINT');
  expect((await server.ended).code).toBe(0);
  await waitUntilGone(compute);
  expect(
    runManifest.parse(JSON.parse(await readFile(join(workspace, 'runs', again.run, 'manifest.json'), 'utf8'))),
  ).toMatchObject({ state: 'interrupted', error: null });
});

/** A server whose engine enters an endless loop once the file `hang` exists; it writes `hangs` first. */
const hangingServer = async (): Promise<Uncurl & { readonly hang: () => Promise<void> }> => {
  const folder = await temporaryFolder();
  const [hang, hangs, program] = ['hang', 'hangs', 'hang.mjs'].map((name) => join(folder, name));
  if (hang === undefined || hangs === undefined || program === undefined) throw new Error('no files');
  await writeFile(
    program,
    `import { existsSync, writeFileSync } from 'node:fs';
     if (process.send !== undefined)
       setInterval(() => {
         if (!existsSync(${JSON.stringify(hang)})) return;
         writeFileSync(${JSON.stringify(hangs)}, '');
         for (;;);
       }, 20).unref();`,
  );
  const server = startUncurl(['serve', '--workspace', join(folder, 'workspace'), '--threads', '1'], {
    NODE_OPTIONS: `--import ${pathToFileURL(program).href}`,
  });
  await server.prints(/token=.*\n/);
  return {
    ...server,
    hang: async () => {
      await writeFile(hang, '');
      await vi.waitFor(() => expect(existsSync(hangs)).toBe(true), patiently);
    },
  };
};

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`${signal} ends a server whose engine is in an endless loop`, async () => {
    const server = await hangingServer();
    const pid = await serving(server);
    await server.hang();
    server.child.kill(signal);
    const { code, stderr } = await server.ended;
    expect(stderr).toContain('did not react to the request to end');
    expect(code).toBe(1);
    await waitUntilGone(pid);
  });

test('a second interrupt ends the server at once, and a server that loses its supervisor ends too', async () => {
  const impatient = await hangingServer();
  const first = await serving(impatient);
  await impatient.hang();
  impatient.child.kill('SIGINT');
  impatient.child.kill('SIGTERM');
  expect((await impatient.ended).code).toBe(130);
  await waitUntilGone(first);

  const lost = await hangingServer();
  const second = await serving(lost);
  await lost.hang();
  lost.child.kill('SIGKILL');
  await waitUntilGone(second);
});
