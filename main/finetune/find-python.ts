import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../contract/bounds.ts';
import { refuse } from '../contract/errors.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import {
  environmentElsewhere,
  environmentFolder,
  environmentPython,
  type MadeEnvironments,
} from './made-environments.ts';
import { runProgram } from './run-program.ts';

/** Oldest supported versions. */
const LEAST = { python: [3, 10], torch: [2, 6], transformers: [5, 0] } as const satisfies Versions;
/** Major and minor versions. */
type Versions = Readonly<Record<'python' | 'torch' | 'transformers', readonly [number, number]>>;

const PROBE_MS = 120_000;

const probeAnswer = z.object({
  python: boundedText,
  torch: boundedText.nullable(),
  transformers: boundedText.nullable(),
  safetensors: boundedText.nullable(),
  environment: z.string().regex(/^[0-9a-f]{64}$/),
});

/** A Python with PyTorch and transformers. */
export interface TrainingPython {
  readonly path: string;
  /** Versions of python, torch and transformers; `environment`: SHA-256 of Python and all installed packages. */
  readonly versions: Readonly<Record<string, string>>;
}

const REMEDY =
  'Name a Python with PyTorch (--python), or let "uncurl doctor --python" make an environment (it takes PyTorch ' +
  'and transformers from PyPI).';

const isOlder = (version: string, least: readonly [number, number]): boolean => {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < least[0] || (major === least[0] && minor < least[1]);
};

/**
 * Path of the Python of the workspace's environment, if it was made here.
 *
 * @throws WorkbenchError refused: `no-python` (none there), `environment-elsewhere` (one that was not made here).
 */
export const ownPython = async (workspace: string, environments: Pick<MadeEnvironments, 'has'>): Promise<string> => {
  const path = environmentPython(workspace);
  if (!existsSync(path))
    throw refuse('no-python', `No Python is named, and ${environmentFolder(workspace)} contains none.`, REMEDY);
  if (!(await environments.has(workspace))) throw environmentElsewhere(workspace);
  return path;
};

/** The same; null where none was made here. */
export const configuredPython = async (
  workspace: string,
  environments: Pick<MadeEnvironments, 'has'>,
): Promise<string | null> => {
  const path = environmentPython(workspace);
  return existsSync(path) && (await environments.has(workspace)) ? path : null;
};

/**
 * Finds the named Python, or that of the workspace's environment if it was made here, and reads its versions.
 *
 * @throws WorkbenchError refused: `wrong-python` (no Python, or too old), `python-lacks` (a package is missing or too
 * old), and those of `ownPython`.
 */
export const findPython = async (
  named: string | null,
  workspace: string,
  environments: Pick<MadeEnvironments, 'has'>,
  resources: string,
): Promise<TrainingPython> => checkPython(named ?? (await ownPython(workspace, environments)), resources);

/**
 * Reads the versions of a Python. `resources`: the workbench's folder of that name.
 *
 * @throws WorkbenchError refused: `no-python`, `wrong-python`, `python-lacks`.
 */
export const checkPython = async (
  path: string,
  resources: string,
  least: Versions = LEAST,
): Promise<TrainingPython> => {
  const { python, environment, ...packages } = await probe(path, join(resources, 'torch', PROBE_FILE));
  if (isOlder(python, least.python))
    throw refuse('wrong-python', `${path} is Python ${python}; ${least.python.join('.')} or later is needed.`, REMEDY);
  for (const name of ['torch', 'transformers', 'safetensors'] as const) {
    const version = packages[name];
    if (version === null) throw refuse('python-lacks', `${path} has no ${name}.`, REMEDY);
    if (name !== 'safetensors' && isOlder(version, least[name])) {
      throw refuse(
        'python-lacks',
        `${path} has ${name} ${version}; ${least[name].join('.')} or later is needed.`,
        REMEDY,
      );
    }
  }
  const { torch, transformers } = packages;
  return { path, versions: { python, torch: torch ?? '', transformers: transformers ?? '', environment } };
};

/** A script instead of `-c`, which would import modules from the current folder, whoever made it. */
const PROBE_FILE = 'uncurl_environment.py';

const probe = async (path: string, script: string): Promise<z.infer<typeof probeAnswer>> => {
  let output: string;
  try {
    const { code, stdout } = await runProgram(path, ['-B', script], { signal: AbortSignal.timeout(PROBE_MS) });
    if (code !== 0) throw refuse('wrong-python', `${path} does not run Python code.`, REMEDY);
    output = stdout;
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') throw refuse('no-python', `${path} does not exist.`, REMEDY, error);
    if (fileErrorCode(error) === 'EACCES')
      throw refuse('wrong-python', `${path} is not an executable program.`, REMEDY, error);
    throw error;
  }
  try {
    return probeAnswer.parse(JSON.parse(output));
  } catch (cause) {
    throw refuse('wrong-python', `${path} does not answer as Python does.`, REMEDY, cause);
  }
};
