import { availableParallelism } from 'node:os';
import { deviceNamed, type ProviderName, runtimeDevices, torchPrecision, whyNoDevice } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import { defaultMemoryBudgetBytes, physicalCores } from '../engine/machine.ts';
import { type OptionReader, valueOption, type VerbOption } from './verb.ts';

export const MACHINE_OPTIONS = {
  threads: valueOption('N', 'Threads of the runtime (default: physical cores).'),
  memory: valueOption('GB', 'Memory that weights may take, in gigabytes (default: 60 % of what this process may use).'),
} as const satisfies Readonly<Record<string, VerbOption>>;

/** The memory that weights may take, for a verb whose `--memory` is that of another machine. */
export const WORKING_MEMORY = valueOption(
  'GB',
  'What --memory is for other verbs: the memory that this engine may use.',
);

const BYTES_PER_GIGABYTE = 1e9;

/** More threads than this, or than four per processor, only wait for each other, and may exceed the system's limit. */
const MOST_THREADS = 64;

const threadsOf = (reader: OptionReader): number => {
  const threads = reader.whole('threads', 1) ?? physicalCores();
  const most = Math.max(MOST_THREADS, 4 * availableParallelism());
  if (threads <= most) return threads;
  throw refuse('bad-value', `--threads ${threads} is more than this machine can use.`, `Give a number up to ${most}.`);
};

export const machineSettings = (
  reader: OptionReader,
): { readonly threads: number; readonly memoryBudgetBytes: number } => {
  const gigabytes = reader.real('memory', 0.001);
  return {
    threads: threadsOf(reader),
    memoryBudgetBytes: gigabytes === undefined ? defaultMemoryBudgetBytes() : gigabytes * BYTES_PER_GIGABYTE,
  };
};

export const DEVICE_OPTION: Readonly<Record<string, VerbOption>> = {
  device: valueOption(
    'NAME',
    `Device that computes: ${runtimeDevices.join(', ')} (default cpu); any other device is probed first.`,
  ),
  precision: valueOption(
    'NAME',
    'Number format of weights and products: float32 (default), or float16 with --device webgpu.',
  ),
};

/** Options of verbs that compute with onnxruntime. */
export const HERE_OPTIONS: Readonly<Record<string, VerbOption>> = { ...MACHINE_OPTIONS, ...DEVICE_OPTION };

/**
 * The requested device, unchecked: an engine probes it when it starts.
 *
 * @throws WorkbenchError refused: `bad-value`; `no-such-device` where the device has no such precision.
 */
export const readDevice = (reader: OptionReader): ProviderName => {
  const provider = reader.choice('device', runtimeDevices) ?? 'cpu';
  const named = { provider, precision: reader.choice('precision', torchPrecision.options) ?? 'float32' };
  const device = deviceNamed(named);
  if (device !== null) return device;
  throw refuse(
    'no-such-device',
    `--device ${provider} does not compute in ${named.precision}. ${whyNoDevice(named)}`,
    'Use --precision float32, or --device webgpu --precision float16; PyTorch (--engine torch) has all precisions.',
  );
};
