import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';

const scripts = fileURLToPath(new URL('python', import.meta.url));
/** Characters kept from the end of a failing script's output. */
const LAST_CHARACTERS = 4000;

/**
 * Runs jobs in a script of ./python and returns the objects that it prints, one per line, parsed. Downloads nothing.
 * `python`: the interpreter; that of the interop environment by default. `environment`: variables beside those that
 * keep it from asking anybody.
 */
export const runPython = async <T>(
  script: string,
  jobs: readonly unknown[],
  answer: z.ZodType<T>,
  python = process.env['UNCURL_INTEROP_PYTHON'],
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly T[]> => {
  if (python === undefined)
    throw new Error('UNCURL_INTEROP_PYTHON names no Python: start these tests with "npm run test:interop".');
  const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-interop-'));
  try {
    const jobFile = path.join(folder, 'jobs.json');
    await writeFile(jobFile, JSON.stringify(jobs));
    const output = await outputOf(python, [path.join(scripts, script), jobFile], {
      ...process.env,
      HF_HUB_OFFLINE: '1',
      HF_DATASETS_OFFLINE: '1',
      HF_HOME: path.join(folder, 'hub'),
      TOKENIZERS_PARALLELISM: 'false',
      ORT_DISABLE_TELEMETRY: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      ...environment,
    });
    return output
      .trim()
      .split('\n')
      .map((line) => answer.parse(JSON.parse(line)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Standard output of a program that must succeed. */
export const outputOf = (
  command: string,
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new Error(
            `${command} ${parameters.join(' ')} ended with ${String(code)}:\n${stderr.slice(-LAST_CHARACTERS)}`,
          ),
        );
    });
  });
