import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { patiently } from '../hang-limit.ts';
import { type LoopbackSshd, loopbackSshd } from './loopback-sshd.ts';
import { startUncurl, temporaryFolder, type Uncurl, uncurl } from './run-uncurl.ts';

/** `uncurl connect` through a real sshd: the engine of another machine, and what remains when the line is cut. */

const command = fileURLToPath(new URL('../../main/cli/uncurl.ts', import.meta.url));
const isInstalled = existsSync('/usr/sbin/sshd') && existsSync('/usr/bin/ssh');

interface There {
  readonly sshd: LoopbackSshd;
  readonly words: readonly string[];
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A machine to connect to: a server, a home and a workspace of its own. */
const otherMachine = async (): Promise<There> => {
  const folder = await temporaryFolder();
  const sshd = await loopbackSshd(path.join(folder, 'ssh'));
  await sshd.start();
  const environment = { UNCURL_SETTINGS: path.join(folder, 'there', 'settings.json') };
  const workspace = path.join(folder, 'workspace');
  await mkdir(path.join(folder, 'there'));
  const remote = `env UNCURL_SETTINGS=${environment.UNCURL_SETTINGS} ${process.execPath} ${command}`;
  const words = ['--ssh-config', sshd.configuration, '--remote-command', remote, '--workspace', workspace];
  onTestFinished(async () => {
    await uncurl(['serve', '--stop', '--workspace', workspace], environment);
    await sshd.cut();
  });
  return { sshd, words, workspace, environment };
};

const connected = async (there: There, host = 'there'): Promise<{ line: Uncurl; url: string }> => {
  const line = startUncurl(['connect', host, ...there.words]);
  await line.prints(/is at http/);
  return { line, url: /http:\S+/.exec(line.printed.stdout)?.[0] ?? '' };
};

/** Calls the engine at an address as its page does. */
const ask = (url: string, name: string, input: unknown): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const { host, searchParams } = new URL(url);
    const socket = new WebSocket(`ws://${host}/engine`, { origin: `http://${host}` });
    socket.once('error', reject);
    socket.once('open', () => socket.send(JSON.stringify({ token: searchParams.get('token') })));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Record<string, unknown>;
      if (message['type'] === 'welcome') socket.send(JSON.stringify({ type: 'call', id: 1, name, input }));
      else if (message['id'] === 1) {
        resolve(message);
        socket.close();
      }
    });
  });

const processes = (): string => execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
const serving = (workspace: string): number =>
  processes()
    .split('\n')
    .filter((line) => line.includes(workspace) && line.includes(' serve ') && !line.includes(' connect ')).length;

describe.skipIf(!isInstalled)('a remote engine (not run where openssh-server is not installed)', patiently, () => {
  test('is started, found again after the window closed, and ended on request', async () => {
    const there = await otherMachine();
    const first = await connected(there);
    const token = new URL(first.url).searchParams.get('token') ?? expect.fail('no token');
    expect(await (await fetch(first.url)).text()).toContain('<html');
    expect(processes()).not.toContain(token);
    first.line.child.kill('SIGINT');
    expect((await first.line.ended).code).toBe(0);
    expect(serving(there.workspace)).toBeGreaterThan(0);

    const second = await connected(there);
    expect(new URL(second.url).searchParams.get('token')).toBe(token);
    expect(second.line.printed.stderr).not.toContain('started again');
    second.line.child.kill('SIGINT');
    await second.line.ended;

    const stopped = await uncurl(['connect', 'there', '--stop', ...there.words]);
    expect(stopped.stdout).toContain('has ended');
    expect(serving(there.workspace)).toBe(0);
    expect((await uncurl(['connect', 'there', '--stop', ...there.words])).stdout).toContain('No engine was running');
  });

  test('a cut line comes back on the same port with the same token, and a jump host is used', async () => {
    const there = await otherMachine();
    const { line, url } = await connected(there, 'jumped');
    for (const how of ['drop', 'restart'] as const) {
      const before = line.printed.stderr.length;
      if (how === 'drop') there.sshd.drop();
      else {
        await there.sshd.cut();
        await there.sshd.start();
      }
      const said = (): string => line.printed.stderr.slice(before);
      await expect.poll(said, { timeout: 60_000 }).toContain('is cut; the engine and its runs go on');
      await expect.poll(said, { timeout: 60_000 }).toContain('is back');
      expect((await fetch(url)).status).toBe(200);
    }
    line.child.kill('SIGINT');
    await line.ended;
  });

  test('runs outlive the line, and an export is fetched and compared', async () => {
    const there = await otherMachine();
    const { line } = await connected(there);
    const made = path.join(await temporaryFolder(), 'export');
    const plan = ['export', 'uncurl-8', '--task', 'french', '--method', 'frequency', '--factor', '2', '--out', made];
    expect((await uncurl(plan, there.environment)).stderr).not.toContain('uncurl:');
    const out = path.join(await temporaryFolder(), 'fetched');
    const fetched = await uncurl(['connect', 'there', '--fetch', made, '--out', out, ...there.words]);
    expect(fetched.stdout).toContain('each as its checksum says');
    expect((await readdir(out)).sort()).toEqual((await readdir(made)).sort());

    await appendFile(path.join(made, 'config.json'), ' ');
    const other = path.join(path.dirname(out), 'other');
    const differs = await uncurl(['connect', 'there', '--fetch', made, '--out', other, ...there.words]);
    expect(differs.code).not.toBe(0);
    expect(differs.stderr).toContain('config.json differs from the checksum');
    expect(existsSync(other)).toBe(false);
    expect((await readdir(path.dirname(out))).sort()).toEqual(['fetched']);
    line.child.kill('SIGINT');
    await line.ended;
  });

  test.each([
    ['a key that is not admitted', 'strange-key', 'ssh did not reach strange-key: .*Permission denied'],
    ['a host that is not there', 'nowhere', 'ssh did not reach nowhere: .*Connection refused'],
    ['an option in place of a host', '-oProxyCommand=touch', 'option'],
  ])('%s is refused in words', async (_, host, words) => {
    const there = await otherMachine();
    const ended = await uncurl(['connect', ...(host.startsWith('-') ? ['--', host] : [host]), ...there.words]);
    expect(ended.code).not.toBe(0);
    if (!host.startsWith('-')) expect(ended.stderr.replaceAll('\n', ' ')).toMatch(new RegExp(words));
  });

  test('a changed host key ends the line instead of trying on, and sends nothing', async () => {
    const there = await otherMachine();
    const { line } = await connected(there);
    await there.sshd.cut();
    await there.sshd.changeHostKey();
    await there.sshd.start();
    const { code, stderr } = await line.ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain('its host key is unknown or has changed');
    expect(serving(there.workspace)).toBeGreaterThan(0);
  });

  test('a machine without the workbench says what to install', async () => {
    const there = await otherMachine();
    const words = there.words.map((word) => (word.startsWith('env ') ? 'no-such-uncurl' : word));
    const { stderr, code } = await uncurl(['connect', 'there', ...words]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('there cannot run no-such-uncurl');
    expect(stderr).toContain('Node 20 or newer');
  });

  test('an engine that nobody uses ends by itself, one with a page does not', async () => {
    const there = await otherMachine();
    const start = ['serve', '--background', '--idle', '0.05', '--workspace', there.workspace];
    const { stdout } = await uncurl([...start, '--json'], there.environment);
    const { url } = JSON.parse(stdout) as { url: string };
    expect(await ask(url, 'jobs.list', {})).toMatchObject({ id: 1 });
    await expect.poll(() => serving(there.workspace), { timeout: 60_000 }).toBe(0);
    const state = path.join(path.dirname(there.environment['UNCURL_SETTINGS'] ?? ''), 'uncurl-state');
    const left = await readdir(state);
    expect(left.filter((name) => /^serving-.*\.json$/.test(name))).toEqual([]);
    const [log = ''] = left.filter((name) => name.endsWith('.log'));
    expect(await readFile(path.join(state, log), 'utf8')).toContain('Nobody has used the engine');
  });
});
