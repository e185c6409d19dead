import { expect } from 'vitest';
import type { Checkpoint } from '../../main/checkpoint/open-checkpoint.ts';
import type { DropPlan } from '../../main/contract/plan.ts';
import { openModelRunner } from '../open-model-runner.ts';

const control = { signal: new AbortController().signal };

/** Logits of the masked original, [sequence][position][token]. */
export const maskedLogits = async (
  checkpoint: Checkpoint,
  plan: DropPlan,
  tokens: readonly (readonly number[])[],
  overlayFolder: string,
): Promise<readonly (readonly Float32Array[])[]> => {
  const runner = await openModelRunner(checkpoint, {
    threads: 1,
    memoryBudgetBytes: Number.MAX_SAFE_INTEGER,
    overlayFolder,
  });
  const results = await runner.forward(tokens, plan, control);
  await runner.dispose();
  const { vocabulary } = checkpoint.descriptor;
  return results.map(({ logits }, index) =>
    (tokens[index] ?? []).map((_, position) => logits.subarray(position * vocabulary, (position + 1) * vocabulary)),
  );
};

/** Log-probabilities of one position from its logits, in float64. */
export const logProbabilities = (row: Float32Array): number[] => {
  const most = Math.max(...row);
  const sum = most + Math.log(row.reduce((total, value) => total + Math.exp(value - most), 0));
  return Array.from(row, (value) => value - sum);
};

/** Largest |difference| of log-probabilities; both lists are [sequence][position][token]. */
export const deviation = (
  logits: readonly (readonly Float32Array[])[],
  found: readonly (readonly (readonly number[])[])[],
): number => {
  let largest = 0;
  logits.forEach((positions, sequence) => {
    expect(found[sequence]?.length).toBe(positions.length);
    positions.forEach((row, position) => {
      const theirs = found[sequence]?.[position] ?? [];
      expect(theirs.length).toBe(row.length);
      logProbabilities(row).forEach((value, token) => {
        largest = Math.max(largest, Math.abs(value - (theirs[token] ?? NaN)));
      });
    });
  });
  return largest;
};
