import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const resolveFrom = createRequire(import.meta.url);

/** Folder of onnxruntime-node, whose native libraries are loaded from there. */
const runtimeFolder = (): string => path.dirname(resolveFrom.resolve('onnxruntime-node/package.json'));

const CUDA_LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** Whether CUDA's provider libraries are there: they are too large for the registry's package. */
export const hasCudaLibraries = (folder: string = runtimeFolder()): boolean =>
  CUDA_LIBRARIES.every((name) => existsSync(path.join(folder, 'bin', 'napi-v6', process.platform, process.arch, name)));

/**
 * The command that fetches CUDA's provider libraries from NuGet into the package's folder; null in an
 * application that was packaged without the script. It is the package's own install script, started directly: npm would
 * not run it (`ignore-scripts`), and of the flags that the script names, a version ("cuda12") is read as no flag at all
 * in 1.30.0, while the bare one forces the download.
 */
export const cudaCommand = (workingFolder: string, folder: string = runtimeFolder()): string | null => {
  const script = path.join(folder, 'script', 'install.js');
  if (!existsSync(script)) return null;
  const relative = path.relative(workingFolder, script);
  const place = relative.startsWith('..') ? script : relative;
  return `node ${/\s/.test(place) ? JSON.stringify(place) : place} --onnxruntime-node-install`;
};
