import { expect } from 'vitest';
import { z } from 'zod';
import { aboveThreshold } from '../../../main/pruning/methods/tsep.ts';
import { float64, tensor } from './vector-file.ts';

const file = z.object({
  expected: z.object({
    cases: z.array(
      z.object({
        threshold_beta: z.number(),
        minimum_num_experts: z.number(),
        steps: z.array(
          z.object({
            usage_frequency: z.record(z.string(), tensor),
            prune_to_minimum: z.boolean(),
            alive_after: z.record(z.string(), z.array(z.number())),
          }),
        ),
      }),
    ),
  }),
});

/** Usage of the remaining experts -> experts that remain after a window, window by window. */
export const tsepThresholdVectors = (json: unknown): void => {
  for (const { threshold_beta: beta, minimum_num_experts: minimum, steps } of file.parse(json).expected.cases) {
    const alive = new Map<string, number[]>();
    steps.forEach(({ usage_frequency, prune_to_minimum: toMinimum, alive_after }, step) => {
      for (const [layer, usage] of Object.entries(usage_frequency)) {
        const before = alive.get(layer) ?? usage.data.map((_, expert) => expert);
        const after = aboveThreshold(float64(usage), before, { beta, minimum, toMinimum });
        alive.set(layer, after);
        expect(after, `beta ${beta}, step ${step}, ${layer}`).toEqual([...alive_after[layer]!].sort((a, b) => a - b));
      }
    });
  }
};
