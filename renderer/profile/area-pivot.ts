import type { TaskProfile } from '../../main/contract/profile.ts';
import { maxOf, minOf } from '../../main/statistics/extremes.ts';
import type { Cell } from '../charts/heatmap-geometry.ts';

/** Two opposite corners of an area of the map, in any order. */
export interface CellArea {
  readonly from: Cell;
  readonly to: Cell;
}

/** The cells of an area, layer by layer. */
export const cellsOf = ({ from, to }: CellArea): readonly Cell[] => {
  const [layers, experts] = [
    [from.layer, to.layer],
    [from.expert, to.expert],
  ];
  const [firstLayer, firstExpert] = [minOf(layers), minOf(experts)];
  const across = maxOf(experts) - firstExpert + 1;
  return Array.from({ length: (maxOf(layers) - firstLayer + 1) * across }, (_, index) => ({
    layer: firstLayer + Math.floor(index / across),
    expert: firstExpert + (index % across),
  }));
};

/** What some experts do for a task. */
interface AreaPivot {
  readonly experts: number;
  readonly layers: number;
  /** Routed choices of them, and their share of all choices of the model. */
  readonly choices: number;
  readonly share: number;
  /** The same of the layers of the area alone. */
  readonly shareOfLayers: number;
  /** Share of the summed gated outputs (REAP) of these layers. */
  readonly outputShare: number;
  /** The fewest and the most tokens that choose one of them in at least one layer. */
  readonly tokens: { readonly fewest: number; readonly most: number; readonly of: number };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/**
 * Counts and shares of an area's experts (original numbers). A profile counts choices, not which tokens make several of
 * them: at least as many tokens as the most chosen expert has, at most as many as there are choices.
 */
export const pivotOf = ({ counts, reapSum, tokens }: TaskProfile, cells: readonly Cell[]): AreaPivot => {
  const layers = [...new Set(cells.map(({ layer }) => layer))];
  const chosen = cells.map(({ layer, expert }) => counts[layer]?.[expert] ?? 0);
  const choices = sum(chosen);
  const ofLayers = (matrix: readonly (readonly number[])[]): number =>
    sum(layers.map((layer) => sum(matrix[layer] ?? [])));
  const output = sum(cells.map(({ layer, expert }) => reapSum[layer]?.[expert] ?? 0));
  return {
    experts: cells.length,
    layers: layers.length,
    choices,
    share: share(choices, sum(counts.map(sum))),
    shareOfLayers: share(choices, ofLayers(counts)),
    outputShare: share(output, ofLayers(reapSum)),
    tokens: { fewest: maxOf([0, ...chosen]), most: Math.min(tokens, choices), of: tokens },
  };
};
