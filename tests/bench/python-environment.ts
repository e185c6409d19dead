import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const scripts = path.join(import.meta.dirname, 'python');

/**
 * Python of a virtual environment with the packages compared with, created on first use (UNCURL_BENCH_VENV names
 * another folder).
 */
export const pythonEnvironment = (): string => {
  const folder = process.env['UNCURL_BENCH_VENV'] ?? path.join(os.tmpdir(), 'uncurl-bench-venv');
  const python = path.join(folder, 'bin', 'python');
  if (!existsSync(path.join(folder, 'complete'))) {
    console.error(`Installing the peers' packages into ${folder} (once; a few minutes)`);
    execute('python3', ['-m', 'venv', folder]);
    execute(python, ['-m', 'pip', 'install', '--quiet', '--requirement', path.join(scripts, 'requirements.txt')]);
    execute('touch', [path.join(folder, 'complete')]);
  }
  return python;
};

const execute = (command: string, parameters: readonly string[]): void => {
  const { status } = spawnSync(command, parameters, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${parameters.join(' ')} ended with ${String(status)}`);
};

/**
 * Starts a script that answers every line with one line, for measurements that alternate with the workbench's in one
 * run.
 */
export const startPython = async (script: string, parameters: readonly string[]) => {
  const child = spawn(pythonEnvironment(), [path.join(scripts, script), ...parameters], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${script} ended early`);
    return value;
  };
  return {
    nextLine,
    ask: async (question: string): Promise<string> => {
      child.stdin.write(`${question}\n`);
      return nextLine();
    },
    end: (): void => {
      child.stdin.end();
    },
  };
};

export const pythonScript = (script: string): readonly string[] => [pythonEnvironment(), path.join(scripts, script)];
