// A folder with an unpacked Electron, used instead of its release's zip, which packaging would download otherwise.
import { cp, rename } from 'node:fs/promises';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import type { FuseV1Config, FuseVersion } from '@electron/fuses';

const root = path.dirname(import.meta.dirname);

export interface GivenElectron {
  readonly folder: string;
  readonly version: string;
  /** Whether it is not the Electron of the release: then the package is a trial for this machine, and says so. */
  readonly isTrial: boolean;
  /** Whether its Node is too old for the engine, which then runs in the Node of the tests. */
  readonly isTooOldForEngine: boolean;
}

const majorOf = (version: string): number => Number(version.split('.')[0]);

/** The Electron named by UNCURL_ELECTRON_DIST; null if not set. `shipped`: the version that the package asks for. */
export const givenElectron = (folder: string | undefined, shipped: string): GivenElectron | null => {
  if (folder === undefined) return null;
  const file = path.join(folder, 'version');
  if (!existsSync(file)) throw new Error(`UNCURL_ELECTRON_DIST contains no Electron: there is no ${file}.`);
  const version = readFileSync(file, 'utf8').trim().replace(/^v/, '');
  const isTooOldForEngine = majorOf(version) < majorOf(shipped);
  return { folder, version, isTrial: version !== shipped, isTooOldForEngine };
};

/** An archive without files: only the end record of the zip format (APPNOTE.TXT, 4.3.16). */
const EMPTY_ZIP = Buffer.from([0x50, 0x4b, 0x05, 0x06, ...Array<number>(18).fill(0)]);

/** Lets the packager unpack nothing; `copyElectron` then copies the files there. */
export const writeEmptyZip = (zipFolder: string, version: string, platform: string, arch: string): void =>
  writeFileSync(path.join(zipFolder, `electron-v${version}-${platform}-${arch}.zip`), EMPTY_ZIP);

export const copyElectron = ({ folder }: GivenElectron, application: string): Promise<void> =>
  cp(folder, application, { recursive: true, verbatimSymlinks: true });

type KnownFuses = Partial<Record<FuseV1Options, boolean>> & { version: FuseVersion; strictlyRequireAllFuses: false };

/** The fuses that this Electron supports, and the names of those that it is too old for. */
export const knownFuses = async (
  { folder }: GivenElectron,
  fuses: FuseV1Config,
): Promise<{ readonly known: FuseV1Config; readonly leftOut: readonly string[] }> => {
  const wire = await getCurrentFuseWire(path.join(folder, process.platform === 'win32' ? 'electron.exe' : 'electron'));
  const options = Object.values(FuseV1Options).filter((option) => typeof option === 'number');
  const unknown = options.filter((option) => !Object.hasOwn(wire, option));
  const known: KnownFuses = { ...fuses, strictlyRequireAllFuses: false };
  for (const option of unknown) Reflect.deleteProperty(known, option);
  return { known, leftOut: unknown.map((option) => FuseV1Options[option]) };
};

/** Programs that Electron's utilityProcess starts. */
const ENGINE_PROGRAMS = ['utility-process', 'provider-probe', 'compute-process', 'line-process'] as const;

/** Files that a Node other than Electron's must find outside the archive. */
export const engineInNodeFiles =
  '{*.engine.cjs,parquet-worker.cjs,chat-worker.cjs,run-reader.cjs,node,parent-port.cjs}';
export const engineInNodeFolders = 'node_modules/{onnxruntime-node,onnxruntime-common}';

/** In the copy to be archived, lets this Node run the engine's programs through tests/e2e/engine-in-node.cjs. */
export const runEngineInNode = async (application: string): Promise<void> => {
  const standIns = path.join(root, 'tests', 'e2e');
  await cp(process.execPath, path.join(application, 'node'));
  await cp(path.join(standIns, 'parent-port.cjs'), path.join(application, 'parent-port.cjs'));
  for (const program of ENGINE_PROGRAMS) {
    const file = path.join(application, 'dist', `${program}.cjs`);
    await rename(file, path.join(application, 'dist', `${program}.engine.cjs`));
    await cp(path.join(standIns, 'engine-in-node.cjs'), file);
  }
};
