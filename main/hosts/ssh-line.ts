import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { shortName } from '../contract/bounds.ts';
import { fail, jsonIn, refuse, WorkbenchError } from '../contract/errors.ts';
import { remoteHost } from '../contract/remote.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { shellWord } from '../words/equivalent-command.ts';

// A line to an engine on another machine, through the system's own ssh: the user's configuration, keys, agent and jump
// hosts hold, what ssh asks it asks on the terminal, and host keys are checked as the user set it.

/** A machine as the user names it to ssh. */
export interface SshTarget {
  /** `[USER@]HOST`, or a name of the ssh configuration. */
  readonly host: string;
  /** `ssh -F`; null: the user's own configuration. */
  readonly configuration: string | null;
  /** Variables for ssh beside those of this process (ssh-questions.ts); null: it asks on the terminal. */
  readonly environment: NodeJS.ProcessEnv | null;
  /** Socket of an open line, which further calls of ssh share instead of asking again; null: there is none. */
  readonly shared: string | null;
}

/** @throws WorkbenchError `bad-host`: ssh would read it as an option. */
export const sshTarget = (
  host: string,
  { configuration = null, environment = null }: Partial<Pick<SshTarget, 'configuration' | 'environment'>> = {},
): SshTarget => {
  if (remoteHost.safeParse(host).success) return { host, configuration, environment, shared: null };
  throw refuse('bad-host', `${JSON.stringify(host)} is no host.`, 'Name it as you do to ssh: [USER@]HOST.');
};

/** Words of ssh and scp that say how a machine is reached. */
export const reachingWords = ({ configuration, shared }: SshTarget): readonly string[] => [
  ...(configuration === null ? [] : ['-F', configuration]),
  ...(shared === null ? [] : ['-o', `ControlPath=${shared}`]),
];
/** Environment of ssh and scp. */
export const sshEnvironment = ({ environment }: SshTarget): NodeJS.ProcessEnv => ({ ...process.env, ...environment });

/** A dead line is noticed after three times this. */
const ALIVE_EVERY_S = 5;
const MOST_OUTPUT = 2 ** 20;
/** Characters of a failure there that are quoted. */
const MOST_QUOTED = 2_000;
/** ssh's own exit code for a failure of the connection; others are those of the remote command. */
const SSH_FAILED = 255;
const NOT_FOUND = 127;

const wordsOf = (target: SshTarget, options: readonly string[]): readonly string[] => [
  ...reachingWords(target),
  ...['-o', `ServerAliveInterval=${ALIVE_EVERY_S}`, '-o', 'ServerAliveCountMax=3', '-T', ...options],
  ...['--', target.host],
];

/** Where no attempt can work before the user does something: a changed or unknown host key, a key that is refused. */
const NEEDS_THE_USER = /host key verification failed|permission denied|too many authentication failures/i;

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

const failure = ({ host }: SshTarget, stderr: string): WorkbenchError => {
  const isKey = /host key verification failed/i.test(stderr);
  return fail(
    isKey ? 'host-key' : NEEDS_THE_USER.test(stderr) ? 'not-admitted' : 'host-unreachable',
    isKey
      ? `ssh did not reach ${host}: its host key is unknown or has changed.`
      : lastLine(stderr) === ''
        ? `The connection to ${host} ended before what ran there had ended.`
        : `ssh did not reach ${host}: ${lastLine(stderr)}.`,
    isKey
      ? `Find out why before you connect: "ssh ${shellWord(host)}" shows both keys. Nothing was sent.`
      : `Try "ssh ${shellWord(host)}" in a terminal.`,
  );
};

const noSsh = (error: Error): Error =>
  fileErrorCode(error) === 'ENOENT'
    ? refuse('no-ssh', 'There is no ssh on this machine.', 'Install the OpenSSH client.')
    : error;

/** Exit code and output of a command on the other machine. */
interface RemoteAnswer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs words in the login shell of the other machine. `command` is given to that shell as it is; `input`: its
 * standard input, which is destroyed once ssh has ended: nobody else would read on, and who writes it would wait.
 *
 * @throws WorkbenchError `no-ssh`; `host-key`, `not-admitted` and `host-unreachable` where ssh itself failed.
 */
export const runThere = async (
  target: SshTarget,
  command: string,
  { signal, input }: { readonly signal: AbortSignal; readonly input?: Readable },
): Promise<RemoteAnswer> => {
  const words = [...wordsOf(target, ['-o', 'ClearAllForwardings=yes']), command];
  const answer = await new Promise<RemoteAnswer>((resolve, reject) => {
    const stdin = input === undefined ? 'ignore' : 'pipe';
    const child = spawn('ssh', words, { stdio: [stdin, 'pipe', 'pipe'], signal, env: sshEnvironment(target) });
    if (child.stdin !== null && input !== undefined) {
      child.stdin.on('error', () => undefined); // it ended before it read everything: its exit code says why
      input.pipe(child.stdin);
    }
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (data: Buffer) => (stdout = (stdout + data.toString()).slice(-MOST_OUTPUT)));
    child.stderr?.on('data', (data: Buffer) => (stderr = (stderr + data.toString()).slice(-MOST_OUTPUT)));
    child.once('error', (error) => reject(noSsh(error)));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  }).finally(() => input?.destroy());
  if (answer.code === SSH_FAILED) throw failure(target, answer.stderr);
  return answer;
};

/** The JSON document with `text` in what a login shell printed, which may greet before it. */
const documentWith = (stdout: string, text: string): unknown => {
  const at = stdout.indexOf(text);
  const [start, end] = [stdout.lastIndexOf('{', at), stdout.lastIndexOf('}')];
  if (at < 0 || start < 0 || end < start) return null;
  return jsonIn(stdout.slice(start, end + 1));
};

export interface UncurlThere {
  /** How it is called there, as a shell reads it. */
  readonly uncurl: string;
  /** The same in messages. */
  readonly called: string;
  readonly signal: AbortSignal;
}

const SAID_VERSION = z.object({ version: shortName });

/** Version of the workbench there; null: it does not say. */
const versionThere = async (target: SshTarget, { uncurl, signal }: UncurlThere): Promise<string | null> => {
  const { stdout } = await runThere(target, `${uncurl} --version --json`, { signal });
  return SAID_VERSION.safeParse(documentWith(stdout, '"version"')).data?.version ?? null;
};

/**
 * Asks the command line of the workbench on the other machine. Returns the document with this `format`. `version`: of
 * the workbench here, which is compared with the one there once that gives no such document.
 *
 * @throws WorkbenchError `no-uncurl-there`, `other-version`, `failed-there` with what it said, and those of `runThere`.
 */
export const askUncurl = async (
  target: SshTarget,
  there: UncurlThere,
  { words, format, version }: { readonly words: readonly string[]; readonly format: string; readonly version: string },
): Promise<unknown> => {
  const { uncurl, called, signal } = there;
  const command = [uncurl, ...words.map(shellWord)].join(' ');
  const installing = `uncurl connect ${shellWord(target.host)} --install`;
  const { code, stdout, stderr } = await runThere(target, command, { signal });
  if (code === NOT_FOUND || (code !== 0 && /command not found|no such file or directory/i.test(stderr)))
    throw fail(
      'no-uncurl-there',
      `${target.host} cannot run ${called}: ${lastLine(stderr)}.`,
      `Copy it there: ${installing} (it needs Node there). Or name the command of a workbench that is there: ` +
        '--remote-command "npm --prefix workbench --silent run uncurl --" for a clone.',
    );
  const document = code === 0 ? documentWith(stdout, `"format": "${format}"`) : null;
  if (document !== null) return document;
  const said = (stderr.trim() || stdout.trim()).slice(-MOST_QUOTED);
  const other = await versionThere(target, there);
  if (other !== version)
    throw fail(
      'other-version',
      `${target.host} has ${other === null ? 'another workbench' : `workbench ${other}`}, which gave no answer that ` +
        `${version} knows${said === '' ? '.' : `:\n${said}`}`,
      `Install ${version} there: ${installing}${other === null ? '' : `; or ${other} here`}.`,
    );
  throw fail(
    'failed-there',
    `The workbench on ${target.host} ended with code ${String(code)}:\n${said}`,
    'Read its message; the command line there says more.',
  );
};

/** A port of this machine's loopback address that is free now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      server.close(() => {
        if (bound === null || typeof bound === 'string') reject(new Error('the server has no port'));
        else resolve(bound.port);
      });
    });
  });

/** Whether something accepts connections at a port of the loopback address. */
export const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Waits before another attempt, from the first to the last. */
const WAITS_S = [1, 2, 5, 10, 30] as const;

export interface KeptLine {
  /** Finds the engine on the other machine, or starts it, and returns its port there. Asked again after every cut. */
  readonly findPort: (target: SshTarget) => Promise<number>;
  /** Called when the line is there: for the first time, and again after a cut. */
  readonly opened: (localPort: number, isFirst: boolean, target: SshTarget) => void;
  /** The line is cut; another attempt follows. */
  readonly cut: (message: string) => void;
  /** What happens next. */
  readonly stepped?: (step: 'reach' | 'find' | 'forward') => void;
  /** Closes the line; the engine there goes on. */
  readonly signal: AbortSignal;
}

/** A started ssh that stays: how it ends, and what it said. */
interface StayingSsh {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  readonly said: { stdout: string; stderr: string };
}

/** Starts an ssh that stays until `signal` ends it; its standard input is open as long as this process. */
const startSsh = (target: SshTarget, words: readonly string[], signal: AbortSignal): StayingSsh => {
  const child = spawn('ssh', words, { stdio: ['pipe', 'pipe', 'pipe'], env: sshEnvironment(target) });
  const said = { stdout: '', stderr: '' };
  child.stdin.on('error', () => undefined); // it ended: its exit code says why
  child.stdout.on('data', (data: Buffer) => (said.stdout = (said.stdout + data.toString()).slice(-MOST_OUTPUT)));
  child.stderr.on('data', (data: Buffer) => (said.stderr = (said.stderr + data.toString()).slice(-MOST_OUTPUT)));
  const end = (): void => void child.kill();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(noSsh(error)));
    child.once('close', () => resolve());
  }).finally(() => signal.removeEventListener('abort', end));
  return { child, ended, said };
};

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

const forwardWords = (localPort: number, port: number): readonly string[] => [
  ...['-L', `127.0.0.1:${localPort}:127.0.0.1:${port}`],
];

/** Whether the user's own configuration shares a connection to this machine that is open now. */
const isSharedByUser = async (target: SshTarget): Promise<boolean> => {
  const child = spawn('ssh', [...reachingWords(target), '-O', 'check', '--', target.host], { stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(noSsh(error)));
    child.once('close', (code) => resolve(code === 0));
  });
};

/** Answers are JSON of up to megabytes, of which a lossy line repeats much less once they are compressed. */
const COMPRESSED = '-C';
/** What the shell there prints once ssh has asked all that it asks. */
const REACHED = 'uncurl-reached';

/**
 * One connection that commands and the forwarded port share, so that ssh asks once. It runs `cat` there, which ends
 * with this process however that ends, and the connection with it. Resolves when the line has ended.
 */
const holdShared = async (
  target: SshTarget,
  socket: string,
  localPort: number,
  { findPort, stepped, signal }: KeptLine,
  isUp: (target: SshTarget) => void,
): Promise<{ readonly stderr: string; readonly wasUp: boolean }> => {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const words = wordsOf(target, ['-M', '-S', socket, '-o', 'ControlPersist=no', COMPRESSED]);
  const line = startSsh(target, [...words, `echo ${REACHED}; cat > /dev/null`], either);
  const { child, said } = line;
  const ended = line.ended.then(() => 'ended' as const);
  const reached = new Promise<'reached'>((resolve) => {
    child.stdout?.on('data', () => void (said.stdout.includes(REACHED) && resolve('reached')));
  });
  let wasUp = false;
  try {
    if ((await Promise.race([ended, reached])) === 'ended') return { stderr: said.stderr, wasUp };
    const shared = { ...target, shared: socket };
    const forward = async (): Promise<'forwarded'> => {
      stepped?.('find');
      const port = await findPort(shared);
      stepped?.('forward');
      const asked = startSsh(shared, wordsOf(shared, ['-O', 'forward', ...forwardWords(localPort, port)]), either);
      await asked.ended;
      if (asked.child.exitCode !== 0) throw failure(target, asked.said.stderr);
      return 'forwarded';
    };
    if ((await Promise.race([ended, forward()])) === 'ended') return { stderr: said.stderr, wasUp };
    if (!isRunning(child)) return { stderr: said.stderr, wasUp };
    wasUp = true;
    isUp(shared);
    await ended;
    return { stderr: said.stderr, wasUp };
  } finally {
    ending.abort();
    await line.ended;
  }
};

/** Without a shared connection: ssh runs the command, and another one forwards the port. */
const holdApart = async (
  target: SshTarget,
  localPort: number,
  { findPort, stepped, signal }: KeptLine,
  isUp: (target: SshTarget) => void,
): Promise<{ readonly stderr: string; readonly wasUp: boolean }> => {
  stepped?.('find');
  const port = await findPort(target);
  if (signal.aborted) return { stderr: '', wasUp: false };
  stepped?.('forward');
  const words = ['-N', COMPRESSED, '-o', 'ExitOnForwardFailure=yes', ...forwardWords(localPort, port)];
  const { child, ended, said } = startSsh(target, wordsOf(target, words), signal);
  let wasUp = false;
  const look = async (): Promise<void> => {
    while (isRunning(child) && !wasUp) {
      if (await isOpen(localPort)) {
        wasUp = true;
        isUp(target);
      } else await delay(50);
    }
  };
  await Promise.all([ended, look()]);
  return { stderr: said.stderr, wasUp };
};

/**
 * Keeps a port of this machine forwarded to an engine on another one until `signal` ends it. A cut line is opened again
 * on the same port, so that an open page goes on by itself.
 *
 * @throws WorkbenchError at the first attempt whatever fails; later only what needs the user (`host-key`,
 * `not-admitted`) or has no remedy in waiting.
 */
export const keepLine = async (target: SshTarget, kept: KeptLine): Promise<void> => {
  const { opened, stepped, cut, signal } = kept;
  const localPort = await freePort();
  const line = { isFirst: true, attempt: 0 };
  const isClosed = (): boolean => signal.aborted;
  const isUp = (reached: SshTarget): void => {
    opened(localPort, line.isFirst, reached);
    line.isFirst = false;
    line.attempt = 0;
  };
  // Sockets have short paths. OpenSSH for Windows cannot share a connection.
  const folder = process.platform === 'win32' ? null : await mkdtemp(join(tmpdir(), 'uncurl-'));
  try {
    for (;;) {
      try {
        stepped?.('reach');
        const isApart = folder === null || (await isSharedByUser(target));
        const { stderr, wasUp } = isApart
          ? await holdApart(target, localPort, kept, isUp)
          : await holdShared(target, join(folder, 's'), localPort, kept, isUp);
        if (isClosed()) return;
        if (!wasUp) throw failure(target, stderr);
      } catch (error) {
        if (isClosed()) return;
        const waits = error instanceof WorkbenchError && error.code === 'host-unreachable';
        if (line.isFirst || !waits) throw error;
      }
      const wait = WAITS_S[Math.min(line.attempt, WAITS_S.length - 1)] ?? 30;
      line.attempt += 1;
      cut(`The line to ${target.host} is cut; the engine and its runs go on there. Trying again in ${wait} s.`);
      await delay(wait * 1_000, undefined, { signal }).catch(() => undefined);
      if (isClosed()) return;
    }
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
};
