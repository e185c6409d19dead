import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CancelledError, fail, refuse } from '../contract/errors.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { findPython, type TrainingPython } from './find-python.ts';
import { environmentFolder, environmentPython, type MadeEnvironments } from './made-environments.ts';
import { type ProgramEnd, runProgram } from './run-program.ts';
import { ENVIRONMENT_SIZE } from '../words/devices.ts';
import { formatBytes } from '../words/numbers.ts';

export interface EnvironmentRequest {
  /** The Python that creates the environment; null: python3 of the PATH. */
  readonly base: string | null;
  readonly workspace: string;
  readonly environments: MadeEnvironments;
  /** The workbench's folder of that name. */
  readonly resources: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Without it, `-c` and `-m` import modules from the current folder, whoever made it. */
const ISOLATED = '-I';

const run = async (
  path: string,
  parameters: readonly string[],
  { signal }: EnvironmentRequest,
  { onLine = () => undefined, environment = {} }: Partial<Parameters<typeof runProgram>[2]> = {},
): Promise<ProgramEnd> => {
  try {
    const end = await runProgram(path, parameters, { signal, onLine, environment });
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

/**
 * pip, which ends when its standard input does: two engines after one another never install into one folder at a time.
 * Read without sys.stdin, whose lock would abort Python at its normal end.
 */
const PIP = `
import os, runpy, sys, threading


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(1)


threading.Thread(target=end_with_parent, daemon=True).start()
sys.argv[0] = 'pip'
runpy.run_module('pip', run_name='__main__')
`;

const PIP_LINE = /^\s*(Collecting|Downloading|Processing|Using cached|Installing collected packages:)\s+(.*)$/;

/**
 * A line of pip as progress; null: it says nothing about that. Without addresses of package indexes, which may contain
 * a password, and folders.
 */
export const pipProgress = (line: string): string | null => {
  const [, doing, what = ''] = PIP_LINE.exec(line) ?? [];
  if (doing === undefined || what.includes('.metadata')) return null;
  if (!doing.startsWith('Installing')) return `${doing} ${what.replace(/ \(from .*/, '').replace(/\S+\//, '')}`;
  return `Unpacking ${what.split(',').length} packages: some minutes without another line`;
};

const lastWords = ({ stderr }: ProgramEnd): string => stderr.trim().split('\n').at(-1) ?? '';

/**
 * Makes a virtual environment in the workspace and installs PyTorch and transformers into it from PyPI; one that was
 * made here already is completed.
 *
 * @throws WorkbenchError refused: `no-python`, `no-venv`, `environment-elsewhere`; failed: `venv-failed`, `pip-failed`.
 */
export const makeEnvironment = async (request: EnvironmentRequest): Promise<TrainingPython> => {
  const { workspace, environments, resources, say } = request;
  const requirements = join(resources, 'finetune', 'requirements.txt');
  const base = request.base ?? (process.platform === 'win32' ? 'python' : 'python3');
  const folder = environmentFolder(workspace);
  const canMake = await run(base, [ISOLATED, '-c', 'import ensurepip, venv'], request);
  if (canMake.code !== 0)
    throw refuse(
      'no-venv',
      `${base} lacks the modules venv and ensurepip.`,
      'Install them (on Debian: the package python3-venv), or name another Python with --python-base.',
    );
  await environments.make(workspace);
  const { bavail, bsize } = await statfs(workspace);
  say(`Making ${folder}: ${ENVIRONMENT_SIZE}. ${formatBytes(bavail * bsize)} are free there.`);
  const made = await run(base, [ISOLATED, '-m', 'venv', folder], request);
  if (made.code !== 0)
    throw fail(
      'venv-failed',
      `${folder} could not be made: ${lastWords(made)}`,
      'Fix the reported problem and try again.',
    );
  // pip leaves what it has downloaded where it is ended.
  const unfinished = join(folder, 'unfinished');
  const clear = (): Promise<void> => rm(unfinished, { recursive: true, force: true });
  await clear();
  await mkdir(unfinished);
  let installed: Awaited<ReturnType<typeof run>>;
  try {
    installed = await run(
      environmentPython(workspace),
      [ISOLATED, '-c', PIP, 'install', '--disable-pip-version-check', '--no-input', '--requirement', requirements],
      request,
      {
        environment: { TMPDIR: unfinished, TEMP: unfinished, TMP: unfinished },
        onLine: (line) => {
          const progress = pipProgress(line);
          if (progress !== null) say(progress);
        },
      },
    );
  } finally {
    await clear();
  }
  if (installed.code !== 0)
    throw fail(
      'pip-failed',
      `pip could not install ${requirements}: ${lastWords(installed)}`,
      'Check the network and the free space, and try again: the environment so far is kept.',
    );
  return findPython(null, workspace, environments, resources);
};
