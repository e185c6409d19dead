import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import path from 'node:path';
import type { ProviderName } from '../../contract/device.ts';
import { type GraphTarget, UNLIMITED } from '../../graph/onnx-graph.ts';

/** onnxruntime's name of a provider, and its peculiarities; graphs are made for it. */
export interface Provider extends GraphTarget {
  readonly title: string;
  /** In session options, and in the list of providers of this runtime build. */
  readonly runtimeName: string;
  /** Platforms where the runtime's package includes it. */
  readonly platforms: string;
  /** System requirements besides the runtime; null: none. */
  readonly needs: string | null;
  /** Environment variables to set before the provider's libraries are loaded. */
  readonly environment: Readonly<Record<string, string>>;
}

const webgpu = {
  title: 'WebGPU',
  runtimeName: 'webgpu',
  platforms: 'Linux x64, macOS and Windows',
  needs:
    'a graphics driver (on Linux one for Vulkan: for software rendering, mesa-vulkan-drivers and ' +
    'libvulkan1 of Debian 13 or newer)',
  // A shader may bind 8 storage buffers on every device (WebGPU, "Limits": maxStorageBuffersPerShaderStage); one is
  // the whole, the others are the parts. Concat of onnxruntime 1.30 also fails where a full set of its inputs is empty.
  nodeWidth: 7,
  precision: 'float32',
  environment: {},
} as const satisfies Provider;

export const providers: Readonly<Record<ProviderName, Provider>> = {
  cpu: {
    title: 'Processor',
    runtimeName: 'cpu',
    platforms: 'every platform',
    needs: null,
    ...UNLIMITED,
    environment: {},
  },
  webgpu,
  'webgpu-float16': {
    ...webgpu,
    title: 'WebGPU in float16',
    needs: `16-bit floats (shader-f16), and ${webgpu.needs}`,
    precision: 'float16',
  },
  cuda: {
    title: 'CUDA',
    runtimeName: 'cuda',
    platforms: 'Linux x64',
    needs: 'an NVIDIA driver, CUDA 12 and cuDNN 9',
    ...UNLIMITED,
    // Products of float32 matrices stay float32: NVIDIA's libraries would round their factors to TF32 (10 bits).
    environment: { NVIDIA_TF32_OVERRIDE: '0' },
  },
  directml: {
    title: 'DirectML',
    runtimeName: 'dml',
    platforms: 'Windows',
    needs: 'a graphics card with Direct3D 12',
    ...UNLIMITED,
    environment: {},
  },
  coreml: {
    title: 'Core ML',
    runtimeName: 'coreml',
    platforms: 'macOS',
    needs: 'macOS itself',
    ...UNLIMITED,
    environment: {},
  },
};

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
};

const NVIDIA_CARDS = '/proc/driver/nvidia/gpus';

/** The first card, which onnxruntime's CUDA provider uses. */
const nvidiaName = (): string | null => {
  const [first] = [...namesIn(NVIDIA_CARDS)].sort();
  if (first === undefined) return null;
  return /^Model:\s*(.+)$/m.exec(readFileSync(`${NVIDIA_CARDS}/${first}/information`, 'utf8'))?.[1]?.trim() ?? null;
};

/** A render node of the kernel (/dev/dri), of NVIDIA's own driver, or of Windows under WSL. */
const hasGraphicsHardware = (): boolean =>
  namesIn('/dev/dri').some((name) => name.startsWith('render')) ||
  namesIn(NVIDIA_CARDS).length > 0 ||
  namesIn('/dev').includes('dxg');

/** The hardware of a provider as far as the system reports it; onnxruntime for Node does not. */
export const deviceName = (provider: ProviderName): string | null => {
  if (provider === 'cpu') return cpus()[0]?.model ?? null;
  if (process.platform !== 'linux') return null;
  if (provider === 'cuda') return nvidiaName();
  return providers[provider].runtimeName === 'webgpu' && !hasGraphicsHardware()
    ? 'software Vulkan (there is no graphics hardware)'
    : null;
};

const resolveFrom = createRequire(import.meta.url);

/** Folder of onnxruntime-node, whose native libraries are loaded from there. */
const runtimeFolder = (): string => path.dirname(resolveFrom.resolve('onnxruntime-node/package.json'));

const CUDA_LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** Whether CUDA's provider libraries are installed: they are too large for the registry's package. */
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
  const named = relative.startsWith('..') ? script : relative;
  return `node ${/\s/.test(named) ? JSON.stringify(named) : named} --onnxruntime-node-install`;
};
