import { refuse } from '../contract/errors.ts';
import { runProgram } from '../finetune/run-program.ts';

/** Bytes of address space, seconds of processor time and bytes of a file, for the judge with all its programs. */
const LIMITS = { addressBytes: 16 * 2 ** 30, seconds: 3_600, fileBytes: 64 * 2 ** 20 };
const PROBE_MS = 60_000;

/**
 * Namespaces of its own: no network, no other processes, every file system read-only, an empty /tmp. The folder of the
 * metric's script is copied there, because the library that loads it writes beside it.
 */
const SHUT_IN = [
  'unshare',
  ...['--user', '--map-root-user', '--net', '--ipc', '--uts', '--pid', '--fork', '--kill-child', '--mount'],
  'sh',
  '-c',
  [
    'set -e',
    // Mount points from the deepest up: a read-only root does not cover what is mounted below it.
    `awk '{print $5}' /proc/self/mountinfo | sort -r | while read -r place; do`,
    `  case "$place" in /proc*|/sys*|/dev*) ;; *) mount -o remount,bind,ro "$(printf '%b' "$place")" || exit 1;; esac`,
    'done',
    'mount -t tmpfs -o size=512m tmpfs /tmp',
    `ulimit -v ${String(LIMITS.addressBytes / 1024)}`,
    `ulimit -t ${String(LIMITS.seconds)}`,
    `ulimit -f ${String(LIMITS.fileBytes / 512)}`,
    'export TMPDIR=/tmp HF_EVALUATE_CACHE=/tmp HF_ALLOW_CODE_EVAL=1',
    'cd /tmp',
    'exec "$@"',
  ].join('\n'),
  'sandbox',
];

/**
 * The command that starts a program where generated code may run: without a network, with limits of time and memory, and
 * unable to change a file.
 *
 * @throws WorkbenchError refused: `no-sandbox`.
 */
export const shutIn = async (command: readonly string[]): Promise<readonly string[]> => {
  const [program = '', ...parameters] = SHUT_IN;
  const why = await runProgram(program, [...parameters, 'true'], { signal: AbortSignal.timeout(PROBE_MS) }).then(
    ({ code, stderr }) => (code === 0 ? null : stderr.trim()),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (why === null) return [...SHUT_IN, ...command];
  throw refuse(
    'no-sandbox',
    `Generated programs run only where they can be shut in, and this system does not allow it: ${why}.`,
    'It takes Linux with user namespaces and the program unshare.',
  );
};
