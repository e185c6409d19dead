import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { shortName } from '../contract/bounds.ts';
import { refuse, WorkbenchError } from '../contract/errors.ts';
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
}

/** @throws WorkbenchError `bad-host`: ssh would read it as an option. */
export const sshTarget = (host: string, configuration: string | null = null): SshTarget => {
  if (/^[^\s-][^\s]*$/.test(host)) return { host, configuration };
  throw refuse('bad-host', `${JSON.stringify(host)} is no host.`, 'Name it as you do to ssh: [USER@]HOST.');
};

/** A dead line is noticed after three times this. */
const ALIVE_EVERY_S = 5;
const MOST_OUTPUT = 2 ** 20;
/** Characters of a failure there that are quoted. */
const MOST_QUOTED = 2_000;
/** ssh's own exit code for a failure of the connection; others are those of the remote command. */
const SSH_FAILED = 255;
const NOT_FOUND = 127;

const wordsOf = ({ host, configuration }: SshTarget, options: readonly string[]): readonly string[] => [
  ...(configuration === null ? [] : ['-F', configuration]),
  ...['-o', `ServerAliveInterval=${String(ALIVE_EVERY_S)}`, '-o', 'ServerAliveCountMax=3', '-T', ...options],
  ...['--', host],
];

/** Where no attempt can work before the user does something: a changed or unknown host key, a key that is refused. */
const NEEDS_THE_USER = /host key verification failed|permission denied|too many authentication failures/i;

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

const failure = ({ host }: SshTarget, stderr: string): WorkbenchError => {
  const isKey = /host key verification failed/i.test(stderr);
  return new WorkbenchError(
    isKey ? 'host-key' : NEEDS_THE_USER.test(stderr) ? 'not-admitted' : 'host-unreachable',
    'failed',
    `ssh did not reach ${host}: ${isKey ? 'its host key is unknown or has changed' : lastLine(stderr)}.`,
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
 * standard input.
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
    const child = spawn('ssh', words, { stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], signal });
    if (child.stdin !== null && input !== undefined) {
      // ssh ended before it read everything: its exit code says why.
      child.stdin.on('error', () => input.destroy());
      input.pipe(child.stdin);
    }
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (data: Buffer) => (stdout = (stdout + data.toString()).slice(-MOST_OUTPUT)));
    child.stderr?.on('data', (data: Buffer) => (stderr = (stderr + data.toString()).slice(-MOST_OUTPUT)));
    child.once('error', (error) => reject(noSsh(error)));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  if (answer.code === SSH_FAILED) throw failure(target, answer.stderr);
  return answer;
};

/** The JSON document with `text` in what a login shell printed, which may greet before it. */
const documentWith = (stdout: string, text: string): unknown => {
  const at = stdout.indexOf(text);
  const [start, end] = [stdout.lastIndexOf('{', at), stdout.lastIndexOf('}')];
  if (at < 0 || start < 0 || end < start) return null;
  try {
    return JSON.parse(stdout.slice(start, end + 1));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
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
    throw new WorkbenchError(
      'no-uncurl-there',
      'failed',
      `${target.host} cannot run ${called}: ${lastLine(stderr)}.`,
      `Copy it there: ${installing} (it needs Node there). Or name the command of a workbench that is there: ` +
        '--remote-command "npm --prefix workbench --silent run uncurl --" for a clone.',
    );
  const document = code === 0 ? documentWith(stdout, `"format": "${format}"`) : null;
  if (document !== null) return document;
  const said = (stderr.trim() || stdout.trim()).slice(-MOST_QUOTED);
  const other = await versionThere(target, there);
  if (other !== version)
    throw new WorkbenchError(
      'other-version',
      'failed',
      `${target.host} has ${other === null ? 'another workbench' : `workbench ${other}`}, which gave no answer that ` +
        `${version} knows${said === '' ? '.' : `:\n${said}`}`,
      `Install ${version} there: ${installing}${other === null ? '' : `; or ${other} here`}.`,
    );
  throw new WorkbenchError(
    'failed-there',
    'failed',
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
  readonly findPort: () => Promise<number>;
  /** Called when the line is there: for the first time, and again after a cut. */
  readonly opened: (localPort: number, isFirst: boolean) => void;
  readonly say: (line: string) => void;
  /** Closes the line; the engine there goes on. */
  readonly signal: AbortSignal;
}

/** One ssh process that forwards a port; resolves when it has ended. */
const holdLine = async (
  target: SshTarget,
  { localPort, port, signal }: { localPort: number; port: number; signal: AbortSignal },
  isUp: () => void,
): Promise<{ readonly stderr: string; readonly wasUp: boolean }> => {
  const forward = `127.0.0.1:${String(localPort)}:127.0.0.1:${String(port)}`;
  // Answers are JSON of up to megabytes, of which a lossy line repeats much less once they are compressed.
  const words = wordsOf(target, ['-N', '-C', '-o', 'ExitOnForwardFailure=yes', '-L', forward]);
  const child = spawn('ssh', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  const end = (): void => void child.kill();
  signal.addEventListener('abort', end, { once: true });
  let stderr = '';
  let wasUp = false;
  child.stderr.on('data', (data: Buffer) => (stderr = (stderr + data.toString()).slice(-MOST_OUTPUT)));
  try {
    const ended = new Promise<void>((resolve, reject) => {
      child.once('error', (error) => reject(noSsh(error)));
      child.once('close', () => resolve());
    });
    const look = async (): Promise<void> => {
      while (child.exitCode === null && child.signalCode === null && !wasUp) {
        if (await isOpen(localPort)) {
          wasUp = true;
          isUp();
        } else await delay(50);
      }
    };
    if (signal.aborted) end();
    await Promise.all([ended, look()]);
    return { stderr, wasUp };
  } finally {
    signal.removeEventListener('abort', end);
  }
};

/**
 * Keeps a port of this machine forwarded to an engine on another one until `signal` ends it. A cut line is opened again
 * on the same port, so that an open page goes on by itself.
 *
 * @throws WorkbenchError at the first attempt whatever fails; later only what needs the user (`host-key`,
 * `not-admitted`) or has no remedy in waiting.
 */
export const keepLine = async (target: SshTarget, { findPort, opened, say, signal }: KeptLine): Promise<void> => {
  const localPort = await freePort();
  const line = { isFirst: true, attempt: 0 };
  const isClosed = (): boolean => signal.aborted;
  for (;;) {
    try {
      const port = await findPort();
      if (isClosed()) return;
      const { stderr, wasUp } = await holdLine(target, { localPort, port, signal }, () => {
        opened(localPort, line.isFirst);
        line.isFirst = false;
        line.attempt = 0;
      });
      if (isClosed()) return;
      if (!wasUp) throw failure(target, stderr);
    } catch (error) {
      if (isClosed()) return;
      const waits = error instanceof WorkbenchError && error.code === 'host-unreachable';
      if (line.isFirst || !waits) throw error;
    }
    const wait = WAITS_S[Math.min(line.attempt, WAITS_S.length - 1)] ?? 30;
    line.attempt += 1;
    say(`The line to ${target.host} is cut; the engine and its runs go on there. Trying again in ${String(wait)} s.`);
    await delay(wait * 1_000, undefined, { signal }).catch(() => undefined);
    if (isClosed()) return;
  }
};
