import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { patiently } from '../hang-limit.ts';
import { openServedEngine } from '../main/hosts/served-page.ts';
import { smallDisk } from '../main/workspace/small-disk.ts';
import { endProcessesOf, type LoopbackSshd, loopbackSshd, processLines } from './loopback-sshd.ts';
import { startUncurl, temporaryFolder, type Uncurl, uncurl, uncurlWords } from './run-uncurl.ts';

/** `uncurl connect` through a real sshd: the engine of another machine, and what remains when the line is cut. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const isInstalled = existsSync('/usr/sbin/sshd') && existsSync('/usr/bin/ssh');

interface There {
  readonly sshd: LoopbackSshd;
  /** Options of `connect` for this machine. */
  readonly words: readonly string[];
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string>>;
  /** State folder of the engine there. */
  readonly state: string;
}

/** A machine to connect to: a server, a home and a workspace of its own. All that runs there ends with the test. */
const otherMachine = async ({ skip }: Pick<TestContext, 'skip'>): Promise<There> => {
  if (!isInstalled) skip('openssh-server is not installed');
  const folder = await temporaryFolder();
  const sshd = await loopbackSshd(path.join(folder, 'ssh'));
  await sshd.start();
  const home = path.join(folder, 'there');
  const environment = { UNCURL_SETTINGS: path.join(home, 'settings.json') };
  const workspace = path.join(folder, 'workspace');
  await mkdir(home);
  const remote = `env UNCURL_SETTINGS=${environment.UNCURL_SETTINGS} ${uncurlWords.join(' ')}`;
  const words = ['--ssh-config', sshd.configuration, '--remote-command', remote, '--workspace', workspace];
  onTestFinished(async () => {
    await sshd.cut();
    await endProcessesOf(folder);
  });
  return { sshd, words, workspace, environment, state: path.join(home, 'uncurl-state') };
};

const connected = async (there: There, host = 'there'): Promise<{ line: Uncurl; url: string }> => {
  const line = startUncurl(['connect', host, ...there.words]);
  await line.prints(/is at http/);
  return { line, url: /http:\S+/.exec(line.printed.stdout)?.[0] ?? '' };
};

const closeLine = async ({ child, ended }: Uncurl): Promise<void> => {
  child.kill('SIGINT');
  expect((await ended).code).toBe(0);
};

/** Processes that serve the workspace there. */
const serving = async ({ workspace }: There): Promise<number> =>
  (await processLines()).filter(({ words }) => words.includes(workspace) && words.includes('serve')).length;

test('an engine elsewhere: started, used, left, found again with its run, results fetched, ended', async (context) => {
  const there = await otherMachine(context);
  const first = await connected(there);
  const token = new URL(first.url).searchParams.get('token') ?? expect.fail('no token');
  expect(await (await fetch(first.url)).text()).toContain('<html');
  const page = await openServedEngine(first.url);
  const model = (await page.call('models.list', {})).find(({ name }) => name === 'uncurl-8');
  const task = (await page.call('tasks.list', {})).find(({ name }) => name === 'sort');
  if (model === undefined || task === undefined) throw new Error('nothing is bundled');
  const settings = { methods: ['frequency' as const], factors: [2], limit: 40 };
  const { run } = await page.call('sweep.start', { models: [model.handle], tasks: [task.handle], settings });
  await closeLine(first.line);
  expect(await serving(there)).toBeGreaterThan(0);

  const second = await connected(there);
  expect(new URL(second.url).searchParams.get('token')).toBe(token);
  const again = await openServedEngine(second.url);
  const stateOfRun = async (): Promise<string | undefined> =>
    (await again.call('runs.list', {})).find(({ id }) => id === run)?.state;
  await expect.poll(stateOfRun, patiently).toBe('done');
  // Neither side shows the token: in a process list, in its log, or in an error.
  const entries = await readdir(there.state, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const written = await Promise.all(files.map(({ parentPath, name }) => readFile(path.join(parentPath, name), 'utf8')));
  const seen = [...(await processLines()).flatMap(({ words }) => words), ...written, second.line.printed.stderr];
  expect(seen.filter((text) => text.includes(token))).toEqual([]);

  const made = path.join(there.workspace, 'runs', run);
  const out = path.join(await temporaryFolder(), 'fetched');
  const fetched = await uncurl(['connect', 'there', '--fetch', made, '--out', out, ...there.words]);
  expect(fetched.stdout, fetched.stderr).toContain('each as its checksum says');
  expect((await readdir(out)).sort()).toEqual((await readdir(made)).sort());
  await appendFile(path.join(made, 'results.json'), ' ');
  const other = path.join(path.dirname(out), 'other');
  const differs = await uncurl(['connect', 'there', '--fetch', made, '--out', other, ...there.words]);
  expect(differs.code).not.toBe(0);
  expect(differs.stderr).toContain('results.json differs from the checksum');
  expect(await readdir(path.dirname(out))).toEqual(['fetched']);

  await closeLine(second.line);
  const stopped = await uncurl(['connect', 'there', '--stop', ...there.words]);
  expect(stopped.stdout, stopped.stderr).toContain('has ended');
  expect(await serving(there)).toBe(0);
  expect((await uncurl(['connect', 'there', '--stop', ...there.words])).stdout).toContain('No engine was running');
});

test('a cut line comes back at the same address, over a jump host too; a changed host key ends it', async (context) => {
  const there = await otherMachine(context);
  const { line, url } = await connected(there, 'jumped');
  for (const how of ['drop', 'restart'] as const) {
    const before = line.printed.stderr.length;
    if (how === 'drop') there.sshd.drop();
    else {
      await there.sshd.cut();
      await there.sshd.start();
    }
    const said = (): string => line.printed.stderr.slice(before);
    await expect.poll(said, patiently).toContain('is cut; the engine and its runs go on');
    await expect.poll(said, patiently).toContain('is back');
    expect((await fetch(url)).status).toBe(200);
  }
  expect(line.printed.stderr).not.toContain('started again');
  await there.sshd.cut();
  await there.sshd.changeHostKey();
  await there.sshd.start();
  const { code, stderr } = await line.ended;
  expect(code).not.toBe(0);
  expect(stderr).toContain('its host key is unknown or has changed');
  expect(await serving(there)).toBeGreaterThan(0);
});

test('a refused key, no host, no workbench and an option in place of a host are refused in words', async (context) => {
  const there = await otherMachine(context);
  const refused = async (host: readonly string[], words = there.words): Promise<string> => {
    const { code, stderr } = await uncurl(['connect', ...host, ...words]);
    expect(code).not.toBe(0);
    return stderr.replaceAll('\n', ' ');
  };
  expect(await refused(['strange-key'])).toMatch(/ssh did not reach strange-key: .*Permission denied/);
  expect(await refused(['nowhere'])).toMatch(/ssh did not reach nowhere: .*Connection refused/);
  expect(await refused(['--', '-oProxyCommand=touch'])).toContain('uncurl:');
  const without = there.words.map((word) => (word.startsWith('env ') ? 'no-such-uncurl' : word));
  const absent = await refused(['there'], without);
  expect(absent).toContain('there cannot run no-such-uncurl');
  expect(absent).toContain('uncurl connect there --install');
  const earlier = path.join(path.dirname(there.workspace), 'earlier');
  await writeFile(earlier, '#!/bin/sh\n[ "$1" = --version ] && echo \'{ "version": "0.0.9" }\' && exit 0\nexit 2\n', {
    mode: 0o755,
  });
  const old = await refused(
    ['there'],
    there.words.map((word) => (word.startsWith('env ') ? earlier : word)),
  );
  expect(old).toContain('there has workbench 0.0.9, which gave no answer that');
  expect(await serving(there)).toBe(0);
});

test('an engine in the background that nobody uses ends by itself', async (context) => {
  const there = await otherMachine(context);
  const start = ['serve', '--background', '--idle', '0.02', '--workspace', there.workspace];
  expect((await uncurl([...start, '--json'], there.environment)).stdout).toContain('"started": true');
  await expect.poll(() => serving(there), patiently).toBe(0);
  const left = await readdir(there.state);
  expect(left.filter((name) => /^serving-.*\.json$/.test(name))).toEqual([]);
  const [log = ''] = left.filter((name) => name.endsWith('.log'));
  expect(await readFile(path.join(there.state, log), 'utf8')).toContain('Nobody has used the engine');
});

/** Programs that a shell there has; Node is no longer one of them. */
const TOOLS = ['sh', 'bash', 'cat', 'env', 'uname', 'df', 'tail', 'tar', 'gzip', 'mkdir', 'mv', 'rm', 'find', 'wc'];

interface BareMachine {
  readonly folder: string;
  /** Where versions are installed. */
  readonly at: string;
  readonly configuration: string;
  /** Runs `connect --install` in the background. */
  readonly start: (...more: readonly string[]) => Uncurl;
  readonly install: (...more: readonly string[]) => Uncurl['ended'];
  /** Puts a shell script in place of a program there. */
  readonly program: (name: string, text: string) => Promise<void>;
  /** Puts the system's own program back. */
  readonly ownProgram: (name: string, file: string) => Promise<void>;
}

/** A machine whose shell has `TOOLS` alone. */
const bareMachine = async (context: TestContext, home?: string): Promise<BareMachine> => {
  if (!isInstalled) context.skip('openssh-server is not installed');
  const folder = await temporaryFolder();
  const bin = path.join(folder, 'bin');
  const own = home ?? path.join(folder, 'home');
  for (const made of [bin, own]) await mkdir(made, { recursive: true });
  const pathHere = (process.env['PATH'] ?? '').split(':');
  for (const tool of TOOLS) {
    const at = [...pathHere, '/usr/bin', '/bin'].map((each) => path.join(each, tool)).find(existsSync);
    if (at !== undefined) await symlink(at, path.join(bin, tool));
  }
  const sshd = await loopbackSshd(path.join(folder, 'ssh'), { setEnv: `HOME=${own} PATH=${bin}` });
  await sshd.start();
  onTestFinished(async () => {
    await sshd.cut();
    await endProcessesOf(folder);
  });
  const start = (...more: readonly string[]): Uncurl =>
    startUncurl(['connect', 'there', '--ssh-config', sshd.configuration, '--install', ...more]);
  return {
    folder,
    at: path.join(own, '.local', 'share', 'uncurl-workbench', 'versions'),
    configuration: sshd.configuration,
    start,
    install: (...more) => start(...more).ended,
    program: async (name, text) => {
      await rm(path.join(bin, name), { force: true });
      await writeFile(path.join(bin, name), `#!${path.join(bin, 'sh')}\n${text}\n`, { mode: 0o755 });
    },
    ownProgram: async (name, file) => {
      await rm(path.join(bin, name), { force: true });
      await symlink(file, path.join(bin, name));
    },
  };
};

test('--install says what is missing, asks with path and bytes, and what it copied serves', async (context) => {
  const { folder, at, configuration, install, program, ownProgram } = await bareMachine(context);
  expect((await install('--yes')).stderr).toContain('there has no Node');
  await program('node', 'echo v18.19.1');
  expect((await install('--yes')).stderr).toContain('there has Node v18.19.1; the workbench needs 24 or newer');
  await ownProgram('node', process.execPath);

  const asked = await install();
  expect(asked.stdout, asked.stderr).toMatch(new RegExp(`\\d files, .+ would be copied to ${at}/\\S+ on there`));
  expect(existsSync(at)).toBe(false);
  const copied = await install('--yes');
  expect(copied.stdout, copied.stderr).toMatch(
    /onnxruntime is missing there\.[^]*npm install --prefix \S+ onnxruntime-node@/,
  );
  expect(copied.code).toBe(1);
  const [version = '', ...others] = await readdir(at);
  expect(others).toEqual([]);
  await symlink(path.join(root, 'node_modules'), path.join(at, version, 'node_modules'));

  const workspace = path.join(folder, 'workspace');
  const line = startUncurl(['connect', 'there', '--ssh-config', configuration, '--workspace', workspace]);
  await line.prints(/is at http/);
  const page = await openServedEngine(/http:\S+/.exec(line.printed.stdout)?.[0] ?? '');
  expect((await page.call('models.list', {})).map(({ name }) => name)).toContain('uncurl-8');
  await closeLine(line);
});

test('a copy that is killed on either side leaves nothing that stays, and the next one is whole', async (context) => {
  const { folder, at, start, install, program, ownProgram } = await bareMachine(context);
  await ownProgram('node', process.execPath);
  const middle = path.join(folder, 'middle');
  // tar writes a part, says so with the shell that runs it and its own process, and waits for more than it gets.
  const half = `/usr/bin/head -c 65536 > "$4/half"; echo $PPID $$ > ${middle}.new; mv ${middle}.new ${middle}`;
  await program('tar', `${half}; exec /usr/bin/cat > /dev/null`);
  const untilMiddle = async (): Promise<readonly number[]> => {
    await expect.poll(() => existsSync(middle), patiently).toBe(true);
    const processes = (await readFile(middle, 'utf8')).trim().split(' ').map(Number);
    await rm(middle);
    return processes;
  };
  const killed = start('--yes');
  await untilMiddle();
  expect(await readdir(at)).toHaveLength(1);
  // The whole command line: a supervisor, the verb, tar and ssh.
  killed.child.kill('SIGKILL');
  await expect.poll(() => readdir(at), patiently).toEqual([]);

  await program('tar', `${half}; exec /usr/bin/sleep 613`);
  const other = start('--yes');
  for (const pid of await untilMiddle()) process.kill(pid, 'SIGKILL');
  const { code, stderr } = await other.ended;
  expect(code).not.toBe(0);
  expect(stderr).toContain('The connection to there ended before what ran there had ended');
  expect(await readdir(at)).toHaveLength(1);

  await ownProgram('tar', '/usr/bin/tar');
  expect((await install('--yes')).stdout).toContain('were copied to');
  const [version = '', ...others] = await readdir(at);
  expect(others).toEqual([]);
  expect(await readdir(path.join(at, version))).toEqual(['dist', 'package.json', 'resources']);
});

test('a disk without room there is named before the copy, and one that fills up is left as it was', async (context) => {
  const disk = await smallDisk(4_000);
  if (disk === null) return context.skip('a small disk needs Linux and root');
  const { at, install, program, ownProgram } = await bareMachine(context, disk);
  await ownProgram('node', process.execPath);
  expect((await install('--yes')).stderr).toMatch(/there has \S+\s[kM]B free in \S+; the workbench takes/);
  expect(existsSync(at)).toBe(false);
  // Quotas and other writers are not in the answer of df.
  await program('df', 'echo head; echo "disk 2000000 1 1999999 1% /"');
  expect((await install('--yes')).stderr.replaceAll('\n', ' ')).toMatch(
    /was not installed on there: .*No space left on device/,
  );
  expect(await readdir(at)).toEqual([]);
});

test('two machines with one home folder have an engine each, and say so', async (context) => {
  if (spawnSync('unshare', ['--uts', 'true']).status !== 0) context.skip('another host name needs unshare and root');
  const there = await otherMachine(context);
  await closeLine((await connected(there)).line);
  const second = await loopbackSshd(path.join(path.dirname(there.workspace), 'ssh-2'), { hostName: 'second-host' });
  await second.start();
  onTestFinished(() => second.cut());
  const words = there.words.map((word) => (word === there.sshd.configuration ? second.configuration : word));
  const shares = `${hostname()}, which shares the home folder, says that it serves this workspace too`;

  const before = await serving(there);
  const none = await uncurl(['connect', 'there', '--stop', ...words]);
  expect(none.stdout, none.stderr).toMatch(/No engine was running on there for [^]*which shares the home folder/);
  expect(await serving(there)).toBe(before);
  const { line } = await connected({ ...there, sshd: second, words });
  expect(line.printed.stderr).toContain(shares);
  expect(await serving(there)).toBe(2 * before);
  await closeLine(line);
  expect((await uncurl(['connect', 'there', '--stop', ...words])).stdout).toContain('has ended');
  expect(await serving(there)).toBe(before);
  expect((await uncurl(['connect', 'there', '--stop', ...there.words])).stdout).toContain('has ended');
  expect(await serving(there)).toBe(0);
});
