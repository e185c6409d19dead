import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, cp, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { type LineCommand, lineReport, type LineReport } from '../../main/contract/remote.ts';
import { engineProgram } from '../../main/files/engine-program.ts';
import { patiently } from '../hang-limit.ts';
import { machineWithUncurl, type MachineThere, PASSPHRASE, processLines } from './loopback-sshd.ts';
import { resources, temporaryFolder } from './run-uncurl.ts';

/** The window's line to another machine (main/hosts/line-process.ts): what ssh asks, and an engine behind it. */

const root = path.resolve(import.meta.dirname, '..', '..');
const isInstalled = existsSync('/usr/sbin/sshd') && existsSync('/usr/bin/ssh');

interface Line {
  readonly child: ChildProcess;
  readonly reports: readonly LineReport[];
  readonly send: (command: LineCommand) => void;
  /** The next report of this type that was not returned before. */
  readonly next: <T extends LineReport['type']>(type: T) => Promise<Extract<LineReport, { type: T }>>;
  /** One engine call, as a page makes it over its port. */
  readonly call: (name: string, input: unknown) => Promise<unknown>;
  readonly exited: Promise<unknown>;
}

interface There extends MachineThere {
  readonly folder: string;
  /** Temporary files of the line: its private folders. */
  readonly temporary: string;
  readonly connect: (host: string) => Line;
}

const otherMachine = async ({ skip }: Pick<TestContext, 'skip'>): Promise<There> => {
  if (!isInstalled) skip('openssh-server is not installed');
  const folder = await temporaryFolder();
  const there = await machineWithUncurl(folder);
  onTestFinished(there.end);
  const [own, temporary] = [path.join(folder, 'resources'), path.join(folder, 't')];
  await mkdir(temporary);
  await cp(path.join(resources, 'ssh'), path.join(own, 'ssh'), { recursive: true });
  const connect = (host: string): Line => {
    const child = fork(engineProgram('line-process'), [JSON.stringify({ host, resources: own })], {
      execArgv: ['--require', path.join(root, 'tests', 'e2e', 'parent-port.cjs')],
      serialization: 'advanced',
      env: { ...process.env, TMPDIR: temporary, PATH: `${there.sshd.programs}:${process.env['PATH'] ?? ''}` },
    });
    const reports: LineReport[] = [];
    let taken = 0;
    const answers = new Map<number, (data: unknown) => void>();
    const started = new Map<number, () => void>();
    child.on('message', (message: { readonly port?: number; readonly data?: unknown; readonly started?: true }) => {
      if (message.port === undefined) reports.push(lineReport.parse(message.data));
      else if (message.started === true) started.get(message.port)?.();
      else if (message.data !== undefined) answers.get(message.port)?.(message.data);
    });
    let nextPort = 0;
    const send = (command: LineCommand): void => void child.send({ data: command, ports: [] });
    return {
      child,
      reports,
      send,
      exited: once(child, 'exit'),
      next: async <T extends LineReport['type']>(type: T) => {
        const isIt = (report: LineReport): report is Extract<LineReport, { type: T }> => report.type === type;
        const find = () => reports.slice(taken).find((report) => isIt(report) || report.type === 'failed');
        await expect.poll(find, patiently).toBeDefined();
        const found = find();
        taken = found === undefined ? taken : reports.indexOf(found) + 1;
        if (found !== undefined && isIt(found)) return found;
        throw new Error(`the line failed: ${JSON.stringify(found)}`);
      },
      call: (name, input) =>
        new Promise((resolve) => {
          const port = nextPort++;
          answers.set(port, (data) => {
            if (typeof data === 'object' && data !== null && 'type' in data && data.type !== 'event') resolve(data);
          });
          // A real port keeps messages until it is started.
          started.set(port, () => void child.send({ port, data: { type: 'call', id: 0, name, input } }));
          child.send({ data: { type: 'page' }, ports: [port] });
        }),
    };
  };
  return { ...there, folder, temporary, connect };
};

/** Programs of this test on this side: ssh, and what it starts to ask. */
const leftHere = async ({ folder }: There): Promise<readonly string[]> =>
  (await processLines())
    .map(({ words }) => words.join(' '))
    .filter((words) => words.includes(folder) && /askpass|ssh_config/.test(words));

test('an unknown host key and a passphrase are asked once; a cut is asked again; nothing is left', async (context) => {
  const there = await otherMachine(context);
  const refused = there.connect('locked');
  const asked = (await refused.next('question')).question;
  expect(asked).toMatchObject({
    kind: 'yes-no',
    text: expect.stringMatching(/authenticity of host[^]*SHA256:[^]*\(yes\/no/) as string,
  });
  refused.send({ type: 'answer', id: asked.id, answer: 'no' });
  expect(await refused.next('failed')).toMatchObject({ code: 'host-key' });
  await refused.exited;
  expect(await readFile(there.sshd.acceptedKeys, 'utf8')).toBe('');

  const line = there.connect('locked');
  const known = (await line.next('question')).question;
  line.send({ type: 'answer', id: known.id, answer: 'yes' });
  const first = (await line.next('question')).question;
  expect(first).toMatchObject({ kind: 'secret', text: expect.stringContaining('passphrase for key') as string });
  line.send({ type: 'answer', id: first.id, answer: 'not the passphrase' });
  const second = (await line.next('question')).question;
  line.send({ type: 'answer', id: second.id, answer: PASSPHRASE });
  await expect.poll(() => line.reports.filter(({ type }) => type === 'question-over').length, patiently).toBe(3);
  const seen = (await processLines()).flatMap(({ words }) => words);
  expect(seen.filter((word) => word.includes(PASSPHRASE))).toEqual([]);
  expect(await line.next('opened')).toMatchObject({ isFirst: true });
  expect(line.reports.flatMap((report) => (report.type === 'step' ? [report.step] : []))).toEqual([
    ...['reach', 'find', 'forward', 'open'],
  ]);
  expect(line.reports.filter(({ type }) => type === 'question')).toHaveLength(3);
  expect(await readFile(there.sshd.acceptedKeys, 'utf8')).toContain('ssh-ed25519');
  expect(await line.call('engine.facts', {})).toMatchObject({
    type: 'result',
    output: { workspace: expect.stringContaining(there.home) as string },
  });

  // What a run made comes here, compared with its checksums, over the same connection.
  expect(await line.call('sample.add', {})).toMatchObject({ type: 'result', output: { run: 'sample' } });
  const made = path.join(there.home, 'workspace', 'runs', 'sample');
  const fetchInto = async (id: number, out: string): Promise<unknown> => {
    line.send({ type: 'fetch', id, run: 'sample', out: path.join(there.folder, out) });
    return line.next('ended');
  };
  expect(await fetchInto(1, 'fetched')).toMatchObject({ id: 1, problem: null });
  expect(line.reports).toContainEqual({ type: 'fetching', id: 1, text: 'Comparing results.json' });
  expect((await readdir(path.join(there.folder, 'fetched'))).sort()).toEqual((await readdir(made)).sort());
  expect(await fetchInto(2, 'fetched')).toMatchObject({ problem: { code: 'exists' } });
  await appendFile(path.join(made, 'results.json'), ' ');
  expect(await fetchInto(3, 'other')).toMatchObject({ problem: { code: 'copy-differs' } });
  expect(await readdir(there.folder)).not.toContain('other');
  expect(line.reports.filter(({ type }) => type === 'question')).toHaveLength(3);

  there.sshd.drop();
  await line.next('cut');
  const again = (await line.next('question')).question;
  expect(again.kind).toBe('secret');
  line.send({ type: 'answer', id: again.id, answer: PASSPHRASE });
  expect(await line.next('opened')).toMatchObject({ isFirst: false });
  expect(await line.call('engine.facts', {})).toMatchObject({ type: 'result' });

  line.send({ type: 'stop-engine', id: 7 });
  expect(await line.next('ended')).toMatchObject({ id: 7, problem: null });
  line.send({ type: 'close' });
  await line.exited;
  await expect.poll(() => leftHere(there), patiently).toEqual([]);
  expect(await readdir(there.temporary)).toEqual([]);
});

test('a line whose process is killed while ssh asks, or later, leaves no ssh and no question', async (context) => {
  const there = await otherMachine(context);
  const asking = there.connect('locked');
  await asking.next('question');
  asking.child.kill('SIGKILL');
  await asking.exited;
  await expect.poll(() => leftHere(there), patiently).toEqual([]);

  const open = there.connect('there');
  await open.next('opened');
  open.child.kill('SIGKILL');
  await open.exited;
  await expect.poll(() => leftHere(there), patiently).toEqual([]);

  // The engine there goes on, and the next line finds it. Its end is told.
  const next = there.connect('there');
  await next.next('opened');
  const stopping = spawn(path.join(there.folder, 'bin', 'uncurl'), ['serve', '--stop'], {
    env: { ...process.env, HOME: there.home },
    stdio: 'ignore',
  });
  expect(await once(stopping, 'exit')).toEqual([0, null]);
  expect(await next.next('failed')).toMatchObject({ code: 'engine-ended' });
  await next.exited;
  expect(await leftHere(there)).toEqual([]);
});
