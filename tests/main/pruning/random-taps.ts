import { accumulateRouting } from '../../../main/profile/accumulate-routing.ts';
import {
  emptyRoutingStatistics,
  type RoutingStatistics,
  type RoutingTaps,
} from '../../../main/profile/routing-statistics.ts';
import { rankExperts } from '../../../main/pruning/budget.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

export interface Sizes {
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  readonly tokens: number;
}

/** Taps of every layer as from a softmax router without renormalisation, from a seed. */
export const randomTaps = ({ layers, experts, topK, tokens }: Sizes, seed: number): RoutingTaps[] => {
  const random = seededRandom(seed);
  return Array.from({ length: layers }, () => {
    const logits = Float32Array.from({ length: tokens * experts }, () => 4 * random.float() - 2 * random.float());
    const chosen: number[] = [];
    const weights: number[] = [];
    for (let token = 0; token < tokens; token++) {
      const row = Float64Array.from(logits.subarray(token * experts, (token + 1) * experts));
      const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
      for (const expert of rankExperts(row).slice(0, topK)) {
        chosen.push(expert);
        weights.push(Math.exp(row[expert]!) / total);
      }
    }
    return {
      logits,
      experts: Int32Array.from(chosen),
      weights: Float32Array.from(weights),
      norms: Float32Array.from(chosen, () => 0.5 + random.float()),
    };
  });
};

/** The same tokens in another order: row `order[i]` of the taps becomes row i. */
export const reorderTokens = (taps: RoutingTaps, order: readonly number[], { experts, topK }: Sizes): RoutingTaps => {
  const rows = (values: ArrayLike<number>, width: number): number[] =>
    order.flatMap((token) => Array.from({ length: width }, (_, at) => values[token * width + at]!));
  return {
    logits: Float32Array.from(rows(taps.logits, experts)),
    experts: Int32Array.from(rows(taps.experts, topK)),
    weights: Float32Array.from(rows(taps.weights, topK)),
    norms: Float32Array.from(rows(taps.norms, topK)),
  };
};

/** The same model with its experts renamed: expert e becomes `names[e]`. */
export const renameExperts = (taps: RoutingTaps, names: readonly number[]): RoutingTaps => {
  const experts = names.length;
  const logits = new Float32Array(taps.logits.length);
  taps.logits.forEach((logit, at) => {
    logits[Math.floor(at / experts) * experts + names[at % experts]!] = logit;
  });
  return { ...taps, logits, experts: taps.experts.map((expert) => names[expert]!) };
};

export const statisticsOf = (layers: readonly RoutingTaps[], { experts, topK }: Sizes): RoutingStatistics => {
  const statistics = emptyRoutingStatistics(layers.length, experts, topK);
  layers.forEach((taps, layer) => accumulateRouting(statistics, layer, taps));
  statistics.tokens = layers[0]!.logits.length / experts;
  statistics.items = 1;
  return statistics;
};
