import { expect } from 'vitest';
import { z } from 'zod';
import { accumulateResidual } from '../../../main/profile/accumulate-outputs.ts';
import { emptyRoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { keepByCounts } from '../../../main/pruning/budget.ts';
import { easyEpSaliency } from '../../../main/pruning/saliency.ts';
import { expectClose, float64, tensor } from './vector-file.ts';

const rows = z.array(z.array(z.number()));
const sample = z.object({
  /** [layers][tokens][K]. */
  idxs: z.array(rows),
  weights: z.array(rows),
  norms: z.array(rows),
  /** [layers][1][tokens]. */
  simibr: z.array(rows),
});
const file = z.object({
  params: z.object({ layers: z.number(), experts: z.number(), top_k: z.number(), target_number: z.number() }),
  inputs: z.object({ samples: z.array(sample) }),
  expected: z.object({ scores_first_40: tensor, kept_per_layer: z.array(z.array(z.number())) }),
  tolerance: z.object({ rtol: z.number(), atol: z.number().default(1e-6) }),
});

/** Chosen experts, weights, norms and residual cosines of samples -> scores -> kept experts. */
export const easyEpVectors = (json: unknown): void => {
  const { params, inputs, expected, tolerance } = file.parse(json);
  const { layers, experts, top_k: topK } = params;
  const statistics = {
    ...emptyRoutingStatistics(layers, experts, topK),
    residualSum: new Float64Array(layers * experts),
  };
  for (const { idxs, weights, norms, simibr } of inputs.samples) {
    for (let layer = 0; layer < layers; layer++) {
      accumulateResidual(statistics, layer, {
        experts: Int32Array.from(idxs[layer]!.flat()),
        weights: weights[layer]!.flat(),
        norms: norms[layer]!.flat(),
        cosines: simibr[layer]!.flat(),
      });
    }
  }
  const scores = Array.from({ length: layers }, (_, layer) => easyEpSaliency(statistics, layer));
  const first = expected.scores_first_40.shape[1] ?? 0;
  scores.forEach((ours, layer) => {
    const theirs = float64(expected.scores_first_40).slice(layer * first, (layer + 1) * first);
    expectClose(ours.slice(0, first), theirs, tolerance, `scores of layer ${layer}`);
  });
  const kept = keepByCounts(
    scores,
    scores.map(() => params.target_number),
    [],
  );
  expect(kept).toEqual(expected.kept_per_layer.map((layer) => [...layer].sort((a, b) => a - b)));
};
