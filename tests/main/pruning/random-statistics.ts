import { atOnce } from '../arithmetic/at-once.ts';
import { accumulateOutputs, accumulateResidual } from '../../../main/profile/accumulate-outputs.ts';
import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { randomTaps, renameExperts, type Sizes } from './random-taps.ts';

/** H of the random outputs. */
export const HIDDEN = 5;

/**
 * Every statistic of a profile, from random tokens: routing, outputs of every expert, residuals, peaks and an
 * elimination. `names`: the same model with expert e called `names[e]`. `order`: the same tokens in another order.
 */
export const fullStatistics = (
  sizes: Sizes,
  seed: number,
  { names, order }: { readonly names?: readonly number[]; readonly order?: readonly number[] } = {},
): RoutingStatistics => {
  const { layers, experts, topK, tokens } = sizes;
  const rename = names ?? Array.from({ length: experts }, (_, expert) => expert);
  const tokenOrder = order ?? Array.from({ length: tokens }, (_, token) => token);
  const random = seededRandom(seed + 1);
  const elimination = {
    kept: square(layers, experts),
    loss: matrix(layers, experts),
    single: matrix(layers, experts),
    exhaustive: matrix(layers, experts),
  };
  const statistics: RoutingStatistics = {
    ...emptyRoutingStatistics(layers, experts, topK),
    tokens,
    items: 1,
    peakOutputs: matrix(layers, experts),
    residualSum: matrix(layers, experts),
    outputs: {
      hidden: HIDDEN,
      routedSum: new Float64Array(layers * experts * HIDDEN),
      everywhere: { sum: new Float64Array(layers * experts * HIDDEN), cosineSum: square(layers, experts) },
    },
    elimination,
  };
  randomTaps(sizes, seed).forEach((drawn, layer) => {
    const peaks = Float32Array.from(drawn.norms, (norm) => norm * (0.5 + random.float() / 2));
    const cosines = Float64Array.from({ length: tokens }, () => random.float());
    const outputs = Float32Array.from({ length: experts * tokens * HIDDEN }, () => 2 * random.float() - 1);
    const eliminated = random.shuffle(Array.from({ length: experts }, (_, expert) => expert));
    const renamed = renameExperts(drawn, rename);
    const pick = <T extends Float32Array | Int32Array>(values: T, width: number): number[] =>
      tokenOrder.flatMap((token) => Array.from(values.subarray(token * width, (token + 1) * width)));
    const chosen = {
      experts: Int32Array.from(pick(renamed.experts, topK)),
      weights: Float32Array.from(pick(renamed.weights, topK)),
      norms: Float32Array.from(pick(renamed.norms, topK)),
    };
    accumulateRouting(statistics, layer, {
      ...chosen,
      logits: Float32Array.from(pick(renamed.logits, experts)),
      peaks: Float32Array.from(pick(peaks, topK)),
    });
    accumulateResidual(statistics, layer, { ...chosen, cosines: tokenOrder.map((token) => cosines[token]!) });
    const named = new Float32Array(outputs.length);
    rename.forEach((name, expert) => {
      tokenOrder.forEach((token, at) => {
        named.set(
          outputs.subarray((expert * tokens + token) * HIDDEN, (expert * tokens + token + 1) * HIDDEN),
          (name * tokens + at) * HIDDEN,
        );
      });
    });
    atOnce(accumulateOutputs(statistics, layer, { outputs: named, experts: chosen.experts }));
    for (let keep = 1; keep <= experts; keep++) {
      for (const expert of eliminated.slice(0, keep))
        elimination.kept[(layer * experts + keep - 1) * experts + rename[expert]!] = 1;
    }
    eliminated.forEach(
      (expert, rank) => (elimination.single[layer * experts + rename[expert]!] = 1 / (1 + rank + layer)),
    );
  });
  return statistics;
};

const matrix = (layers: number, experts: number): Float64Array => new Float64Array(layers * experts);
const square = (layers: number, experts: number): Float64Array => new Float64Array(layers * experts * experts);
