import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { ProviderName } from '../../contract/device.ts';

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

/** The first card, which is the one that onnxruntime's CUDA provider takes. */
const nvidiaName = (): string | null => {
  const [first] = [...namesIn(NVIDIA_CARDS)].sort();
  if (first === undefined) return null;
  return /^Model:\s*(.+)$/m.exec(readFileSync(`${NVIDIA_CARDS}/${first}/information`, 'utf8'))?.[1]?.trim() ?? null;
};

/** A renderer of the kernel (/dev/dri), of NVIDIA's own driver, or of Windows under WSL. */
const hasGraphicsHardware = (): boolean =>
  namesIn('/dev/dri').some((name) => name.startsWith('render')) || namesIn(NVIDIA_CARDS).length > 0 || namesIn('/dev').includes('dxg');

/** What a provider runs on, as far as the system tells it; onnxruntime for Node does not. */
export const deviceName = (provider: ProviderName): string | null => {
  if (provider === 'cpu') return cpus()[0]?.model ?? null;
  if (process.platform !== 'linux') return null;
  if (provider === 'cuda') return nvidiaName();
  return provider === 'webgpu' && !hasGraphicsHardware() ? 'software Vulkan (there is no graphics hardware)' : null;
};
