import { readFileSync } from 'node:fs';
import type { Numerics } from '../jobs/job-context.ts';
import { availableParallelism, cpus, totalmem } from 'node:os';
import packageFile from '../../package.json' with { type: 'json' };
import {
  namesOfDevice,
  type ProviderName,
  type ProviderProbe,
  type RunDevice,
  type TorchPrecision,
} from '../contract/device.ts';
import { fileErrorCode } from '../files/file-errors.ts';
import { NUMERICS_VERSION } from '../jobs/step.ts';
import type { ComputedBy } from '../torch/torch-model.ts';

/** Share of the memory that weights may take where the user sets no budget. */
export const MEMORY_SHARE = 0.6;

/** Memory that this process may use: the machine's, or the limit of its container or cluster job. */
export const machineMemoryBytes = (): number => {
  // 0 where the system does not report a limit.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(totalmem(), limit) : totalmem();
};

export const defaultMemoryBudgetBytes = (): number => Math.floor(machineMemoryBytes() * MEMORY_SHARE);

/** Physical cores (of /proc/cpuinfo on Linux), at most as many as this process may use. */
export const physicalCores = (): number => {
  let text = '';
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch (error) {
    if (fileErrorCode(error) === null) throw error;
  }
  const cores = new Set<string>();
  for (const processor of text.split('\n\n')) {
    const field = (name: string): string | undefined => new RegExp(`^${name}\\s*:\\s*(\\d+)`, 'm').exec(processor)?.[1];
    const core = field('core id');
    if (core !== undefined) cores.add(`${field('physical id') ?? '0'} ${core}`);
  }
  const usable = availableParallelism();
  return cores.size === 0 ? usable : Math.max(1, Math.min(cores.size, usable));
};

export const engineVersion: string = packageFile.version;

/** Versions of everything that numbers depend on. */
export const engineVersions = async (): Promise<Readonly<Record<string, string>>> => {
  const { env } = await import('onnxruntime-node');
  return {
    uncurl: engineVersion,
    numerics: String(NUMERICS_VERSION),
    onnxruntime: env.versions.node ?? env.versions.common,
    node: process.versions.node,
  };
};

/** The device as manifests record it; with the result of its probe for all but the CPU. */
export const deviceOf = (
  threads: number,
  provider: ProviderName = 'cpu',
  probe: ProviderProbe | null = null,
): RunDevice => {
  const { measurement, shareOnCpu } = probe ?? { measurement: null, shareOnCpu: null };
  return {
    ...namesOfDevice(provider),
    threads,
    processor: `${cpus()[0]?.model ?? 'unknown'} (${process.platform} ${process.arch})`,
    ...(measurement === null || measurement.deviceName === null ? {} : { name: measurement.deviceName }),
    ...(shareOnCpu === null ? {} : { shareOnCpu }),
    ...(measurement === null || measurement.deviation === null ? {} : { deviation: measurement.deviation }),
  };
};

/** PyTorch as manifests record it. */
export const torchDeviceOf = (
  { device, card }: ComputedBy,
  {
    python,
    precision,
    threads,
  }: { readonly python: string; readonly precision: TorchPrecision; readonly threads: number },
): RunDevice => ({
  ...deviceOf(threads),
  provider: device,
  precision,
  ...(card === null ? {} : { name: card }),
  engine: { name: 'torch', python },
});

/**
 * Versions of the engine torch that change numbers; `worker`: ARITHMETIC in resources/torch/worker.py, `environment`:
 * a hash of Python and all installed packages.
 */
export const TORCH_VERSIONS = ['torch', 'transformers', 'cuda', 'worker', 'environment'];

/** PyTorch as the keys of steps name it: two cards of one kind round alike. */
export const torchNumericsOf = ({ card, versions }: ComputedBy, precision: TorchPrecision): Numerics => ({
  version: NUMERICS_VERSION,
  runtime: TORCH_VERSIONS.flatMap((name) => (versions[name] === undefined ? [] : [`${name} ${versions[name]}`])).join(
    ', ',
  ),
  provider: card ?? 'cpu',
  precision,
});

export const numericsOf = (versions: Readonly<Record<string, string>>, provider: ProviderName = 'cpu'): Numerics => ({
  version: NUMERICS_VERSION,
  runtime: `onnxruntime ${versions['onnxruntime'] ?? 'unknown'}`,
  ...namesOfDevice(provider),
});
