import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import {
  deviceNamed,
  type ProviderName,
  type ProviderProbe,
  runtimeDevices,
  torchPrecision,
  whyNoDevice,
} from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import { defaultMemoryBudgetBytes, physicalCores } from '../engine/machine.ts';
import { isSystemError } from '../files/file-errors.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import type { Overlays } from '../inference/overlays.ts';
import { forkProbe } from '../inference/providers/fork-probe.ts';
import { createProvidersHere } from '../inference/providers/providers-here.ts';
import { type Computing, createModelPool } from '../jobs/source-gate.ts';
import { createStepStore } from '../workspace/step-store.ts';
import { type OptionReader, valueOption, type VerbHost, type VerbOption } from './verb.ts';
import { installRecovery, type PlanOnDisk } from './files.ts';

export const MACHINE_OPTIONS = {
  threads: valueOption('N', 'Threads of the runtime (default: physical cores).'),
  memory: valueOption('GB', 'Memory that weights may take, in gigabytes (default: 60 % of what this process may use).'),
} as const satisfies Readonly<Record<string, VerbOption>>;

const BYTES_PER_GIGABYTE = 1e9;

/** More threads than this, or than four per processor, only wait for each other, and may exceed the system's limit. */
const MOST_THREADS = 64;

const threadsOf = (reader: OptionReader): number => {
  const threads = reader.whole('threads', 1) ?? physicalCores();
  const most = Math.max(MOST_THREADS, 4 * availableParallelism());
  if (threads <= most) return threads;
  throw refuse(
    'bad-value',
    `--threads ${String(threads)} is more than this machine can use.`,
    `Give a number up to ${String(most)}.`,
  );
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

const providersHere = createProvidersHere(forkProbe);

/**
 * The requested device, for a verb without an engine, and what its probe found; null for the processor.
 *
 * @throws WorkbenchError where its probe fails.
 */
export const probedDevice = async (
  reader: OptionReader,
): Promise<{ readonly provider: ProviderName; readonly probe: ProviderProbe | null }> => {
  const provider = readDevice(reader);
  return { provider, probe: provider === 'cpu' ? null : await providersHere.require(provider) };
};

/**
 * A new folder for temporary files, whose name begins so.
 *
 * @throws WorkbenchError refused: `no-temporary-folder`.
 */
export const makeTemporaryFolder = (name: string): Promise<string> =>
  mkdtemp(join(tmpdir(), name)).catch((error: unknown) => {
    if (!isSystemError(error)) throw error;
    throw refuse(
      'no-temporary-folder',
      `No folder can be made in ${tmpdir()}, the folder for temporary files (${error.code}).`,
      'Set TMPDIR to a folder that you may write to.',
      error,
    );
  });

/** Work of a verb with a model. */
interface VerbWork<T> {
  /** Plan that the model runs under; its refitted weights and constants are loaded too. */
  readonly plan?: PlanOnDisk | null;
  readonly compute: (computing: Computing) => Promise<T>;
  /** Stores the result once it is known that the model did not change meanwhile. */
  readonly keep?: (made: T, overlays: Overlays) => Promise<void>;
  /** Default: the device that `--device` names. */
  readonly provider?: ProviderName;
  /** Opens the model with an engine other than onnxruntime. */
  readonly open?: Parameters<typeof createModelPool>[1];
}

/**
 * Computes for one verb through a model pool and releases everything afterwards: sessions, and the folder of merged and
 * refitted weights.
 */
export const computeWith = async <T>(
  checkpoint: Checkpoint,
  reader: OptionReader,
  { say, environment, signal, progress }: Pick<VerbHost, 'say' | 'environment' | 'signal' | 'progress'>,
  { plan = null, compute, keep = () => Promise.resolve(), provider, open }: VerbWork<T>,
): Promise<T> => {
  const folder = await makeTemporaryFolder('uncurl-overlay-');
  try {
    const steps = createStepStore({ steps: folder, overlays: folder, temporary: folder });
    if (plan !== null) await installRecovery(plan, steps.overlays, environment);
    const settings = { ...machineSettings(reader), scratchFolder: folder };
    const pool =
      open === undefined
        ? createModelPool({ ...settings, provider: provider ?? (await probedDevice(reader)).provider })
        : createModelPool(settings, open);
    try {
      const made = await pool.compute({ sources: [checkpoint], steps, say, signal, describe: progress }, compute);
      await keep(made, steps.overlays);
      return made;
    } finally {
      await pool.dispose();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Computes with the runner of the model. */
export const withRunner = async <T>(
  checkpoint: Checkpoint,
  reader: OptionReader,
  host: Pick<VerbHost, 'say' | 'environment' | 'signal' | 'progress'>,
  { compute, ...work }: Omit<VerbWork<T>, 'compute'> & { readonly compute: (runner: ModelRunner) => Promise<T> },
): Promise<T> => {
  if (!checkpoint.info.supported) {
    throw refuse(
      'model-unsupported',
      `${checkpoint.folder} cannot run here: ${checkpoint.info.reasons.join(' ')}`,
      'Choose another model.',
    );
  }
  return computeWith(checkpoint, reader, host, {
    ...work,
    compute: async ({ runners }) => compute(await runners.open(checkpoint)),
  });
};
