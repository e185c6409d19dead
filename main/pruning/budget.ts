import { at, refuse } from '../contract/errors.ts';
import type { Pin } from '../contract/plan.ts';
import type { ExpertGroupRule } from '../contract/model.ts';

/** Experts of one MoE layer that must stay and that must go. */
export interface LayerPins {
  readonly stay: ReadonlySet<number>;
  readonly go: ReadonlySet<number>;
}

export const NO_PINS: LayerPins = { stay: new Set(), go: new Set() };

/**
 * Pins of every MoE layer.
 *
 * @throws WorkbenchError `pin-invalid` where a pin names a layer or expert that does not exist, `pins-impossible` where
 * the same expert is pinned to stay and to go.
 */
export const pinsByLayer = (pins: readonly Pin[], layers: number, experts: number): readonly LayerPins[] => {
  const byLayer = Array.from({ length: layers }, () => ({ stay: new Set<number>(), go: new Set<number>() }));
  for (const { layer, expert, keep } of pins) {
    const pinned = byLayer[layer];
    if (pinned === undefined || expert >= experts) {
      throw refuse(
        'pin-invalid',
        `The pin ${layer}:${expert} names ${pinned === undefined ? `layer ${layer}` : `expert ${expert}`}, ` +
          `which the model does not have.`,
        `MoE layers are numbered 0 to ${layers - 1}, experts 0 to ${experts - 1}.`,
      );
    }
    (keep ? pinned.stay : pinned.go).add(expert);
    if (pinned.stay.has(expert) && pinned.go.has(expert)) {
      throw refuse(
        'pins-impossible',
        `Expert ${expert} of layer ${layer} is pinned to stay and to go.`,
        'Remove one of the two pins.',
      );
    }
  }
  return byLayer;
};

/** Experts of one layer by decreasing score; ties go to the lower index. */
export const rankExperts = (scores: Float64Array): number[] =>
  Array.from(scores.keys()).sort((a, b) => (scores[a] === scores[b] ? a - b : scores[b]! - scores[a]!));

/** Input of a budget: `scores[layer][expert]`, higher is better, and `keep` experts per layer on average. */
interface BudgetRequest {
  readonly scores: readonly Float64Array[];
  readonly keep: number;
  readonly topK: number;
  readonly pins: readonly Pin[];
}

/**
 * The `counts[layer]` best experts of every layer, pinned ones first; ascending, and ties go to the lower index. With
 * `groups`, as many of each group.
 *
 * @throws WorkbenchError `pins-impossible` where the pins of a layer cannot be met with its number of experts.
 */
export const keepByCounts = (
  scores: readonly Float64Array[],
  counts: readonly number[],
  pins: readonly Pin[],
  groups?: ExpertGroupRule,
): number[][] => {
  const pinned = pinsByLayer(pins, scores.length, at(scores, 0).length);
  return scores.map((layerScores, layer) => {
    const keep = counts[layer]!;
    if (groups !== undefined) return keepBestOfGroups(layerScores, keep, pinned[layer]!, layer, groups);
    checkLayerPins(pinned[layer]!, layer, layerScores.length, keep);
    return keepBest(layerScores, keep, pinned[layer]!);
  });
};

/**
 * Global budget: keep * L experts in all, those with the largest scores after dividing each layer's scores by their sum
 * (norms grow with depth, so raw scores cannot be compared across layers), at least max(1, top-k) per layer. Ties go to
 * the lower layer, then the lower index.
 *
 * @throws WorkbenchError `pins-impossible` where the pins leave fewer or need more than keep * L experts.
 */
export const globalBudget = ({ scores, keep, topK, pins }: BudgetRequest): number[][] => {
  const experts = at(scores, 0).length;
  const pinned = pinsByLayer(pins, scores.length, experts);
  const floor = Math.max(1, topK);
  const kept = scores.map((layerScores, layer) => {
    const { stay, go } = pinned[layer]!;
    if (experts - go.size < floor) {
      throw impossible(`layer ${layer}: ${go.size} of ${experts} experts are pinned to go and ${floor} must stay`);
    }
    return new Set(keepBest(layerScores, Math.max(floor, stay.size), pinned[layer]!));
  });
  const total = keep * scores.length;
  const needed = kept.reduce((sum, layer) => sum + layer.size, 0);
  const available = pinned.reduce((sum, { go }) => sum + experts - go.size, 0);
  if (needed > total) throw impossible(`the pins and top-${topK} need ${needed} experts and the plan keeps ${total}`);
  if (available < total) throw impossible(`the pins leave ${available} experts and the plan keeps ${total}`);

  const rest = scores.flatMap((layerScores, layer) => {
    const shares = sharesOfLayer(layerScores);
    return Array.from(shares, (share, expert) => ({ layer, expert, share })).filter(
      ({ expert }) => !kept[layer]!.has(expert) && !pinned[layer]!.go.has(expert),
    );
  });
  rest.sort((a, b) => b.share - a.share || a.layer - b.layer || a.expert - b.expert);
  for (const { layer, expert } of rest.slice(0, total - needed)) kept[layer]!.add(expert);
  return kept.map((layer) => [...layer].sort((a, b) => a - b));
};

/** Scores of one layer divided by their sum; uniform for a layer without any score. */
export const sharesOfLayer = (scores: Float64Array): Float64Array => {
  const total = scores.reduce((sum, score) => sum + score, 0);
  return total > 0 ? scores.map((score) => score / total) : scores.map(() => 1 / scores.length);
};

/** The `keep` best experts of one layer, ascending: those pinned to stay, then by decreasing score. */
const keepBest = (scores: Float64Array, keep: number, { stay, go }: LayerPins): number[] => {
  const free = rankExperts(scores).filter((expert) => !stay.has(expert) && !go.has(expert));
  return [...stay, ...free.slice(0, keep - stay.size)].sort((a, b) => a - b);
};

/**
 * The `keep` best experts of one layer, as many of each group; ascending. @throws WorkbenchError `pins-impossible`.
 */
const keepBestOfGroups = (
  scores: Float64Array,
  keep: number,
  { stay, go }: LayerPins,
  layer: number,
  { count }: ExpertGroupRule,
): number[] => {
  const size = scores.length / count;
  return Array.from({ length: count }, (_, group) => {
    const first = group * size;
    const ofLayer = (pinned: ReadonlySet<number>): Set<number> =>
      new Set([...pinned].filter((expert) => Math.floor(expert / size) === group).map((expert) => expert - first));
    const pins = { stay: ofLayer(stay), go: ofLayer(go) };
    checkLayerPins(pins, layer, size, keep / count);
    return keepBest(scores.subarray(first, first + size), keep / count, pins).map((expert) => first + expert);
  }).flat();
};

/** @throws WorkbenchError `pins-impossible` where one layer's pins cannot be met with `keep` experts. */
const checkLayerPins = ({ stay, go }: LayerPins, layer: number, experts: number, keep: number): void => {
  if (stay.size > keep)
    throw impossible(`layer ${layer}: ${stay.size} experts are pinned to stay and it keeps ${keep}`);
  if (experts - go.size < keep) {
    throw impossible(`layer ${layer}: ${go.size} of ${experts} experts are pinned to go and ${keep} must stay`);
  }
};

const impossible = (what: string): Error =>
  refuse('pins-impossible', `The pins cannot be met: ${what}.`, 'Remove pins, or keep another number of experts.');
