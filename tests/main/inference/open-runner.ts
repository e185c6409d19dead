import { onTestFinished } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import type { ForwardResult, ModelRunner, RunControl } from '../../../main/inference/model-runner.ts';
import { openModelRunner, type RunnerSettings } from '../../open-model-runner.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

export const uncancelled: RunControl = { signal: new AbortController().signal };

/** A runner over a model folder that is disposed when the test ends. */
export const openRunner = async (folder: string, tuning: Partial<RunnerSettings> = {}): Promise<ModelRunner> => {
  const settings = {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder: await temporaryFolder(),
    ...tuning,
  };
  const runner = await openModelRunner(await openCheckpoint(folder), settings);
  onTestFinished(() => runner.dispose());
  return runner;
};

/** Largest |a - b| / max(1, |a|) over the logits of all sequences. */
export const logitDifference = (ours: readonly ForwardResult[], theirs: readonly ForwardResult[]): number =>
  Math.max(...ours.map(({ logits }, sequence) => numberDifference([...logits], [...(theirs[sequence]?.logits ?? [])])));

/** Largest |a - b| / max(1, |a|); NaN where the lists differ in length. */
export const numberDifference = (ours: readonly number[], theirs: readonly number[]): number =>
  ours.length === theirs.length
    ? ours.reduce((largest, a, index) => Math.max(largest, Math.abs(a - theirs[index]!) / Math.max(1, Math.abs(a))), 0)
    : NaN;
