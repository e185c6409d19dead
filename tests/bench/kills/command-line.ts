import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RandomSource } from '../../../main/statistics/random.ts';

export const root = path.join(import.meta.dirname, '../../..');
export const bundledModel = path.join(root, 'resources', 'models', 'uncurl-8');
/** The sources, or the built program (dist/uncurl.cjs), which starts in a quarter of the time. */
const program = process.env['UNCURL_PROGRAM'] ?? path.join(root, 'main', 'cli', 'uncurl.ts');

export interface Ended {
  readonly code: number | null;
  readonly wasKilled: boolean;
  /** Standard error. */
  readonly said: string;
}

export interface CommandLine {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** With settings and a key of the benchmark's own. */
const env = {
  ...process.env,
  UNCURL_SETTINGS: process.env['UNCURL_SETTINGS'] ?? path.join(tmpdir(), 'uncurl-bench', 'settings.json'),
};

/** Starts the command line in a process. */
export const startUncurl = (args: readonly string[], environment: NodeJS.ProcessEnv = {}): CommandLine => {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...env, ...environment },
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const ended = once(child, 'close').then(([code, signal]: unknown[]): Ended => ({
    code: typeof code === 'number' ? code : null,
    wasKilled: signal === 'SIGKILL',
    said: Buffer.concat(said).toString('utf8'),
  }));
  return { child, ended };
};

/** Runs the command line to its end, or to SIGKILL after `killAfterMs`. */
export const runUncurl = async (
  args: readonly string[],
  killAfterMs: number | null = null,
  environment: NodeJS.ProcessEnv = {},
): Promise<Ended> => {
  const { child, ended } = startUncurl(args, environment);
  const timer = killAfterMs === null ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  const result = await ended;
  clearTimeout(timer);
  return result;
};

/** A random moment within the duration of a run that takes `tookMs`. */
export const momentOf = (random: RandomSource, tookMs: number): number => (0.1 + 0.8 * random.float()) * tookMs;

/** Result and duration of an undisturbed run, which must succeed. */
export const undisturbed = async (args: readonly string[]): Promise<number> => {
  const startedAt = performance.now();
  const { code, said } = await runUncurl(args);
  if (code !== 0) throw new Error(`undisturbed, ${args.join(' ')} ended with ${String(code)}: ${said}`);
  return performance.now() - startedAt;
};
