import { refuse } from '../contract/errors.ts';
import { runProgram } from '../finetune/run-program.ts';

/** Bytes of address space, seconds of processor time and bytes of a file, for the judge and each of its programs. */
const LIMITS = { addressBytes: 16 * 2 ** 30, seconds: 3_600, fileBytes: 64 * 2 ** 20 };
const PROBE_MS = 60_000;

/**
 * Namespaces of its own: no network, no other processes, and every file system read-only but for the current folder,
 * which is an empty one in memory. Whoever runs this may be root, whom no permission of a file stops: settings of the
 * kernel (/proc, /sys) are read-only too, the only devices are those that belong to no machine, and the right to undo
 * any of this is given up at the end.
 */
const SHUT_IN = [
  'unshare',
  ...['--user', '--map-root-user', '--net', '--ipc', '--uts', '--pid', '--fork', '--kill-child', '--mount'],
  '--mount-proc',
  'sh',
  '-c',
  [
    'set -e',
    'echo 0 > /proc/sys/user/max_user_namespaces',
    'here=$(pwd)',
    'mount -t tmpfs -o size=1m,mode=755 tmpfs "$here"',
    'for device in null zero full random urandom; do',
    '  : > "$here/$device"; mount --bind "/dev/$device" "$here/$device"',
    'done',
    'mkdir "$here/shm"',
    'ln -s /proc/self/fd "$here/fd"',
    'mount --rbind "$here" /dev',
    'umount -R "$here"',
    // A read-only root does not cover what is mounted below it. What was below /proc and /dev lies under new ones.
    `awk '{print $5}' /proc/self/mountinfo | sort -u | while read -r place; do`,
    '  case "$place" in /proc/*|/dev/*) ;; *) mount -o remount,bind,ro "$(printf "%b" "$place")";; esac',
    'done',
    // Whoever may write to a socket can ask the program behind it: those that are found become empty devices.
    'find /run /tmp "${HOME:-/root}" -maxdepth 4 -type s -exec mount --bind /dev/null {} \\; 2> /dev/null || true',
    'mount -t tmpfs -o size=64m tmpfs /dev/shm',
    'mount -t tmpfs -o size=512m tmpfs "$here"',
    'cd "$here"',
    'export TMPDIR="$here" HF_ALLOW_CODE_EVAL=1',
    `ulimit -v ${LIMITS.addressBytes / 1024}`,
    `ulimit -t ${LIMITS.seconds}`,
    `ulimit -f ${LIMITS.fileBytes / 512}`,
    'exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"',
  ].join('\n'),
  'sandbox',
];

/**
 * The command that starts a program where generated code may run: without a network, with limits of time and memory,
 * and unable to change a file. `folder`: the only one that it can write to; what it writes there is in memory.
 *
 * @throws WorkbenchError refused: `no-sandbox`.
 */
export const shutIn = async (command: readonly string[], folder: string): Promise<readonly string[]> => {
  const [program = '', ...parameters] = SHUT_IN;
  const probe = runProgram(program, [...parameters, 'true'], { signal: AbortSignal.timeout(PROBE_MS), folder });
  const why = await probe.then(
    ({ code, stderr }) => (code === 0 ? null : stderr.trim()),
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  if (why === null) return [...SHUT_IN, ...command];
  throw refuse(
    'no-sandbox',
    `Generated programs run only where they can be shut in, and this system does not allow it: ${why}.`,
    'It takes Linux with user namespaces, and the programs unshare and setpriv.',
  );
};
