// System packages for the tests, and their installation on Debian as root.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { say } from './setup.mjs';

export const browserPackages = ['chromium'];
/** A Vulkan device in software, for WebGPU; the Mesa of Debian 12 is too old for it. */
const vulkanPackages = ['mesa-vulkan-drivers', 'libvulkan1'];
/** For a window on a virtual display. Debian 13 names some of them with a suffix (t64). */
export const windowPackages = ['xvfb', 'xauth', 'libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1'];

/** A server for `uncurl connect`; without it those tests say that they do not run. */
const sshPackages = ['openssh-server', 'openssh-client'];

const output = (command, commandArguments) =>
  spawnSync(command, commandArguments, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout ?? '';

const isInstalled = (name) =>
  [name, `${name}t64`].some((variant) =>
    output('dpkg-query', ['--show', '--showformat=${db:Status-Status}', variant]).startsWith('installed'),
  );

const hasCandidate = (name) => /Candidate: (?!\(none\))/.test(output('apt-cache', ['policy', name]));

const apt = (commandArguments) => {
  const options = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', '-qq'];
  const { status } = spawnSync('apt-get', [...options, ...commandArguments], {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return status === 0;
};

/** Why packages are missing, with the remedy; null once all are installed. Installs them if it can (root, apt). */
export const missingPackages = (names) => {
  if (!existsSync('/usr/bin/dpkg-query')) return null; // Not Debian: missing packages show when tests start.
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return null;
  const list = missing.join(' ');
  if (process.getuid() !== 0) return `system packages are missing: as root, run "apt-get install -y ${list}"`;
  say(`Installing system packages: ${list}.`);
  if (!apt(['update'])) return `apt-get update failed, and these packages are missing: ${list}`;
  const named = missing.map((name) => (hasCandidate(name) ? name : `${name}t64`));
  return apt(['install', '--yes', '--no-install-recommends', ...named]) ? null : `apt-get could not install ${list}`;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = missingPackages([...browserPackages, ...windowPackages]);
  if (missing) say(missing);
  // Without them the tests of WebGPU do not run, and say so.
  const withoutVulkan = missingPackages(vulkanPackages);
  if (withoutVulkan) say(withoutVulkan);
  const withoutSsh = missingPackages(sshPackages);
  if (withoutSsh) say(withoutSsh);
  process.exit(missing ? 1 : 0);
}
