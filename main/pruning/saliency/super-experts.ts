import type { Pin } from '../../contract/plan.ts';

/** An expert is super above this quantile of all experts, and above this share of the largest. */
const QUANTILE = 0.995;
const SHARE_OF_LARGEST = 0.1;
/** Only layers in this first part of the model count, unless outliers in all layers are requested. */
const EARLY_PART = 0.75;

/**
 * Super experts, as pins that keep them: experts whose largest output exceeds both the 99.5 % quantile over all layers
 * (linear interpolation) and a tenth of the global maximum. Dropping one breaks generation. `maxActivations` is [L][E].
 * Pins apply to every method; in published code the protection does not cover frequency pruning. Source: Su et al.
 * 2025, arXiv 2507.23279; thresholds as in the CerebrasResearch/reap repository.
 */
export const superExpertPins = (maxActivations: readonly Float64Array[], layers: 'early' | 'all'): Pin[] => {
  const all = Float64Array.from(maxActivations.flatMap((layer) => [...layer])).sort();
  if (all.length === 0) return [];
  const position = QUANTILE * (all.length - 1);
  const below = all[Math.floor(position)]!;
  const above = all[Math.ceil(position)]!;
  const quantile = below + (position - Math.floor(position)) * (above - below);
  const threshold = Math.max(quantile, all[all.length - 1]! * SHARE_OF_LARGEST);
  const considered = layers === 'all' ? maxActivations.length : Math.floor(EARLY_PART * maxActivations.length);
  return maxActivations
    .slice(0, considered)
    .flatMap((activations, layer) =>
      [...activations.keys()]
        .filter((expert) => activations[expert]! > threshold)
        .map((expert) => ({ layer, expert, keep: true })),
    );
};
