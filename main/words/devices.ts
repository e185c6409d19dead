import type { RunDevice, TorchFound, TorchPrecision } from '../contract/device.ts';

/** "CPU", "WEBGPU", or "PyTorch on CUDA:0": engine and device of a run. */
export const deviceName = ({ provider, engine }: Pick<RunDevice, 'provider' | 'engine'>): string =>
  `${engine === undefined ? '' : 'PyTorch on '}${provider.toUpperCase()}`;

/** "float32"; for half precision in onnxruntime with what its probe found: "float16 (deviation 6.6e-3)". */
export const precisionText = ({ precision, deviation }: Pick<RunDevice, 'precision' | 'deviation'>): string =>
  precision === 'float16' && deviation !== undefined
    ? `${precision} (deviation ${deviation.toExponential(1)})`
    : precision;

/** "PyTorch 2.13.0 (transformers 5.24.0, Python 3.11.7) in bfloat16 on cpu", for numbers that PyTorch computes. */
export const engineText = ({
  device: { provider, precision, name },
  versions,
}: {
  readonly device: Pick<RunDevice, 'provider' | 'precision' | 'name'>;
  readonly versions: Readonly<Record<string, string>>;
}): string =>
  `PyTorch ${versions['torch'] ?? ''} (transformers ${versions['transformers'] ?? ''}, ` +
  `Python ${versions['python'] ?? ''}) in ${precision} on ${provider}` +
  (name === undefined ? '' : ` (${name})`);

/** "onnxruntime 1.30.0 in float16 (deviation 6.6e-3) on webgpu, a card", for numbers in half precision. */
export const halfText = ({
  device,
  versions,
}: {
  readonly device: Pick<RunDevice, 'provider' | 'precision' | 'deviation' | 'name'>;
  readonly versions: Readonly<Record<string, string>>;
}): string =>
  `onnxruntime ${versions['onnxruntime'] ?? ''} in ${precisionText(device)} on ${device.provider}` +
  (device.name === undefined ? '' : `, ${device.name}`);

/** Processor, device, precision and versions of a run, on one line. */
export const circumstances = ({
  device,
  versions,
}: {
  readonly device: Pick<RunDevice, 'provider' | 'engine' | 'precision' | 'deviation' | 'processor'>;
  readonly versions: Readonly<Record<string, string>>;
}): string =>
  `${device.processor}, ${deviceName(device)}, ${precisionText(device)}; ` +
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');

/** Size of an environment with PyTorch 2.15 from PyPI for Python 3.11 on x86-64; elsewhere it was not tried. */
export const ENVIRONMENT_SIZE =
  'on Linux, with CUDA for cards, about 3 GB to download and 6 GB on disk; less elsewhere';

const BYTES: Readonly<Record<TorchPrecision, number>> = { bfloat16: 2, float16: 2, float32: 4 };

const billions = (bytes: number, precision: TorchPrecision): string =>
  `${(bytes / BYTES[precision] / 1e9).toFixed(1)} billion`;

/** The PyTorch of a Python in words: its versions, and how large a model each card holds. */
export const torchFacts = ({
  versions,
  cards,
  bfloat16,
}: TorchFound): readonly { readonly key: string; readonly term: string; readonly value: string }[] => [
  {
    key: 'versions',
    term: 'Versions',
    value:
      `PyTorch ${versions['torch'] ?? ''}, transformers ${versions['transformers'] ?? ''}, ` +
      `Python ${versions['python'] ?? ''}`,
  },
  { key: 'processor', term: 'cpu', value: bfloat16 ? 'has units for bfloat16' : 'imitates bfloat16: slow' },
  ...(cards.length === 0
    ? [{ key: 'cards', term: 'Cards', value: 'none that PyTorch finds' }]
    : cards.map(({ name, totalBytes, freeBytes }, index) => ({
        key: `cuda:${index}`,
        term: `cuda:${index}`,
        value:
          `${name}, ${(freeBytes / 1e9).toFixed(1)} of ${(totalBytes / 1e9).toFixed(1)} GB free: weights of at most ` +
          `${billions(freeBytes, 'bfloat16')} parameters in bfloat16, ${billions(freeBytes, 'float32')} in float32`,
      }))),
];
