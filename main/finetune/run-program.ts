import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { withoutAllocation } from '../contract/allocation.ts';

/** A program that was asked to stop is killed after this time. */
const PATIENCE_MS = 3_000;
/** Characters kept from the end of standard error, which contains the reason of a failure. */
const MAX_STDERR = 8_000;

export interface ProgramSettings {
  readonly signal: AbortSignal;
  readonly environment?: Readonly<Record<string, string>>;
  /** Its current folder; absent: that of this process. */
  readonly folder?: string;
  /** Called with each line of standard output. */
  readonly onLine?: (line: string) => void;
}

export interface ProgramEnd {
  /** Null where a signal ended it. */
  readonly code: number | null;
  /** Null where it ended by itself. */
  readonly signal: NodeJS.Signals | null;
  /** Empty where `onLine` is given. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end; its standard input stays open as long as this process lives. An abort asks it to stop,
 * then kills it; the promise settles only once it is gone, so nothing writes afterwards. Rejects where it cannot be
 * started, or with an error of `onLine`.
 */
export const runProgram = (
  path: string,
  parameters: readonly string[],
  { signal, environment = {}, folder, onLine }: ProgramSettings,
): Promise<ProgramEnd> =>
  new Promise((resolve, reject) => {
    const child = spawn(path, parameters, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...withoutAllocation(process.env), ...environment },
      cwd: folder,
    });
    let [stdout, stderr] = ['', ''];
    let thrown: { readonly error: unknown } | null = null;
    let killer: NodeJS.Timeout | null = null;
    const stop = (): void => {
      child.kill('SIGTERM');
      killer ??= setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    };
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (onLine === undefined) stdout += `${line}\n`;
      else if (thrown === null) {
        try {
          onLine(line);
        } catch (error) {
          thrown = { error };
          stop();
        }
      }
    });
    child.stderr.on('data', (data: Buffer) => (stderr = (stderr + data.toString()).slice(-MAX_STDERR)));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const settle = (end: () => void): void => {
      signal.removeEventListener('abort', stop);
      if (killer !== null) clearTimeout(killer);
      end();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', (code, ending) =>
      settle(() =>
        thrown === null
          ? resolve({ code, signal: ending, stdout, stderr })
          : reject(thrown.error instanceof Error ? thrown.error : new Error(String(thrown.error))),
      ),
    );
  });
