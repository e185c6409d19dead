import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, isOpen } from '../../main/hosts/ssh-line.ts';

/** The real server of OpenSSH (Debian's openssh-server), on loopback with a port, keys and a configuration of its own. */

const SSHD = '/usr/sbin/sshd';

const makeKey = (file: string, passphrase = ''): void => {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'test', '-f', file]);
};

/**
 * Passphrase of the key of the host `locked`; another one in every file of tests, because ssh-keygen, which a file
 * beside it may run, has its own in its arguments.
 */
export const PASSPHRASE = `a passphrase of the tests ${randomUUID()}`;

/** A line to a port, which can be cut: what goes through it never notices a server that was killed. */
const startLine = async (to: number): Promise<{ readonly port: number; readonly drop: () => void }> => {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  server.unref();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return {
    port: bound.port,
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
};

export interface LoopbackSshd {
  /**
   * Configuration for `ssh -F`: the hosts `there`, `jumped`, `strange-key` (a key that is not admitted), `locked` (a
   * key with a passphrase, and a host key that is not known yet) and `nowhere`.
   */
  readonly configuration: string;
  /** A folder for the PATH, whose ssh and scp have this configuration. */
  readonly programs: string;
  /** Host keys that were accepted for `locked`. */
  readonly acceptedKeys: string;
  readonly start: () => Promise<void>;
  /** Ends the server and every connection: the line is cut. */
  readonly cut: () => Promise<void>;
  /** Ends connections alone; the server goes on. */
  readonly drop: () => void;
  /** The next start has another host key. */
  readonly changeHostKey: () => Promise<void>;
}

/**
 * `setEnv`: variables of every session, as `SetEnv` of the server's configuration. `hostName`: of the machine that its
 * sessions see (it needs Linux and root).
 */
export const loopbackSshd = async (
  folder: string,
  { setEnv = '', hostName }: { readonly setEnv?: string; readonly hostName?: string } = {},
): Promise<LoopbackSshd> => {
  const file = (name: string): string => path.join(folder, name);
  await mkdir(folder, { recursive: true });
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
  const port = await freePort();
  const line = await startLine(port);
  makeKey(file('host'));
  makeKey(file('user'));
  makeKey(file('stranger'));
  makeKey(file('locked'), PASSPHRASE);
  await writeFile(file('accepted_hosts'), '', { mode: 0o666 });
  const known = async (): Promise<void> => {
    const [type = '', key = ''] = (await readFile(file('host.pub'), 'utf8')).split(' ');
    await writeFile(file('known_hosts'), `[127.0.0.1]:${line.port} ${type} ${key}\n`);
  };
  await known();
  const admitted = await Promise.all([readFile(file('user.pub')), readFile(file('locked.pub'))]);
  await writeFile(file('authorized_keys'), Buffer.concat(admitted));
  await chmod(file('authorized_keys'), 0o600);
  await writeFile(
    file('sshd_config'),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${file('host')}
AuthorizedKeysFile ${file('authorized_keys')}
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp internal-sftp
${setEnv === '' ? '' : `SetEnv ${setEnv}\n`}`,
  );
  const reached = `  HostName 127.0.0.1
  Port ${line.port}
  User ${userInfo().username}
  GlobalKnownHostsFile /dev/null
  IdentitiesOnly yes
  IdentityAgent none
  ConnectTimeout 20
`;
  const shared = `${reached}  UserKnownHostsFile ${file('known_hosts')}
  StrictHostKeyChecking yes
`;
  await writeFile(
    file('ssh_config'),
    `Host there
  IdentityFile ${file('user')}
${shared}
Host jumped
  IdentityFile ${file('user')}
  ProxyCommand ssh -F ${file('ssh_config')} -W %h:%p there
${shared}
Host strange-key
  IdentityFile ${file('stranger')}
${shared}
Host locked
  IdentityFile ${file('locked')}
  UserKnownHostsFile ${file('accepted_hosts')}
  StrictHostKeyChecking ask
${reached}
Host nowhere
  HostName 127.0.0.1
  Port ${await freePort()}
`,
  );
  await mkdir(file('programs'));
  for (const program of ['ssh', 'scp'])
    await writeFile(
      file(`programs/${program}`),
      `#!/bin/sh\nexec /usr/bin/${program} -F ${file('ssh_config')} "$@"\n`,
      {
        mode: 0o755,
      },
    );
  let child: ReturnType<typeof spawn> | null = null;
  return {
    configuration: file('ssh_config'),
    programs: file('programs'),
    acceptedKeys: file('accepted_hosts'),
    start: async () => {
      const words = ['-D', '-e', '-f', file('sshd_config')];
      child =
        hostName === undefined
          ? spawn(SSHD, words, { stdio: 'ignore' })
          : spawn('unshare', ['--uts', 'sh', '-c', `hostname ${hostName} && exec "$@"`, 'sh', SSHD, ...words], {
              stdio: 'ignore',
            });
      while (!(await isOpen(port))) {
        if (child.exitCode !== null) throw new Error(`sshd ended with ${child.exitCode}`);
        await delay(20);
      }
    },
    cut: async () => {
      const server = child;
      line.drop();
      if (server === null || server.exitCode !== null) return;
      const ended = new Promise((resolve) => server.once('close', resolve));
      server.kill('SIGKILL');
      await ended;
      child = null;
    },
    drop: line.drop,
    changeHostKey: async () => {
      execFileSync('rm', [file('host'), file('host.pub')]);
      makeKey(file('host'));
    },
  };
};

export interface MachineThere {
  readonly sshd: LoopbackSshd;
  /** Home folder there, where the workspace and the state of its engine lie. */
  readonly home: string;
  /** Ends the server, and all that runs there. */
  readonly end: () => Promise<void>;
}

/** A machine whose shell knows `uncurl`, built as an installed one, with a home of its own; all of it lies in `folder`. */
export const machineWithUncurl = async (folder: string): Promise<MachineThere> => {
  const [bin, home] = [path.join(folder, 'bin'), path.join(folder, 'home')];
  for (const made of [bin, home]) await mkdir(made, { recursive: true });
  const program = path.resolve(import.meta.dirname, '..', '..', 'dist', 'uncurl.cjs');
  // Node that reads no TypeScript starts built programs beside the engine.
  const command = `${process.execPath} --no-experimental-strip-types ${program}`;
  const settings = path.join(home, 'settings.json');
  // The workspace's path is a word of each engine, by which `end` finds it.
  await writeFile(
    path.join(bin, 'uncurl'),
    `#!/bin/sh\nUNCURL_SETTINGS=${settings} exec ${command} "$@" --workspace=${home}/workspace\n`,
    { mode: 0o755 },
  );
  const sshd = await loopbackSshd(path.join(folder, 'ssh'), { setEnv: `HOME=${home} PATH=${bin}:/usr/bin:/bin` });
  await sshd.start();
  return {
    sshd,
    home,
    end: async () => {
      await sshd.cut();
      await endProcessesOf(folder);
    },
  };
};

/** The words of every process that runs now. */
export const processLines = async (): Promise<
  readonly { readonly pid: number; readonly words: readonly string[] }[]
> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      words: (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0'),
    })),
  );
};

/** Ends the processes that were started with a path in `folder`, a folder of one test, until there are none. */
export const endProcessesOf = async (folder: string): Promise<void> => {
  for (;;) {
    const left = (await processLines()).filter(({ words }) => words.some((word) => word.includes(folder)));
    if (left.length === 0) return;
    for (const { pid } of left)
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    await delay(50);
  }
};
