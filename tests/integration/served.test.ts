import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { connectRpc, type RpcConnection } from '../../main/contract/rpc.ts';
import { runManifest } from '../../main/contract/run.ts';
import { sweepDocument } from '../../main/contract/sweep.ts';
import { socketChannel } from '../../main/hosts/socket-channel.ts';
import { patiently } from '../hang-limit.ts';
import { waitUntilGone } from './computing-engine.ts';
import { readParquet } from './read-parquet.ts';
import { startUncurl, temporaryFolder, uncurl } from './run-uncurl.ts';

/** Children of a process that run the program which computes. */
const computesOf = async (parent: number): Promise<readonly number[]> => {
  const listed = await readFile(`/proc/${String(parent)}/task/${String(parent)}/children`, 'utf8');
  const children = listed.trim().split(' ').filter(Boolean).map(Number);
  const commands = await Promise.all(children.map((pid) => readFile(`/proc/${String(pid)}/cmdline`, 'utf8')));
  return children.filter((_, place) => commands[place]?.includes('compute-process'));
};

/** A page of `uncurl serve`, which ends with the test. */
const openPage = async (address: string): Promise<RpcConnection> => {
  const { host, searchParams } = new URL(address);
  const socket = new WebSocket(`ws://${host}/engine?token=${searchParams.get('token') ?? ''}`, {
    headers: { origin: `http://${host}` },
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return connectRpc(socketChannel(socket), () => undefined);
};

const SETTINGS = { methods: ['reap', 'uncurl'], factors: [2, 4], limit: 150 };

test('a sweep of a served page has the files of one from the command line; an interrupt ends all of it', async () => {
  const workspace = join(await temporaryFolder(), 'workspace');
  const server = startUncurl(['serve', '--workspace', workspace, '--threads', '1']);
  await server.prints(/token=.*\n/);
  const [address = ''] = /http:\/\/\S+token=[^\s"]+/.exec(server.printed.stdout) ?? [];
  const page = await openPage(address);
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
  const [compute = 0] = await computesOf(server.child.pid ?? 0);
  expect(compute).toBeGreaterThan(0);
  // A terminal's interrupt reaches the whole group.
  process.kill(compute, 'SIGINT');
  server.child.kill('SIGINT');
  expect((await server.ended).code).toBe(0);
  await waitUntilGone(compute);
  expect(
    runManifest.parse(JSON.parse(await readFile(join(workspace, 'runs', again.run, 'manifest.json'), 'utf8'))),
  ).toMatchObject({ state: 'interrupted', error: null });
});
