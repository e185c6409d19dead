import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import packageFile from '../../package.json' with { type: 'json' };
import { fail, refuse } from '../contract/errors.ts';
import { formatBytes } from '../words/numbers.ts';
import { shellWord } from '../words/equivalent-command.ts';
import { runThere, type SshTarget } from './ssh-line.ts';

// The packed command line, copied into the user's own folder on another machine. Nothing is downloaded: Node and
// onnxruntime must be there, and are named where they are not.

const VERSION = packageFile.version;
const RUNTIME = `onnxruntime-node@${packageFile.dependencies['onnxruntime-node']}`;
const NODE_MAJOR = Number(packageFile.engines.node.replace('>=', ''));

/** Below the home folder there; a folder for each version. */
const INSTALLED = '.local/share/uncurl-workbench/versions';
/** Beside the files themselves: their rounding to blocks, and what a first run writes. */
const ROOM_TO_SPARE = 1.2;

/** How the installed command line of this version is called there, else one that the shell there finds. */
export const INSTALLED_UNCURL =
  `sh -c 'i="$HOME/${INSTALLED}/${VERSION}/dist/uncurl.cjs"; ` +
  `if [ -f "$i" ]; then exec node "$i" "$@"; fi; exec uncurl "$@"' uncurl`;

const OF_THE_WINDOW = new Set(['main', 'preload', 'utility-process', 'line-process'].map((name) => `dist/${name}.cjs`));

/** Parts of the package that the command line needs. */
const isNeeded = (name: string): boolean =>
  name === 'package.json' ||
  (name.startsWith('dist/') && !name.endsWith('.map') && !OF_THE_WINDOW.has(name)) ||
  (name.startsWith('resources/') && !name.startsWith('resources/screenshots/'));

export interface PackedFiles {
  readonly folder: string;
  readonly names: readonly string[];
  readonly bytes: number;
}

/** The files of this package that are copied. @throws WorkbenchError refused: `not-built`. */
export const packedFiles = async (folder: string): Promise<PackedFiles> => {
  if (!existsSync(join(folder, 'dist', 'uncurl.cjs')) || !existsSync(join(folder, 'dist', 'renderer', 'index.html')))
    throw refuse('not-built', `${folder} is not built.`, 'Run `npm run build` once.');
  const names: string[] = ['package.json'];
  for (const part of ['dist', 'resources'])
    for (const entry of await readdir(join(folder, part), { recursive: true, withFileTypes: true }))
      if (entry.isFile())
        names.push(
          join(entry.parentPath, entry.name)
            .slice(folder.length + 1)
            .replaceAll('\\', '/'),
        );
  const needed = names.filter((name) => isNeeded(name)).sort();
  const sizes = await Promise.all(needed.map(async (name) => (await stat(join(folder, name))).size));
  return { folder, names: needed, bytes: sizes.reduce((sum, size) => sum + size, 0) };
};

/** What the other machine has. */
interface Probed {
  readonly home: string;
  readonly system: string;
  /** Null: there is none in the path of its shell. */
  readonly node: string | null;
  readonly freeBytes: number;
  readonly isThere: boolean;
}

const inShell = (script: string): string => `sh -c ${shellWord(script)}`;

const PROBE =
  'echo "home=$HOME"; echo "system=$(uname -sm)"; echo "node=$(node --version 2>/dev/null)"; ' +
  'set -- $(df -Pk "$HOME" | tail -n 1); echo "free=$4"; ' +
  `if [ -d "$HOME/${INSTALLED}/${VERSION}" ]; then echo "there=yes"; else echo "there=no"; fi`;

const probeThere = async (target: SshTarget, signal: AbortSignal): Promise<Probed> => {
  const { stdout, stderr } = await runThere(target, inShell(PROBE), { signal });
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? '';
  if (value('there') === '')
    throw fail(
      'no-shell-there',
      `${target.host} did not answer as a POSIX shell: ${stderr.trim().slice(-500)}`,
      'The workbench can be installed on Linux and macOS from here; elsewhere install it by hand.',
    );
  return {
    home: value('home'),
    system: value('system'),
    node: value('node') === '' ? null : value('node'),
    freeBytes: Number(value('free')) * 1024,
    isThere: value('there') === 'yes',
  };
};

/** What an installation would do. */
export interface PlannedInstall {
  readonly path: string;
  readonly isThere: boolean;
}

/**
 * Looks whether the workbench can be installed on the other machine.
 *
 * @throws WorkbenchError refused: `no-node-there`, `old-node-there`, `no-room-there`; `no-shell-there`, and those of
 * `runThere`.
 */
export const planInstall = async (
  target: SshTarget,
  { bytes }: PackedFiles,
  signal: AbortSignal,
): Promise<PlannedInstall> => {
  const { home, node, freeBytes, isThere } = await probeThere(target, signal);
  const { host } = target;
  const see = `"ssh ${shellWord(host)} node --version" must answer. Nothing was copied.`;
  const wanted = `Install Node ${NODE_MAJOR} or newer there`;
  if (node === null) throw refuse('no-node-there', `${host} has no Node.`, `${wanted}; ${see}`);
  if (!(Number(/^v(\d+)\./.exec(node)?.[1]) >= NODE_MAJOR))
    throw refuse(
      'old-node-there',
      `${host} has Node ${node}; the workbench needs ${NODE_MAJOR} or newer.`,
      `${wanted}; ${see}`,
    );
  if (!(freeBytes >= bytes * ROOM_TO_SPARE))
    throw refuse(
      'no-room-there',
      `${host} has ${formatBytes(freeBytes)} free in ${home}; the workbench takes ${formatBytes(bytes)}.`,
      'Make room there. Nothing was copied.',
    );
  return { path: `${home}/${INSTALLED}/${VERSION}`, isThere };
};

/**
 * An interrupted copy leaves nothing: `tar` ends with its input, and the folder gets its name once it is complete. What
 * a shell that was killed left is removed by the next installation from the same machine.
 */
const unpack = (files: number): string =>
  `set -e; d="$HOME/${INSTALLED}"; umask 077; mkdir -p "$d"; h=".part-$(uname -n)"; ` +
  `for o in "$d/$h"-*; do [ ! -d "$o" ] || kill -0 "\${o##*-}" 2>/dev/null || rm -rf "$o"; done; p="$d/$h-$$"; ` +
  `trap 'rm -rf "$p"' EXIT; trap 'exit 1' HUP INT TERM PIPE; mkdir "$p"; tar -xzf - -C "$p"; ` +
  `[ "$(find "$p" -type f | wc -l)" -eq ${files} ] || { echo "files are missing" >&2; exit 1; }; ` +
  `rm -rf "$d/${VERSION}"; mv "$p" "$d/${VERSION}"; cd "$d/${VERSION}"; ` +
  `if node -e 'require.resolve("onnxruntime-node")' 2>/dev/null; then echo "runtime=yes"; else echo "runtime=no"; fi`;

/** A path as a word of a command for ssh, which two shells read; a plain one stays as it is. */
const pathInCommand = (path: string): string => shellWord(shellWord(path));

export interface Installed {
  /** How to add what is still missing there; null: nothing is. */
  readonly missing: string | null;
}

/**
 * Copies the packed command line into the user's folder on the other machine.
 *
 * @throws WorkbenchError `not-installed`, and those of `runThere`; nothing is left there.
 */
export const installThere = async (
  target: SshTarget,
  { folder, names, bytes }: PackedFiles,
  { path, progress, signal }: { path: string; progress: (text: string) => void; signal: AbortSignal },
): Promise<Installed> => {
  const packing = spawn('tar', ['-cf', '-', '-C', folder, '-T', '-'], { stdio: ['pipe', 'pipe', 'pipe'], signal });
  let complaint = '';
  packing.stderr.on('data', (data: Buffer) => (complaint = (complaint + data.toString()).slice(-2_000)));
  const packed = new Promise<number | null>((resolve, reject) => {
    packing.once('error', reject);
    packing.once('close', resolve);
  });
  packing.stdin.on('error', () => undefined); // it ended: its exit code says why
  packing.stdin.end(names.map((name) => `${name}\n`).join(''));
  let copied = 0;
  const counted = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      copied += chunk.length;
      progress(`${formatBytes(Math.min(copied, bytes))} of ${formatBytes(bytes)} copied`);
      done(null, chunk);
    },
  });
  const zipped = createGzip({ level: 1 });
  // Where ssh ends first, the pipe breaks: the answer of `runThere` says why.
  const piped = pipeline(packing.stdout, counted, zipped).catch(() => undefined);
  const [{ code, stdout, stderr }, packedCode] = await Promise.all([
    runThere(target, inShell(unpack(names.length)), { signal, input: zipped }),
    packed,
    piped,
  ]);
  const runtime = /^runtime=(yes|no)$/m.exec(stdout)?.[1];
  if (code !== 0 || packedCode !== 0 || runtime === undefined)
    throw fail(
      'not-installed',
      `The workbench was not installed on ${target.host}: ${(stderr.trim() || complaint.trim()).slice(-500)}`,
      'Read the message; nothing was left there. Then try again.',
    );
  return {
    // The path comes from the other machine: no shell, here or there, may read more in it than a path.
    missing:
      runtime === 'yes' ? null : `ssh ${shellWord(target.host)} npm install --prefix ${pathInCommand(path)} ${RUNTIME}`,
  };
};
