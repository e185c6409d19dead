// What the flows of tests/e2e run in: Debian's Chromium, and a real Electron on a virtual display.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './setup.mjs';
import { browserPackages, missingPackages, windowPackages } from './system-packages.mjs';

const chromium = process.env.UNCURL_CHROMIUM ?? '/usr/bin/chromium';
/** Beside the clone, where the project is developed: prints the path of an Electron that a test may launch. */
const electronTool = path.join(root, '..', 'shared', 'tools', 'electron-runtime');

const lastLine = (text) => (text ?? '').trim().split('\n').at(-1);

/** {environment} for the flows, or {broken}: why they cannot run though they must. */
export const findChromium = () => {
  const broken = existsSync(chromium) ? null : missingPackages(browserPackages);
  if (broken) return { broken };
  if (existsSync(chromium)) return { environment: {} };
  return { broken: `there is no ${chromium}: install Chromium, or let UNCURL_CHROMIUM name its binary` };
};

const runTool = (...toolArguments) =>
  spawnSync(electronTool, toolArguments, { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });

/** As findChromium; {absent} where there is no runtime for tests on this machine, which is no failure. */
export const findElectron = () => {
  if (!existsSync(electronTool)) {
    return { absent: `there is no Electron test runtime (${path.relative(root, electronTool)}) on this machine` };
  }
  const broken = missingPackages(windowPackages);
  if (broken) return { broken };
  const { status, stdout } = runTool();
  if (status !== 0) return { broken: `${path.relative(root, electronTool)} failed with ${status}` };
  return { environment: { UNCURL_TEST_ELECTRON: lastLine(stdout) } };
};

export const chromiumVersion = () =>
  existsSync(chromium)
    ? lastLine(spawnSync(chromium, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).stdout)
    : 'not installed';

/** Of the runtime of the tests and of the package that ships. */
export const electronVersion = () => {
  const shipped = JSON.parse(readFileSync(path.join(root, 'node_modules', 'electron', 'package.json'), 'utf8')).version;
  if (!existsSync(electronTool)) return `no test runtime here (the app ships with ${shipped})`;
  const dist = lastLine(runTool('--dist').stdout);
  const tested = readFileSync(path.join(dist, 'version'), 'utf8').trim();
  return `${tested} in the tests (the app ships with ${shipped})`;
};
