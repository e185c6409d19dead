import { CancelledError, refuse, WorkbenchError } from '../contract/errors.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { findPython, type TrainingPython } from './find-python.ts';
import { environmentFolder, environmentPython, type MadeEnvironments } from './made-environments.ts';
import { type ProgramEnd, runProgram } from './run-program.ts';

export interface EnvironmentRequest {
  /** The Python that creates the environment; null: python3 of the PATH. */
  readonly base: string | null;
  readonly workspace: string;
  readonly environments: MadeEnvironments;
  /** Path of resources/finetune/requirements.txt. */
  readonly requirements: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

const run = async (
  path: string,
  parameters: readonly string[],
  { signal, say }: EnvironmentRequest,
): Promise<ProgramEnd> => {
  try {
    const end = await runProgram(path, parameters, { signal, onLine: say });
    if (signal.aborted) throw new CancelledError('Making the environment');
    return end;
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw error;
    throw refuse(
      'no-python',
      `${path} does not exist.`,
      'Install Python 3.10 or later, or name one with --python-base.',
      error,
    );
  }
};

const lastWords = ({ stderr }: ProgramEnd): string => stderr.trim().split('\n').at(-1) ?? '';

/**
 * Makes a virtual environment in the workspace and installs PyTorch and transformers into it from PyPI; one that was
 * made here already is completed.
 *
 * @throws WorkbenchError refused: `no-python`, `no-venv`, `environment-elsewhere`; failed: `venv-failed`, `pip-failed`.
 */
export const makeEnvironment = async (request: EnvironmentRequest): Promise<TrainingPython> => {
  const { workspace, environments, requirements, say } = request;
  const base = request.base ?? (process.platform === 'win32' ? 'python' : 'python3');
  const folder = environmentFolder(workspace);
  const canMake = await run(base, ['-c', 'import ensurepip, venv'], request);
  if (canMake.code !== 0)
    throw refuse(
      'no-venv',
      `${base} lacks the modules venv and ensurepip.`,
      'Install them (on Debian: the package python3-venv), or name another Python with --python-base.',
    );
  await environments.make(workspace);
  say(`Making ${folder}`);
  const made = await run(base, ['-m', 'venv', folder], request);
  if (made.code !== 0)
    throw new WorkbenchError(
      'venv-failed',
      'failed',
      `${folder} could not be made: ${lastWords(made)}`,
      'Fix the reported problem and try again.',
    );
  say('Installing PyTorch and transformers: some minutes, once');
  const installed = await run(
    environmentPython(workspace),
    ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--requirement', requirements],
    request,
  );
  if (installed.code !== 0)
    throw new WorkbenchError(
      'pip-failed',
      'failed',
      `pip could not install ${requirements}: ${lastWords(installed)}`,
      'Check the network and the free space, and try again: the environment so far is kept.',
    );
  return findPython(null, workspace, environments);
};
