import { join } from 'node:path';
import type { TorchPrecision } from '../contract/device.ts';
import { checkPython } from '../finetune/find-python.ts';
import type { TorchOrder, WorkerOrder } from './worker-link.ts';

/** transformers is the oldest version tried; older versions of PyTorch lack number formats that the worker names. */
const LEAST = { python: [3, 10], torch: [2, 7], transformers: [5, 24] } as const;

/** PyTorch as the user chooses it. */
export interface TorchChoice {
  /** Path of a Python. */
  readonly python: string;
  /** As `torchDevice` describes it. */
  readonly device: string;
  /** Null: by the checkpoint and the device. */
  readonly precision: TorchPrecision | null;
}

/** A process of a choice, whose Python was looked at before. `resources`: the workbench's folder of that name. */
export const workerOrder = (
  { python, device }: Pick<TorchChoice, 'python' | 'device'>,
  { resources, threads }: { readonly resources: string; readonly threads: number },
): WorkerOrder => ({ python, script: join(resources, 'torch', 'worker.py'), device, threads });

/**
 * The same after a look at the Python; `environment`: the hash of its packages.
 *
 * @throws WorkbenchError refused, with what is wrong with it.
 */
export const torchOrder = async (
  { precision, ...choice }: TorchChoice,
  machine: Parameters<typeof workerOrder>[1],
): Promise<TorchOrder & { readonly environment: string }> => {
  const { path, versions } = await checkPython(choice.python, machine.resources, LEAST);
  return {
    ...workerOrder({ ...choice, python: path }, machine),
    precision,
    environment: versions['environment'] ?? '',
  };
};
