/** The visible part of a map, in whole layers and experts. */
export interface MapWindow {
  readonly firstLayer: number;
  readonly layers: number;
  readonly firstExpert: number;
  readonly experts: number;
}

/** Positions of the cells of a layer x expert heatmap, in CSS pixels. Cells may be narrower than a pixel. */
export interface HeatmapGeometry {
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly gap: number;
  readonly width: number;
  readonly height: number;
  readonly shown: MapWindow;
  /** Layers and experts combined into one mark, which shows the strongest value; 1 where cells are large enough. */
  readonly layerBin: number;
  readonly expertBin: number;
}

interface CellSize {
  readonly width: number;
  readonly height: number;
}

/** Smaller cells are combined. */
const SMALLEST_MARK_PX = 4;
/** A map of few layers stays low, so that it stands above the fold with the curve. */
const LARGEST_CELL: CellSize = { width: 76, height: 30 };
/** Cells at least this wide have gaps between them. */
const ROOM_FOR_GAP = { narrow: 5, wide: 12 } as const;

const binOf = (cell: number): number => Math.max(1, Math.ceil(SMALLEST_MARK_PX / cell - 1e-9));

export const wholeMap = (layers: number, experts: number): MapWindow => ({
  firstLayer: 0,
  layers,
  firstExpert: 0,
  experts,
});

/** Fits the window into the room: no wider than the width, at most `room.height` high (labels excluded). */
export const heatmapGeometry = (
  room: { readonly width: number; readonly height: number },
  shown: MapWindow,
  margins: { readonly left: number; readonly top: number; readonly right: number },
  largest = LARGEST_CELL,
): HeatmapGeometry => {
  const across = Math.max(1, room.width - margins.left - margins.right);
  const down = Math.max(1, room.height - margins.top);
  const cellWidth = Math.min(largest.width, across / Math.max(1, shown.experts));
  const cellHeight = Math.min(largest.height, down / Math.max(1, shown.layers));
  const smaller = Math.min(cellWidth, cellHeight);
  return {
    left: margins.left,
    top: margins.top,
    cellWidth,
    cellHeight,
    gap: smaller >= ROOM_FOR_GAP.wide ? 2 : smaller >= ROOM_FOR_GAP.narrow ? 1 : 0,
    width: Math.min(room.width, margins.left + cellWidth * shown.experts + margins.right),
    height: margins.top + cellHeight * shown.layers,
    shown,
    layerBin: binOf(cellHeight),
    expertBin: binOf(cellWidth),
  };
};

export interface Cell {
  readonly layer: number;
  readonly expert: number;
}

/** The cell at a point; null outside the map. */
export const cellAt = (geometry: HeatmapGeometry, x: number, y: number): Cell | null => {
  const { shown } = geometry;
  const across = Math.floor((x - geometry.left) / geometry.cellWidth);
  const down = Math.floor((y - geometry.top) / geometry.cellHeight);
  return across >= 0 && across < shown.experts && down >= 0 && down < shown.layers
    ? { layer: shown.firstLayer + down, expert: shown.firstExpert + across }
    : null;
};

export const cellOrigin = (
  geometry: HeatmapGeometry,
  { layer, expert }: Cell,
): { readonly x: number; readonly y: number } => ({
  x: geometry.left + (expert - geometry.shown.firstExpert) * geometry.cellWidth,
  y: geometry.top + (layer - geometry.shown.firstLayer) * geometry.cellHeight,
});

/** Whether a cell is visible. */
export const isShown = ({ shown }: Pick<HeatmapGeometry, 'shown'>, { layer, expert }: Cell): boolean =>
  layer >= shown.firstLayer &&
  layer < shown.firstLayer + shown.layers &&
  expert >= shown.firstExpert &&
  expert < shown.firstExpert + shown.experts;

/** The cell that a key moves to; null if the key does not move. */
export const movedCell = (from: Cell, key: string, layers: number, experts: number): Cell | null => {
  const { layer, expert } = from;
  switch (key) {
    case 'ArrowLeft':
      return { layer, expert: Math.max(0, expert - 1) };
    case 'ArrowRight':
      return { layer, expert: Math.min(experts - 1, expert + 1) };
    case 'ArrowUp':
      return { layer: Math.max(0, layer - 1), expert };
    case 'ArrowDown':
      return { layer: Math.min(layers - 1, layer + 1), expert };
    case 'Home':
      return { layer, expert: 0 };
    case 'End':
      return { layer, expert: experts - 1 };
    case 'PageUp':
      return { layer: 0, expert };
    case 'PageDown':
      return { layer: layers - 1, expert };
    default:
      return null;
  }
};

/** Whole layers and experts by which a window moves when its map is dragged by pixels: it follows the pointer. */
export const draggedBy = (
  { cellWidth, cellHeight }: Pick<HeatmapGeometry, 'cellWidth' | 'cellHeight'>,
  acrossPx: number,
  downPx: number,
): { readonly layers: number; readonly experts: number } => ({
  layers: -Math.round(downPx / cellHeight),
  experts: -Math.round(acrossPx / cellWidth),
});

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
