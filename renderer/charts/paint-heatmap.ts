import type { Hatch } from '../../main/figures/cell-matrix.ts';
import { labelStep } from '../../main/figures/heatmap-cells.ts';
import { inkOn } from '../../main/figures/color-scales.ts';
import type { ColorScale } from '../../main/figures/color-scales.ts';
import { cellOrigin } from './heatmap-geometry.ts';
import type { Cell, HeatmapGeometry } from './heatmap-geometry.ts';

interface HeatmapPicture {
  readonly geometry: HeatmapGeometry;
  readonly matrix: readonly (readonly number[])[];
  readonly scale: ColorScale;
  readonly hatch: (cell: Cell) => Hatch;
  /** Cells pinned to stay (true) or to go (false): a mark in the corner. */
  readonly pin: (cell: Cell) => boolean | null;
  /** Text inside a cell that has room for it. */
  readonly cellText: ((value: number) => string) | null;
  /** Text to the right of a row. */
  readonly rowNote: ((layer: number) => string) | null;
  readonly ink: string;
  readonly mutedInk: string;
  readonly font: string;
  readonly selectedLayer: number | null;
}

/** Between the numbers of two columns. */
const COLUMN_LABEL_PX = 22;
const ROOM_FOR_TEXT = { width: 34, height: 20 } as const;
/** CSS pixels between hatch lines; drops lean one way, merges cross. */
const HATCH_STEP = { dropped: 6, merged: 9 } as const;

const hatchLines = (
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  w: number,
  h: number,
  step: number,
  mirrored: boolean,
): void => {
  for (let offset = -h; offset < w; offset += step) {
    const [fromX, toX] = mirrored ? [x + offset, x + offset + h] : [x + offset + h, x + offset];
    context.moveTo(fromX, y);
    context.lineTo(toX, y + h);
  }
};

const paintHatch = (
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  w: number,
  h: number,
  hatch: 'dropped' | 'merged',
): void => {
  const step = HATCH_STEP[hatch];
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  // A dark line with a light one beside it is seen on every colour of the map.
  for (const [color, shift] of [
    ['rgba(0,0,0,0.75)', 0],
    ['rgba(255,255,255,0.7)', 1.2],
  ] as const) {
    context.beginPath();
    hatchLines(context, x + shift, y, w, h, step, false);
    if (hatch === 'merged') hatchLines(context, x + shift, y, w, h, step, true);
    context.strokeStyle = color;
    context.lineWidth = 1;
    context.stroke();
  }
  context.restore();
};

/** Pixels from the corner to the middle of the mark of a pin, and its radius. */
const PIN = { inset: 6, radius: 3 } as const;

/** A dot for an expert that must stay, a cross for one that must go; seen on every colour of the map. */
const paintPin = (context: CanvasRenderingContext2D, right: number, top: number, stays: boolean): void => {
  const [x, y, r] = [right - PIN.inset, top + PIN.inset, PIN.radius];
  context.beginPath();
  context.arc(x, y, r + 2, 0, 2 * Math.PI);
  context.fillStyle = 'rgba(255,255,255,0.92)';
  context.fill();
  context.beginPath();
  if (stays) {
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fillStyle = '#16181c';
    context.fill();
    return;
  }
  context.moveTo(x - r + 0.5, y - r + 0.5);
  context.lineTo(x + r - 0.5, y + r - 0.5);
  context.moveTo(x + r - 0.5, y - r + 0.5);
  context.lineTo(x - r + 0.5, y + r - 0.5);
  context.strokeStyle = '#16181c';
  context.lineWidth = 1.4;
  context.stroke();
};

/** Draws the whole map; the context is already scaled to CSS pixels. */
export const paintHeatmap = (context: CanvasRenderingContext2D, picture: HeatmapPicture): void => {
  const { geometry, matrix, scale } = picture;
  const { cellWidth, cellHeight, gap, layers, experts } = geometry;
  context.clearRect(0, 0, geometry.width, geometry.height);
  const roomy = cellWidth >= ROOM_FOR_TEXT.width && cellHeight >= ROOM_FOR_TEXT.height;
  const cellText = roomy ? picture.cellText : null;
  context.textBaseline = 'middle';
  for (let layer = 0; layer < layers; layer += 1) {
    for (let expert = 0; expert < experts; expert += 1) {
      const value = matrix[layer]?.[expert] ?? 0;
      const { x, y } = cellOrigin(geometry, { layer, expert });
      const [w, h] = [cellWidth - gap, cellHeight - gap];
      const color = scale.color(value);
      context.fillStyle = color;
      context.fillRect(x, y, w, h);
      const hatch = picture.hatch({ layer, expert });
      if (hatch !== 'none') paintHatch(context, x, y, w, h, hatch);
      const pin = picture.pin({ layer, expert });
      if (pin !== null) paintPin(context, x + w, y, pin);
      if (cellText === null) continue;
      context.font = `11px ${picture.font}`;
      context.textAlign = 'center';
      const text = cellText(value);
      if (hatch !== 'none') {
        const width = context.measureText(text).width + 6;
        context.fillStyle = color;
        context.fillRect(x + w / 2 - width / 2, y + h / 2 - 8, width, 16);
      }
      context.fillStyle = inkOn(color);
      context.fillText(text, x + w / 2, y + h / 2 + 0.5);
    }
  }
  paintLabels(context, picture);
};

const paintLabels = (context: CanvasRenderingContext2D, picture: HeatmapPicture): void => {
  const { geometry, ink, mutedInk, font } = picture;
  const { left, top, cellWidth, cellHeight, gap, layers, experts } = geometry;
  context.font = `11px ${font}`;
  context.fillStyle = mutedInk;
  context.textAlign = 'center';
  const step = labelStep(cellWidth, COLUMN_LABEL_PX);
  for (let expert = 0; expert < experts; expert += step) {
    context.fillText(String(expert), left + expert * cellWidth + (cellWidth - gap) / 2, top - 9);
  }
  const rowStep = Math.ceil(13 / cellHeight);
  for (let layer = 0; layer < layers; layer += rowStep) {
    const y = top + layer * cellHeight + (cellHeight - gap) / 2;
    context.fillStyle = layer === picture.selectedLayer ? ink : mutedInk;
    context.textAlign = 'right';
    context.fillText(String(layer), left - 9, y);
    if (picture.rowNote !== null) {
      context.textAlign = 'right';
      context.fillText(picture.rowNote(layer), geometry.width - 2, y);
    }
  }
};
