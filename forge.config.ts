import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { MakerBase } from '@electron-forge/maker-base';
import type { MakerOptions } from '@electron-forge/maker-base';
import { FusesPlugin } from '@electron-forge/plugin-fuses';
import type { ForgeConfig, ForgePlatform } from '@electron-forge/shared-types';
import { FuseV1Options, FuseVersion } from '@electron/fuses';
import { Platform, archFromString, build } from 'electron-builder';

/** What the application consists of; dist/ holds every other dependency, bundled. */
const SHIPPED = [
  'package.json',
  'LICENSE',
  'dist',
  'node_modules/onnxruntime-common',
  'node_modules/onnxruntime-node/package.json',
  'node_modules/onnxruntime-node/dist',
  'node_modules/onnxruntime-node/bin',
];
/** `file` begins with `/` and is relative to the repository; folders on the way to something shipped stay. */
const isLeftOut = (file: string): boolean => {
  const place = file.slice(1);
  if (place === '') return false;
  if (/\.(?:map|stamp)$/.test(place)) return true;
  return !SHIPPED.some((part) => part === place || place.startsWith(`${part}/`) || part.startsWith(`${place}/`));
};

/** Native libraries of the other platforms and processors: 240 MB that could never be loaded. */
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

/** Installers by electron-builder, whose targets electron-builder.yml lists, from the folder that Forge packaged. */
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

/** Where Electron's releases cannot be downloaded: a folder that holds the release's zip file. */
const electronZipDir = process.env['UNCURL_ELECTRON_ZIPS'];

const config: ForgeConfig = {
  packagerConfig: {
    name: 'Uncurl Workbench',
    executableName: 'uncurl-workbench',
    appBundleId: 'io.github.uncurl-workbench',
    // Native libraries, and models that they map into memory, must be real files: the models lie beside the archive.
    asar: { unpackDir: 'node_modules/onnxruntime-node' },
    extraResource: ['resources'],
    ignore: isLeftOut,
    // Nothing is pruned: what ships is listed above.
    prune: false,
    ...(electronZipDir === undefined ? {} : { electronZipDir }),
  },
  makers: [new ElectronBuilderMaker()],
  hooks: {
    packageAfterCopy: async (_config, application, _version, platform, arch) => {
      await removeForeignLibraries(application, platform, arch);
    },
  },
  plugins: [
    new FusesPlugin({
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
    }),
  ],
};

export default config;
