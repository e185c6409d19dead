import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { exportPlan } from '../../../main/export/export-plan.ts';
import { LOGIT_TOLERANCE, verifyExport } from '../../../main/export/verify-export.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { changeableCopy, editTensors } from '../checkpoint/checkpoint-files.ts';
import { exportRequest } from './export-settings.ts';

const bundled = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../../resources/models/switch-32');
/** Bytes per number in the bundled models, and numbers per row of `down_proj` [hidden, width]. */
const [BYTES, WIDTH] = [2, 96];

/** Layers 0 and 2 have experts, of which eight stay. */
const keepEight = (): { kept: number[][] } => {
  const random = seededRandom(8);
  const all = Array.from({ length: 32 }, (_, expert) => expert);
  return {
    kept: [0, 1].map(() =>
      random
        .shuffle(all)
        .slice(0, 8)
        .sort((a, b) => a - b),
    ),
  };
};

it('accepts the noise of float32, and detects two swapped rows of one expert', async () => {
  const request = await exportRequest(bundled, keepEight());
  // Masked and cut models sum in other orders: a bound of 1e-5 on logits below 1 refused this export.
  const { folder, verification } = await exportPlan(request);
  expect(verification).toMatchObject({ ok: true, sameTensors: true, sameExperts: true });
  expect(verification.maxLogitDifference).toBeGreaterThan(0);

  const differences: number[] = [];
  for (const layer of [0, 2]) {
    for (const expert of [0, 3]) {
      const copy = await changeableCopy(folder);
      await editTensors(path.join(copy, 'model.safetensors'), (tensors) => {
        const tensor = tensors.get(`model.layers.${String(layer)}.mlp.experts.${String(expert)}.down_proj.weight`);
        if (tensor === undefined) throw new Error('no such tensor');
        const [row, bytes] = [WIDTH * BYTES, tensor.bytes];
        const first = bytes.slice(0, row);
        bytes.copyWithin(0, row, 2 * row);
        bytes.set(first, row);
      });
      const { ok, maxLogitDifference } = await verifyExport({ ...request, exported: copy });
      expect(ok).toBe(false);
      differences.push(maxLogitDifference);
    }
  }
  expect(Math.min(...differences)).toBeGreaterThan(1000 * LOGIT_TOLERANCE);
});
