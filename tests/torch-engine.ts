import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Checkpoint } from '../main/checkpoint/open-checkpoint.ts';
import type { ModelRunner } from '../main/inference/model-runner.ts';
import { openTorchModel } from '../main/torch/open-torch-model.ts';
import { TorchWorkers } from '../main/torch/torch-model.ts';
import { openModelRunner, overlaysIn, type RunnerSettings } from './open-model-runner.ts';

/**
 * PyTorch in float32 on the processor, for a file of tests: one process for all of its models. With ENGINE=torch the
 * reference tests hold it against the same numbers as onnxruntime.
 */

const engine = process.env['ENGINE'] ?? 'onnxruntime';
if (engine !== 'onnxruntime' && engine !== 'torch') throw new Error(`ENGINE=${engine} is not onnxruntime or torch`);
export const isTorch = engine === 'torch';

const script = fileURLToPath(new URL('../resources/torch/worker.py', import.meta.url));
const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';

export const torchWorkers = new TorchWorkers({ python, script, device: 'cpu', threads: 1 }, { keepsOne: true });
afterAll(() => torchWorkers.dispose());

const BUDGET_BYTES = 1e11;

/** The same model, too large as a whole for the budget of `withTorchRunner`: its blocks take turns in memory. */
export const streamed = (checkpoint: Checkpoint): Checkpoint => {
  const { info } = checkpoint;
  const torch = { ...info.memory.torch, float32: 2 * BUDGET_BYTES, half: 2 * BUDGET_BYTES };
  return { ...checkpoint, info: { ...info, memory: { ...info.memory, torch } } };
};

/** Work with a runner of PyTorch; `scratch`: a folder for overlays. */
export const withTorchRunner = async <T>(
  checkpoint: Checkpoint,
  scratch: string,
  work: (runner: ModelRunner) => Promise<T>,
): Promise<T> => {
  const settings = { threads: 1, memoryBudgetBytes: BUDGET_BYTES, scratchFolder: scratch };
  const model = await openTorchModel(checkpoint, settings, torchWorkers, 'float32');
  try {
    return await work(model.runner(overlaysIn(scratch)));
  } finally {
    await model.dispose();
  }
};

/** A runner of PyTorch; the caller disposes of it. */
export const openTorchRunner = async (checkpoint: Checkpoint, overlayFolder: string): Promise<ModelRunner> => {
  const settings = { threads: 1, memoryBudgetBytes: Number.MAX_SAFE_INTEGER, scratchFolder: overlayFolder };
  return (await openTorchModel(checkpoint, settings, torchWorkers, 'float32')).runner(overlaysIn(overlayFolder));
};

/** A runner of the engine that ENGINE names; the caller disposes of it. */
export const openEngineRunner = (checkpoint: Checkpoint, settings: RunnerSettings): Promise<ModelRunner> =>
  isTorch ? openTorchRunner(checkpoint, settings.overlayFolder) : openModelRunner(checkpoint, settings);

/** Reference folders that the engine torch refuses, with the code. */
export const refusedByTorch: Readonly<Record<string, string>> = {
  kimi_k2: 'torch-architecture',
};

/** Folders on which transformers 5.24 gives other values from its cache than in one pass: no texts are written. */
export const unwrittenByTorch = ['granitemoehybrid-fused'];
