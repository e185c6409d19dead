// The Python with which the interop tests load exports: a virtual environment, created on first use.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, say } from './setup.mjs';
import { missingPackages } from './system-packages.mjs';

const requirements = path.join(root, 'tests', 'interop', 'requirements.txt');

/** Its folder, kept between runs. UNCURL_INTEROP_VENV names another one, which may already contain an environment. */
const folder = path.resolve(process.env.UNCURL_INTEROP_VENV ?? path.join(tmpdir(), 'uncurl-interop-venv'));
const python = path.join(folder, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
/** Records the requirements that were installed last. */
const installed = path.join(folder, 'uncurl-requirements.txt');

/** Prints on standard error, in order with the output of the tests. */
const run = (command, commandArguments) =>
  spawnSync(command, commandArguments, { stdio: ['ignore', 2, 2] }).status === 0;

/** Debian keeps a part of the module in a separate package. */
const makeEnvironment = () => {
  const system = process.platform === 'win32' ? 'python' : 'python3';
  const canMake = () => spawnSync(system, ['-c', 'import ensurepip, venv'], { stdio: 'ignore' }).status === 0;
  if (!canMake()) {
    const missing = missingPackages(['python3', 'python3-venv']);
    if (missing) return missing;
    if (!canMake()) return `${system} with the modules venv and ensurepip is needed (Python 3.10 or later)`;
  }
  return run(system, ['-m', 'venv', folder]) ? null : `${system} -m venv ${folder} failed`;
};

/**
 * {environment} naming the Python for the tests, or {absent}: why there is none here (no Python, no package registry).
 */
export const findPython = () => {
  if (!existsSync(python)) {
    const problem = makeEnvironment();
    if (problem) return { absent: problem };
  }
  const wanted = readFileSync(requirements, 'utf8');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== wanted) {
    say(`Installing tests/interop/requirements.txt into ${folder}: once, some minutes (PyTorch is large).`);
    const options = ['--quiet', '--disable-pip-version-check', '--no-input'];
    if (!run(python, ['-m', 'pip', 'install', ...options, '--requirement', requirements])) {
      return { absent: `pip could not install tests/interop/requirements.txt into ${folder}; its message is above` };
    }
    writeFileSync(installed, wanted);
  }
  return { environment: { UNCURL_INTEROP_PYTHON: python } };
};
