import type { ProviderName } from '../../contract/device.ts';

/** How onnxruntime calls a provider, and what is peculiar to it. */
export interface Provider {
  readonly title: string;
  /** In session options, and in the list of what this build of the runtime knows. */
  readonly runtimeName: string;
  /** Where the runtime's package has it. */
  readonly platforms: string;
  /** What it needs of the system, beside the runtime; null: nothing. */
  readonly needs: string | null;
  /** Outputs, or inputs, that one node may have; more are split over a tree of nodes. */
  readonly nodeWidth: number;
  /** Set before the provider's libraries are loaded. */
  readonly environment: Readonly<Record<string, string>>;
}

export const providers: Readonly<Record<ProviderName, Provider>> = {
  cpu: {
    title: 'Processor',
    runtimeName: 'cpu',
    platforms: 'every platform',
    needs: null,
    nodeWidth: Number.POSITIVE_INFINITY,
    environment: {},
  },
  webgpu: {
    title: 'WebGPU',
    runtimeName: 'webgpu',
    platforms: 'Linux x64, macOS and Windows',
    needs: 'a graphics driver (on Linux one for Vulkan: for software rendering, mesa-vulkan-drivers and libvulkan1 of Debian 13 or newer)',
    // A shader may bind 8 storage buffers on every device (WebGPU, "Limits": maxStorageBuffersPerShaderStage); one is
    // the whole, the others are the parts. Concat of onnxruntime 1.30 also fails where a full set of its inputs is empty.
    nodeWidth: 7,
    environment: {},
  },
  cuda: {
    title: 'CUDA',
    runtimeName: 'cuda',
    platforms: 'Linux x64',
    needs: 'an NVIDIA driver, CUDA 12 and cuDNN 9',
    nodeWidth: Number.POSITIVE_INFINITY,
    // Products of float32 matrices stay float32: NVIDIA's libraries would round their factors to TF32 (10 bits).
    environment: { NVIDIA_TF32_OVERRIDE: '0' },
  },
  directml: {
    title: 'DirectML',
    runtimeName: 'dml',
    platforms: 'Windows',
    needs: 'a graphics card with Direct3D 12',
    nodeWidth: Number.POSITIVE_INFINITY,
    environment: {},
  },
  coreml: {
    title: 'Core ML',
    runtimeName: 'coreml',
    platforms: 'macOS',
    needs: 'macOS itself',
    nodeWidth: Number.POSITIVE_INFINITY,
    environment: {},
  },
};

/** Every graph computes in float32, whatever its weights are stored in; what a provider makes of that, its probe tells. */
export const PRECISION = 'float32';
