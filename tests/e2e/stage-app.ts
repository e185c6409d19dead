import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { removeFolder } from '../remove-folder.ts';

const root = path.resolve(import.meta.dirname, '..', '..');

/** Parts of an installed application: bundles, page, bundled models and tasks, native code. */
const PARTS = [
  'package.json',
  'dist',
  'resources',
  'node_modules/onnxruntime-common',
  'node_modules/onnxruntime-node/package.json',
  'node_modules/onnxruntime-node/dist',
  `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`,
] as const;

export interface StagedApp {
  /** The folder for Electron's command line. */
  readonly folder: string;
  /** A folder that the window's user can write to, for workspaces and exports. */
  readonly writable: string;
  remove(): Promise<void>;
}

const makeReadable = async (target: string): Promise<void> => {
  const { mode } = await stat(target);
  const isFolder = (mode & 0o170000) === 0o040000;
  await chmod(target, isFolder || (mode & 0o100) !== 0 ? 0o755 : 0o644);
  if (isFolder) for (const name of await readdir(target)) await makeReadable(path.join(target, name));
};

/** Makes the copy start through launch-held.cjs (see there). */
const enterHeld = async (folder: string): Promise<void> => {
  const entry = 'launch-held.cjs';
  await cp(path.join(import.meta.dirname, entry), path.join(folder, entry));
  const manifest: unknown = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  await writeFile(path.join(folder, 'package.json'), JSON.stringify(Object.assign({}, manifest, { main: entry })));
};

/** Programs that Electron's utilityProcess starts. */
const ENGINE_PROGRAMS = ['utility-process', 'provider-probe', 'compute-process', 'line-process'] as const;

/** Runs the engine in `node`, behind engine-in-node.cjs, if the Electron of the tests is too old for it. */
const runEngineInNode = async (folder: string, node: string): Promise<void> => {
  await cp(node, path.join(folder, 'node'), { dereference: true });
  await cp(path.join(import.meta.dirname, 'parent-port.cjs'), path.join(folder, 'parent-port.cjs'));
  for (const program of ENGINE_PROGRAMS) {
    const file = path.join(folder, 'dist', `${program}.cjs`);
    await rename(file, path.join(folder, 'dist', `${program}.engine.cjs`));
    await cp(path.join(import.meta.dirname, 'engine-in-node.cjs'), file);
  }
};

/**
 * Copies the built application to a folder that every user can read, like an installation: the window runs as an
 * ordinary user even if the tests run as root, so that Chromium's own sandbox is on. `engineNode` runs the engine
 * instead of Electron's own Node; null: Electron is the shipped version.
 */
export const stageApp = async (engineNode: string | null): Promise<StagedApp> => {
  const base = await mkdtemp(path.join(tmpdir(), 'uncurl-window-'));
  const folder = path.join(base, 'app');
  for (const part of PARTS) {
    await mkdir(path.dirname(path.join(folder, part)), { recursive: true });
    await cp(path.join(root, part), path.join(folder, part), { recursive: true, dereference: true });
  }
  await enterHeld(folder);
  await cp(path.join(import.meta.dirname, 'triple-in-electron.cjs'), path.join(folder, 'triple-in-electron.cjs'));
  if (engineNode !== null) await runEngineInNode(folder, engineNode);
  await makeReadable(base);
  const writable = path.join(base, 'writable');
  await mkdir(writable);
  await chmod(writable, 0o777);
  return { folder, writable, remove: () => removeFolder(base) };
};
