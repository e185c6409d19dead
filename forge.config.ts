import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MakerBase } from '@electron-forge/maker-base';
import type { MakerOptions } from '@electron-forge/maker-base';
import { FusesPlugin } from '@electron-forge/plugin-fuses';
import type { ForgeConfig, ForgePlatform } from '@electron-forge/shared-types';
import { FuseV1Options, FuseVersion } from '@electron/fuses';
import type { FuseV1Config } from '@electron/fuses';
import { Platform, archFromString, build } from 'electron-builder';
import {
  copyElectron,
  engineInNodeFiles,
  engineInNodeFolders,
  givenElectron,
  knownFuses,
  runEngineInNode,
  writeEmptyZip,
} from './.ci/given-electron.ts';
import packageFile from './package.json' with { type: 'json' };

/** Contents of the application; dist/ contains every other dependency, bundled. */
const SHIPPED = [
  'package.json',
  'LICENSE',
  'dist',
  'node_modules/onnxruntime-common',
  'node_modules/onnxruntime-node/package.json',
  'node_modules/onnxruntime-node/dist',
  'node_modules/onnxruntime-node/bin',
];
/** Lies beside the archive, where it can be read. */
const LICENCES = 'third-party-licences.txt';
/** `file` begins with `/` and is relative to the repository; parent folders of shipped files stay. */
const isLeftOut = (file: string): boolean => {
  const name = file.slice(1);
  if (name === '') return false;
  if (/\.(?:map|stamp|packages\.json)$/.test(name) || name === `dist/${LICENCES}`) return true;
  return !SHIPPED.some((part) => part === name || name.startsWith(`${part}/`) || part.startsWith(`${name}/`));
};

/** Removes native libraries of other platforms: 240 MB that could never be loaded. */
const removeForeignLibraries = async (application: string, platform: string, arch: string): Promise<void> => {
  const libraries = path.join(application, 'node_modules', 'onnxruntime-node', 'bin', 'napi-v6');
  for (const system of await readdir(libraries)) {
    for (const processor of await readdir(path.join(libraries, system))) {
      if (system === platform && processor === arch) continue;
      await rm(path.join(libraries, system, processor), { recursive: true });
    }
  }
};

const BUILDER_PLATFORM: Readonly<Partial<Record<ForgePlatform, Platform>>> = {
  linux: Platform.LINUX,
  darwin: Platform.MAC,
  win32: Platform.WINDOWS,
};

/** Installers by electron-builder, for the targets in electron-builder.yml, from the folder that Forge packaged. */
class ElectronBuilderMaker extends MakerBase<Record<string, never>> {
  override name = 'electron-builder';
  override defaultPlatforms: ForgePlatform[] = ['linux', 'darwin', 'win32'];

  override isSupportedOnCurrentPlatform(): boolean {
    return true;
  }

  override async make({ dir, makeDir, targetPlatform, targetArch }: MakerOptions): Promise<string[]> {
    const platform = BUILDER_PLATFORM[targetPlatform];
    if (!platform) throw new Error(`There is no installer for ${targetPlatform}: choose linux, darwin or win32.`);
    return build({
      prepackaged: dir,
      targets: platform.createTarget(null, archFromString(targetArch)),
      config: { extends: 'electron-builder.yml', directories: { output: path.join(makeDir, 'installers') } },
      publish: 'never',
    });
  }
}

/** A tar.gz with one folder, made by the system's tar: electron-builder would download a 7-Zip for it. */
class TarMaker extends MakerBase<Record<string, never>> {
  override name = 'tar.gz';
  override defaultPlatforms: ForgePlatform[] = ['linux'];

  override isSupportedOnCurrentPlatform(): boolean {
    return process.platform === 'linux';
  }

  override async make({ dir, makeDir, targetPlatform, targetArch }: MakerOptions): Promise<string[]> {
    const { name, version } = packageFile;
    const file = path.join(makeDir, 'installers', `${name}-${version}-${targetPlatform}-${targetArch}.tar.gz`);
    await this.ensureFile(file);
    const asFolder = `--transform=s,^${path.basename(dir)},${name}-${version},`;
    const owners = ['--owner=0', '--group=0', '--numeric-owner', '--mode=u+rwX,go+rX,go-w'];
    const { status } = spawnSync(
      'tar',
      ['-czf', file, ...owners, asFolder, '-C', path.dirname(dir), path.basename(dir)],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    if (status !== 0) throw new Error(`tar ended with ${String(status)}; its message is above.`);
    return [file];
  }
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const FUSES: FuseV1Config = {
  version: FuseVersion.V1,
  strictlyRequireAllFuses: true,
  [FuseV1Options.RunAsNode]: false,
  [FuseV1Options.EnableCookieEncryption]: true,
  [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
  [FuseV1Options.EnableNodeCliInspectArguments]: false,
  [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
  [FuseV1Options.OnlyLoadAppFromAsar]: true,
  [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
  [FuseV1Options.WasmTrapHandlers]: true,
};

/**
 * UNCURL_ELECTRON_DIST: an unpacked Electron to package, so that nothing is downloaded. One of another version than the
 * release makes a trial under out/trial. UNCURL_ELECTRON_ZIPS: a folder with the release's zip file.
 */
const shippedVersion = packageFile.devDependencies.electron;
const given = givenElectron(process.env['UNCURL_ELECTRON_DIST'], shippedVersion);
const electronZipDir = given ? mkdtempSync(path.join(tmpdir(), 'uncurl-zip-')) : process.env['UNCURL_ELECTRON_ZIPS'];
const fuses = given?.isTrial === true ? await knownFuses(given, FUSES) : { known: FUSES, leftOut: [] };
const engineInNode = given?.isTooOldForEngine ?? false;
/** electron-builder downloads the tools of its installers, and a trial is only installed on this machine. */
const tarAlone = given?.isTrial === true || process.env['UNCURL_INSTALLERS'] === 'tar.gz';
if (given && electronZipDir !== undefined) {
  writeEmptyZip(electronZipDir, shippedVersion, process.platform, process.arch);
  process.on('exit', () => rmSync(electronZipDir, { recursive: true, force: true }));
}
if (given?.isTrial === true) {
  say(`A trial with Electron ${given.version}, for this machine only: the release has ${shippedVersion}.`);
  if (fuses.leftOut.length > 0) say(`Fuses that it does not know are left out: ${fuses.leftOut.join(', ')}.`);
  say('The only installer made is the tar.gz; those of electron-builder.yml are neither made nor tested.');
  if (engineInNode) say(`Its Node is too old for the engine, which Node ${process.versions.node} runs instead.`);
}

const config: ForgeConfig = {
  outDir: given?.isTrial === true ? 'out/trial' : 'out',
  packagerConfig: {
    name: 'Uncurl Workbench',
    executableName: 'uncurl-workbench',
    appBundleId: 'io.github.uncurl-workbench',
    // Native libraries, models that they map into memory, and the program of a thread must be real files: the models
    // lie beside the archive.
    asar: engineInNode
      ? { unpackDir: engineInNodeFolders, unpack: engineInNodeFiles }
      : { unpackDir: 'node_modules/onnxruntime-node', unpack: '{parquet-worker,chat-worker,run-reader}.cjs' },
    // For macOS, whose bundle declares what it opens; electron-builder.yml does so for the other systems.
    protocols: [{ name: 'Uncurl Workbench', schemes: ['uncurl'] }],
    extendInfo: {
      CFBundleDocumentTypes: [
        { CFBundleTypeName: 'Uncurl run', CFBundleTypeExtensions: ['uncurl-run'], CFBundleTypeRole: 'Viewer' },
      ],
    },
    extraResource: ['resources', 'LICENSE', `dist/${LICENCES}`],
    ignore: isLeftOut,
    // Pruning is off: SHIPPED lists the contents.
    prune: false,
    ...(electronZipDir === undefined ? {} : { electronZipDir }),
  },
  makers: tarAlone ? [new TarMaker()] : [new TarMaker(), new ElectronBuilderMaker()],
  hooks: {
    packageAfterExtract: async (_config, application) => {
      if (given) await copyElectron(given, application);
    },
    packageAfterCopy: async (_config, application, _version, platform, arch) => {
      await removeForeignLibraries(application, platform, arch);
      if (engineInNode) await runEngineInNode(application);
    },
  },
  plugins: [new FusesPlugin(fuses.known)],
};

export default config;
