import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { providerName, type ProviderName } from '../contract/device.ts';
import { refuse } from '../contract/errors.ts';
import { defaultMemoryBudgetBytes, physicalCores } from '../engine/machine.ts';
import { isSystemError } from '../files/file-errors.ts';
import type { ModelRunner } from '../inference/model-runner.ts';
import { openModelRunner } from '../inference/open-model-runner.ts';
import { forkProbe } from '../inference/providers/fork-probe.ts';
import { createProvidersHere } from '../inference/providers/providers-here.ts';
import type { OptionReader } from './option-values.ts';
import type { VerbOption } from './verb.ts';

export const MACHINE_OPTIONS: Readonly<Record<string, VerbOption>> = {
  threads: { type: 'string', value: 'N', help: 'Threads of the runtime (default: physical cores).' },
  memory: {
    type: 'string',
    value: 'GB',
    help: 'Memory that weights may take, in gigabytes (default: 60 % of what this process may use).',
  },
};

const BYTES_PER_GIGABYTE = 1e9;

/**
 * More threads than this, or than four to a processor, only wait for each other, and may be more than a system starts.
 */
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
  device: {
    type: 'string',
    value: 'NAME',
    help: `What computes: ${providerName.options.join(', ')} (default cpu); another than cpu is probed first.`,
  },
};

/** The device that was asked for, untried: an engine probes it when it starts. */
export const readDevice = (reader: OptionReader): ProviderName =>
  reader.choice('device', providerName.options) ?? 'cpu';

/** The device that was asked for, for a verb without an engine; one whose probe fails is refused. */
export const probedDevice = async (reader: OptionReader): Promise<ProviderName> => {
  const provider = readDevice(reader);
  if (provider !== 'cpu') await createProvidersHere(forkProbe).require(provider);
  return provider;
};

/**
 * Opens a model for one verb, lets it `use` it, and gives everything back: sessions, and the folder of merged and
 * refitted weights, which `prepare` may fill before.
 */
export const withRunner = async <T>(
  checkpoint: Checkpoint,
  reader: OptionReader,
  use: (runner: ModelRunner, overlayFolder: string) => Promise<T>,
  prepare: (overlayFolder: string) => Promise<void> = () => Promise.resolve(),
): Promise<T> => {
  if (!checkpoint.info.supported) {
    throw refuse(
      'model-unsupported',
      `${checkpoint.folder} cannot run here: ${checkpoint.info.reasons.join(' ')}`,
      'Choose another model.',
    );
  }
  const overlayFolder = await mkdtemp(join(tmpdir(), 'uncurl-overlay-')).catch((error: unknown) => {
    if (!isSystemError(error)) throw error;
    throw refuse(
      'no-temporary-folder',
      `No folder can be made in ${tmpdir()}, where temporary files belong (${error.code}).`,
      'Set TMPDIR to a folder that you may write to.',
      error,
    );
  });
  try {
    await prepare(overlayFolder);
    const provider = await probedDevice(reader);
    const runner = await openModelRunner(checkpoint, { ...machineSettings(reader), provider, overlayFolder });
    try {
      return await use(runner, overlayFolder);
    } finally {
      await runner.dispose();
    }
  } finally {
    await rm(overlayFolder, { recursive: true, force: true });
  }
};
