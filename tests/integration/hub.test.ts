import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { parseHubName } from '../../main/contract/hub.ts';
import { runManifest } from '../../main/contract/run.ts';
import { findInCache } from '../../main/hub/hub-cache.ts';
import { type LoopbackHub, startLoopbackHub, TOKEN } from './loopback-hub.ts';
import { olmoeFiles } from './olmoe-model.ts';
import { pageCommands } from './page-commands.ts';
import { resources, startUncurl, temporaryFolder, uncurl } from './run-uncurl.ts';

const ID = 'allenai/OLMoE-1B-7B-0924';
const POSITIONS = 512;
let hub: LoopbackHub;
let commit: string;

beforeAll(async () => {
  hub = await startLoopbackHub();
  commit = hub.publish(ID, await olmoeFiles(POSITIONS));
});
afterAll(() => hub.close());
afterEach(() => {
  hub.fault = null;
  hub.seen.length = 0;
});

/** A machine where nothing was done yet. */
const machine = async (more: Record<string, string> = {}) => {
  const folder = await temporaryFolder();
  const environment = {
    HF_HOME: path.join(folder, 'huggingface'),
    HF_ENDPOINT: hub.endpoint,
    HF_TOKEN: TOKEN,
    UNCURL_WORKSPACE: path.join(folder, 'workspace'),
    UNCURL_SETTINGS: path.join(folder, 'settings.json'),
    ...more,
  };
  return { folder, environment, cache: path.join(environment.HF_HOME, 'hub') };
};

/** Whether any file of a folder contains a text. */
const anyContains = (folder: string, text: string): boolean =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .some((entry) => readFileSync(path.join(entry.parentPath, entry.name)).includes(text));

test('the commands of "Your first real model", from nothing to an upload', async () => {
  const { folder, environment } = await machine();
  // The second block is of tasks of lm-evaluation-harness, which need Python: tests/interop/first-model.test.ts.
  const [commands = [], ...others] = pageCommands('first-model.md', folder, 'someone');
  expect(others).toHaveLength(1);
  expect(commands.map(({ args: [verb] }) => verb)).toEqual([
    ...['models', 'info', 'download', 'models', 'sweep', 'profile', 'plan', 'export', 'push'],
  ]);
  const printed: string[] = [];
  for (const { line, args } of commands) {
    // Fewer items, for time; everything else is as on the page.
    const fewer = args[0] === 'sweep' ? ['--limit', '40'] : [];
    const { code, stdout, stderr } = await uncurl([...args, ...fewer], environment);
    expect(code, `${line}\n${stderr}`).toBe(0);
    printed.push(stdout);
    expect(stdout + stderr).not.toContain(TOKEN);
    if (args[0] === 'info') {
      expect(stdout).toContain('to download');
      expect(hub.seen.some(({ host, range }) => host === 'cdn' && range === null)).toBe(false);
    }
  }
  expect(printed[3]).toMatch(new RegExp(`${ID} +olmoe +[\\d,]+`));
  const runs = readdirSync(path.join(environment.UNCURL_WORKSPACE, 'runs'));
  const sweep = runs.find((name) => name.startsWith('sweep')) ?? '';
  const manifest = runManifest.parse(
    JSON.parse(readFileSync(path.join(environment.UNCURL_WORKSPACE, 'runs', sweep, 'manifest.json'), 'utf8')),
  );
  expect(manifest.models).toMatchObject([{ name: ID, commit }]);
  const card = hub.contentOf('someone/OLMoE-french', 'README.md')?.toString() ?? '';
  expect(card).toMatch(new RegExp(`^---\nbase_model: ${ID}\nlicense: apache-2.0\n`));
  expect(card).toContain(`commit \`${commit}\``);
  expect(card).toMatch(/## What pruning costs\n\nMeasured: french/i);
  expect(hub.seen.filter(({ host, authorization }) => host === 'cdn' && authorization !== null)).toEqual([]);
  expect(anyContains(folder, TOKEN)).toBe(false);

  // What the page says of other options, with its commands.
  const [search = [], push = []] = [commands[0]?.args, commands.at(-1)?.args];
  const all = await uncurl([...search, '--all'], environment);
  expect([all.code, all.stdout]).toEqual([0, expect.stringContaining(ID)]);
  const again = await uncurl(push, environment);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('--into-existing')]);
  const added = await uncurl([...push, '--into-existing'], environment);
  expect(added.code, added.stderr).toBe(0);
});

test('commands in the text of the page run in other tests', () => {
  const text = readFileSync(path.join(resources, 'docs', 'first-model.md'), 'utf8');
  expect([...text.matchAll(/`(uncurl [^`]+)`/g)].map(([, command]) => command)).toEqual([
    'uncurl import arc_challenge --python FILE', // tests/interop/harness-tasks.test.ts
    'uncurl download', // above
    'uncurl resume RUN', // below
  ]);
});

test('a download that is killed is resumed from the byte that it had, as a run', async () => {
  const { environment, cache } = await machine({ HF_HUB_DOWNLOAD_TIMEOUT: '600' });
  hub.fault = ({ host, range }) => (host === 'cdn' && range === null ? { silentAfter: 200_000 } : null);
  const { child, ended, says } = startUncurl(['download', ID], environment);
  await says(/Run download-/);
  const blobs = path.join(cache, 'models--allenai--OLMoE-1B-7B-0924', 'blobs');
  const part = (): number => {
    const name = (existsSync(blobs) ? readdirSync(blobs) : []).find((each) => each.endsWith('.incomplete'));
    return name === undefined ? 0 : readFileSync(path.join(blobs, name)).length;
  };
  while (part() < 200_000) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGKILL');
  await ended;
  const [run = ''] = readdirSync(path.join(environment.UNCURL_WORKSPACE, 'runs'));
  hub.seen.length = 0;
  const resumed = await uncurl(['resume', run], environment);
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(hub.seen.filter(({ host }) => host === 'cdn').map(({ range }) => range)).toEqual(['bytes=200000-']);
  const name = parseHubName(ID);
  expect(name === null ? null : await findInCache(cache, name)).toMatchObject({ kind: 'found', commit });
});

test('the setting and a variable forbid it; a proxy is used', async () => {
  const { environment } = await machine();
  writeFileSync(environment.UNCURL_SETTINGS, JSON.stringify({ hub: 'never' }));
  const never = await uncurl(['info', ID], environment);
  expect([never.code, never.stderr]).toEqual([2, expect.stringContaining('UNCURL_HUB=never forbids asking the Hub')]);
  writeFileSync(environment.UNCURL_SETTINGS, '{}');
  const offline = await uncurl(['download', ID], { ...environment, HF_HUB_OFFLINE: '1' });
  expect(offline.stderr).toContain('HF_HUB_OFFLINE=1 forbids asking the Hub');
  expect(hub.seen).toEqual([]);

  const through: string[] = [];
  const proxy = createServer().on('connect', (request, socket, head: Buffer) => {
    through.push(request.url ?? '');
    const target = connect(Number(new URL(hub.endpoint).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
  mkdirSync(environment.HF_HOME, { recursive: true });
  const proxied = await uncurl(['models', '--search', 'olmoe', '--json'], {
    ...environment,
    HF_ENDPOINT: 'http://hub.test',
    HTTP_PROXY: address,
    http_proxy: address,
    NO_PROXY: '',
    no_proxy: '',
  });
  proxy.closeAllConnections();
  proxy.close();
  expect(proxied.code, proxied.stderr).toBe(0);
  expect(z.array(z.looseObject({ repository: z.string() })).parse(JSON.parse(proxied.stdout))).toMatchObject([
    { repository: ID },
  ]);
  expect(through).toContain('hub.test:80');
});
