import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { rankExperts } from '../../../main/pruning/budget.ts';
import { float32, type Tensor } from './vector-file.ts';

/** Statistics of one layer from router logits [T, E] alone: chosen by the K largest, weights and norms 0. */
export const statisticsFromLogits = (routerLogits: Tensor, topK: number): RoutingStatistics => {
  const [tokens = 0, experts = 0] = routerLogits.shape;
  const logits = float32(routerLogits);
  const statistics = emptyRoutingStatistics(1, experts, topK);
  const chosen = Array.from({ length: tokens }, (_, token) =>
    rankExperts(Float64Array.from(logits.subarray(token * experts, (token + 1) * experts))).slice(0, topK),
  );
  accumulateRouting(statistics, 0, {
    logits,
    experts: Int32Array.from(chosen.flat()),
    weights: new Float32Array(tokens * topK),
    norms: new Float32Array(tokens * topK),
  });
  statistics.tokens = tokens;
  return statistics;
};
