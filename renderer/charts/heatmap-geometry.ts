/** Where the cells of a layer x expert heatmap lie, in CSS pixels. */
export interface HeatmapGeometry {
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly gap: number;
  readonly width: number;
  readonly height: number;
  readonly layers: number;
  readonly experts: number;
}

interface HeatmapMargins {
  readonly left: number;
  readonly top: number;
  readonly right: number;
}

const MINIMUM_CELL = 6;
const LARGEST_CELL = { width: 76, height: 40 } as const;

/** Fits the cells to the width; narrower than MINIMUM_CELL per expert, the map grows wider than asked and scrolls. */
export const heatmapGeometry = (
  availableWidth: number,
  layers: number,
  experts: number,
  margins: HeatmapMargins,
): HeatmapGeometry => {
  const room = availableWidth - margins.left - margins.right;
  const cellWidth = Math.max(MINIMUM_CELL, Math.min(LARGEST_CELL.width, Math.floor((room / experts) * 2) / 2));
  const cellHeight = Math.max(9, Math.min(LARGEST_CELL.height, Math.round(cellWidth * 0.9), Math.floor(560 / layers)));
  return {
    left: margins.left,
    top: margins.top,
    cellWidth,
    cellHeight,
    gap: cellWidth >= 12 ? 2 : 1,
    width: margins.left + cellWidth * experts + margins.right,
    height: margins.top + cellHeight * layers,
    layers,
    experts,
  };
};

export interface Cell {
  readonly layer: number;
  readonly expert: number;
}

/** The cell under a point, or null outside the map. */
export const cellAt = (geometry: HeatmapGeometry, x: number, y: number): Cell | null => {
  const expert = Math.floor((x - geometry.left) / geometry.cellWidth);
  const layer = Math.floor((y - geometry.top) / geometry.cellHeight);
  return expert >= 0 && expert < geometry.experts && layer >= 0 && layer < geometry.layers ? { layer, expert } : null;
};

export const cellOrigin = (
  geometry: HeatmapGeometry,
  { layer, expert }: Cell,
): { readonly x: number; readonly y: number } => ({
  x: geometry.left + expert * geometry.cellWidth,
  y: geometry.top + layer * geometry.cellHeight,
});

/** The cell that a key leads to; null where the key moves nothing. */
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
