import { wholeMap } from './heatmap-geometry.ts';
import type { Cell, MapWindow } from './heatmap-geometry.ts';

/** Fewest layers and experts in a window, if the map has as many. */
const LEAST = { layers: 2, experts: 8 } as const;

interface MapSize {
  readonly layers: number;
  readonly experts: number;
}

const within = (first: number, count: number, all: number): number => Math.max(0, Math.min(all - count, first));

/** One axis of a window, scaled by `factor` about `fixed`. */
const scaled = (
  { first, count }: { readonly first: number; readonly count: number },
  factor: number,
  fixed: number,
  all: number,
  least: number,
): { readonly first: number; readonly count: number } => {
  const wanted = factor < 1 ? Math.floor(count * factor) : Math.ceil(count * factor);
  const next = Math.max(Math.min(least, all), Math.min(all, wanted));
  // The fixed position keeps its relative place in the window.
  const share = count > 0 ? (fixed + 0.5 - first) / count : 0.5;
  return { first: within(Math.round(fixed + 0.5 - share * next), next, all), count: next };
};

/** The window scaled by `factor` (below 1 zooms in) about a cell. */
export const zoomed = (shown: MapWindow, factor: number, about: Cell, { layers, experts }: MapSize): MapWindow => {
  const down = scaled({ first: shown.firstLayer, count: shown.layers }, factor, about.layer, layers, LEAST.layers);
  const across = scaled(
    { first: shown.firstExpert, count: shown.experts },
    factor,
    about.expert,
    experts,
    LEAST.experts,
  );
  return { firstLayer: down.first, layers: down.count, firstExpert: across.first, experts: across.count };
};

/** The window moved by whole layers and experts, kept within the map. */
export const panned = (
  shown: MapWindow,
  by: { readonly layers: number; readonly experts: number },
  { layers, experts }: MapSize,
): MapWindow => ({
  ...shown,
  firstLayer: within(shown.firstLayer + by.layers, shown.layers, layers),
  firstExpert: within(shown.firstExpert + by.experts, shown.experts, experts),
});

/** The window moved just enough to show a cell. */
export const revealing = (shown: MapWindow, { layer, expert }: Cell, size: MapSize): MapWindow =>
  panned(
    shown,
    {
      layers: Math.min(0, layer - shown.firstLayer) + Math.max(0, layer - (shown.firstLayer + shown.layers - 1)),
      experts: Math.min(0, expert - shown.firstExpert) + Math.max(0, expert - (shown.firstExpert + shown.experts - 1)),
    },
    size,
  );

export const isWhole = (shown: MapWindow, { layers, experts }: MapSize): boolean =>
  shown.layers === layers && shown.experts === experts;

/** The same window if it fits a map of this size, else the whole map. */
export const fitting = (shown: MapWindow | null, { layers, experts }: MapSize): MapWindow =>
  shown !== null && shown.firstLayer + shown.layers <= layers && shown.firstExpert + shown.experts <= experts
    ? shown
    : wholeMap(layers, experts);
