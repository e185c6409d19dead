import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const program = path.resolve(import.meta.dirname, '..', '..', 'dist', 'uncurl.cjs');

/**
 * Runs the built command line to its end; throws with its output if it fails. What it makes is sealed with the key
 * beside `settings`: with those of a workbench, as if that had made it.
 */
export const startUncurl = async (args: readonly string[], settings?: string): Promise<void> => {
  const env = { ...process.env, ...(settings === undefined ? {} : { UNCURL_SETTINGS: settings }) };
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`uncurl ${args.join(' ')} ended with ${String(code)}:\n${said}`);
};
