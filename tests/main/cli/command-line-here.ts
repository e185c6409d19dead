import { fileURLToPath } from 'node:url';
import { runCommandLine } from '../../../main/cli/run-command-line.ts';

/** Runs a command line in this process, without the settings of whoever runs the tests. */
export const commandLineHere = async (
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommandLine(args, {
    resources: fileURLToPath(new URL('../../../resources', import.meta.url)),
    rendererFolder: '/nowhere',
    environment: { UNCURL_SETTINGS: process.env['UNCURL_SETTINGS'] },
    signal: new AbortController().signal,
    now: () => performance.now(),
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
  });
  return { code, stdout: out.join(''), stderr: err.join('') };
};
