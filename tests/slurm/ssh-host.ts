import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rmdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, type TestContext } from 'vitest';
import { temporaryFolder } from '../integration/run-uncurl.ts';

const SSHD = '/usr/sbin/sshd';
/** Folder that Debian's sshd uses for privilege separation. */
const PRIVILEGE_FOLDER = '/run/sshd';
const NAME = 'login-of-the-tests';

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });

const makeKey = (file: string): void => {
  const { status, stderr } = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
};

export interface SshHost {
  /** The host name in the user's ssh configuration. */
  readonly name: string;
  /** Environment with that ssh and without a cluster, which only the host knows. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A machine of the cluster reached by ssh: a real sshd on the loopback interface, with keys of the test. */
export const startSshHost = async (context: TestContext): Promise<SshHost> => {
  if (!existsSync(SSHD)) context.skip(`there is no ${SSHD} here (Debian: openssh-server)`);
  if (process.getuid?.() !== 0) context.skip('sshd with keys of its own is started as root alone');
  const folder = await temporaryFolder();
  const inFolder = (name: string): string => join(folder, name);
  const port = await freePort();
  for (const key of ['host-key', 'user-key']) makeKey(inFolder(key));
  if (!existsSync(PRIVILEGE_FOLDER)) {
    await mkdir(PRIVILEGE_FOLDER, { mode: 0o755 });
    onTestFinished(() => rmdir(PRIVILEGE_FOLDER));
  }
  const settings = [
    `Port ${String(port)}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${inFolder('host-key')}`,
    `AuthorizedKeysFile ${inFolder('user-key.pub')}`,
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
    // The host has its own home, so its engines and the submitting machine have different keys.
    `SetEnv SLURM_CONF=${process.env['SLURM_CONF'] ?? ''} UNCURL_SETTINGS=${inFolder('home/settings.json')}`,
  ];
  await writeFile(inFolder('sshd_config'), `${settings.join('\n')}\n`);
  const daemon = spawn(SSHD, ['-D', '-e', '-f', inFolder('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void daemon.kill());
  await new Promise<void>((resolve, reject) => {
    let printed = '';
    daemon.stderr.on('data', (data: Buffer) => {
      printed += data.toString();
      if (printed.includes('Server listening')) resolve();
    });
    daemon.once('close', () => reject(new Error(`sshd ended: ${printed}`)));
  });

  const client = [
    `Host ${NAME}`,
    '  HostName 127.0.0.1',
    `  Port ${String(port)}`,
    '  User root',
    `  IdentityFile ${inFolder('user-key')}`,
    '  IdentitiesOnly yes',
    '  StrictHostKeyChecking accept-new',
    `  UserKnownHostsFile ${inFolder('known-hosts')}`,
  ];
  await writeFile(inFolder('ssh_config'), `${client.join('\n')}\n`);
  // A configuration file passed explicitly: ssh otherwise uses the home in the password file, ignoring HOME.
  await mkdir(inFolder('bin'));
  await writeFile(inFolder('bin/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${inFolder('ssh_config')}' "$@"\n`);
  await chmod(inFolder('bin/ssh'), 0o755);
  // Empty: Slurm waits a minute for a configuration that is missing.
  await writeFile(inFolder('no-cluster.conf'), '');
  const environment = {
    PATH: `${inFolder('bin')}:${process.env['PATH'] ?? ''}`,
    SLURM_CONF: inFolder('no-cluster.conf'),
  };
  const greeting = spawnSync('ssh', [NAME, 'echo', '$SLURM_CONF'], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  });
  expect(greeting.stdout.trim(), greeting.stderr).toBe(process.env['SLURM_CONF']);
  return { name: NAME, environment };
};
