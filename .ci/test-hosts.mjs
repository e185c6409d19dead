// Hosts of the flows in tests/e2e: Debian's Chromium, and a real Electron on a virtual display.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { downloadedElectron } from './electron-binary.mjs';
import { nodeBinary, root } from './setup.mjs';
import { browserPackages, missingPackages, windowPackages } from './system-packages.mjs';

const chromium = process.env.UNCURL_CHROMIUM ?? '/usr/bin/chromium';
/** Beside the clone, on development machines: prints the path of an Electron that a test may launch. */
const electronTool = path.join(root, '..', 'shared', 'tools', 'electron-runtime');

const lastLine = (text) => (text ?? '').trim().split('\n').at(-1);

/** {environment} for the flows, or {broken}: why they cannot run although they must. */
export const findChromium = () => {
  const broken = existsSync(chromium) ? null : missingPackages(browserPackages);
  if (broken) return { broken };
  if (existsSync(chromium)) return { environment: {} };
  return { broken: `there is no ${chromium}: install Chromium, or let UNCURL_CHROMIUM name its binary` };
};

const runTool = (...toolArguments) =>
  spawnSync(electronTool, toolArguments, { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });

const versionOf = (folder) => readFileSync(path.join(folder, 'version'), 'utf8').trim();
const runtimeVersion = () => versionOf(lastLine(runTool('--dist').stdout));
const shippedVersion = () =>
  JSON.parse(readFileSync(path.join(root, 'node_modules', 'electron', 'package.json'), 'utf8')).version;
const sameMajor = (one, other) => one.split('.')[0] === other.split('.')[0];

/** The package's own Electron, the version of the release: {binary}, or {reason} why it cannot run the tests. */
const ownElectron = () => {
  const binary = downloadedElectron();
  if (binary === null) return { reason: 'the binary of the electron package has not been fetched ("npm start" does)' };
  if (process.platform === 'linux' && process.getuid() === 0) {
    return { reason: "the electron package's binary does not run as root with Chromium's sandbox on" };
  }
  return { binary };
};

const inOwnElectron = (binary) => {
  const hasDisplay = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (hasDisplay) return { environment: { UNCURL_TEST_ELECTRON: binary } };
  const launcher = path.join(root, '.ci', 'electron-in-display');
  return { environment: { UNCURL_TEST_ELECTRON: launcher, UNCURL_TEST_ELECTRON_BINARY: binary } };
};

/**
 * Like findChromium: the Electron of node_modules if its binary has been downloaded, else the runtime beside the clone,
 * else {absent}: why there is none on this machine, which is not a failure. Downloads nothing for the first.
 */
export const findElectron = () => {
  const own = ownElectron();
  if (own.reason !== undefined && !existsSync(electronTool)) {
    return { absent: `${own.reason}, and there is no test runtime (${path.relative(root, electronTool)})` };
  }
  const broken = process.platform === 'linux' ? missingPackages(windowPackages) : null;
  if (broken) return { broken };
  if (own.binary !== undefined) return inOwnElectron(own.binary);
  const { status, stdout } = runTool();
  if (status !== 0) return { broken: `${path.relative(root, electronTool)} failed with ${status}` };
  // An Electron with another major Node version cannot run the engine: the packaged Node does (tests/e2e).
  const engineNode = sameMajor(runtimeVersion(), shippedVersion()) ? {} : { UNCURL_TEST_ENGINE_NODE: nodeBinary() };
  return { environment: { UNCURL_TEST_ELECTRON: lastLine(stdout), ...engineNode } };
};

/** The unpacked Electron of the window tests, and the wrapper that gives a program of it a display and a user. */
const electronToPackage = () => {
  const { binary } = ownElectron();
  if (binary === undefined) {
    const display = path.join(path.dirname(electronTool), 'in-virtual-display');
    return { folder: lastLine(runTool('--dist').stdout), display };
  }
  const display = process.env.DISPLAY || process.env.WAYLAND_DISPLAY ? '' : 'xvfb-run --auto-servernum';
  return { folder: path.dirname(binary), display };
};

/** Runs `npm run make` for a tar.gz, beside other tests; returns its path, or null on failure. */
const makeInstaller = async (electron) => {
  const env = { ...process.env, UNCURL_ELECTRON_DIST: electron, UNCURL_INSTALLERS: 'tar.gz' };
  const out = path.join(root, 'out', versionOf(electron) === shippedVersion() ? '' : 'trial', 'make', 'installers');
  rmSync(out, { recursive: true, force: true });
  const made = spawn(nodeBinary(), [path.join(root, '.ci', 'package.mjs'), 'make'], { env, stdio: ['ignore', 2, 2] });
  const [status] = await once(made, 'close').catch((error) => [error.message]);
  if (status !== 0) return null;
  return path.join(
    out,
    readdirSync(out).find((name) => name.endsWith('.tar.gz')),
  );
};

/** Like findElectron, for the installed application, which is made here from the Electron of the window tests. */
export const findPackage = async () => {
  if (process.platform !== 'linux') return { absent: 'the tar.gz for installation is only made on Linux' };
  const host = findElectron();
  if (host.absent || host.broken) return host;
  const { folder, display } = electronToPackage();
  const installer = await makeInstaller(folder);
  if (installer === null) return { broken: '"npm run make" failed: its message is above' };
  return {
    environment: { ...host.environment, UNCURL_TEST_INSTALLER: installer, UNCURL_TEST_DISPLAY: display },
  };
};

export const chromiumVersion = () =>
  existsSync(chromium)
    ? lastLine(spawnSync(chromium, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).stdout)
    : 'not installed';

/** Versions of the test runtime and of the release. */
export const electronVersion = () => {
  const shipped = shippedVersion();
  const { binary } = ownElectron();
  if (binary !== undefined)
    return `${versionOf(path.join(root, 'node_modules', 'electron', 'dist'))} in the tests, as in the release`;
  if (!existsSync(electronTool)) return `no test runtime here (the app ships with ${shipped})`;
  const tested = runtimeVersion();
  const engine = sameMajor(tested, shipped) ? '' : '; the engine ran in the packaged Node';
  return `${tested} in the tests (the app ships with ${shipped}${engine})`;
};
