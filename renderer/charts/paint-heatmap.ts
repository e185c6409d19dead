import type { CellMatrix, Hatch } from '../../main/figures/cell-matrix.ts';
import { labelStep } from '../../main/figures/heatmap-figure.ts';
import { type ColorScale, inkOn } from '../../main/figures/colors.ts';
import { onceFor } from '../engine/once-for.ts';
import { type Cell, cellOrigin, type HeatmapGeometry } from './heatmap-geometry.ts';

interface Inks {
  /** Colour of a cell without a value. */
  readonly absent: string;
  readonly ink: string;
  readonly mutedInk: string;
  /** The page behind the map, into which pruned cells fade. */
  readonly surface: string;
  readonly font: string;
}

const known = new Map<string, Inks>();

/**
 * Colours and font of the style sheets for canvases. Read once for each theme: reading them makes the browser compute
 * the styles of the whole page at once, before anything is painted.
 */
export const themeInks = (): Inks => {
  const theme = document.documentElement.dataset['theme'] ?? '';
  const found = known.get(theme);
  if (found !== undefined) return found;
  const style = getComputedStyle(document.body);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const inks = {
    absent: color('--border-strong'),
    ink: color('--text'),
    mutedInk: color('--text-muted'),
    surface: color('--surface'),
    font: style.fontFamily,
  };
  known.set(theme, inks);
  return inks;
};

export interface HeatmapPicture extends Inks {
  readonly geometry: HeatmapGeometry;
  /** A null value is drawn as absent. */
  readonly matrix: CellMatrix;
  /** Position of each value on the colour scale. */
  readonly shades: CellMatrix;
  readonly scale: ColorScale;
  readonly hatch: (cell: Cell) => Hatch;
  /** While the map fades from another plan to this one: that plan's marks, and how far it has come, 0 to 1. */
  readonly fading?: { readonly from: (cell: Cell) => Hatch; readonly progress: number } | undefined;
  /** Pins, marked in the corner: true for must stay, false for must go. */
  readonly pin: (cell: Cell) => boolean | null;
  /** Text inside cells that have room for it. */
  readonly cellText: ((value: number) => string) | null;
  /** Text to the right of a row. */
  readonly rowNote: ((layer: number) => string) | null;
  /** Number above a column; null: the column's index. */
  readonly columnNumber: ((column: number) => string) | null;
  readonly selectedLayer: number | null;
}

/** Minimum spacing of column numbers, with two and with three digits. */
const COLUMN_LABEL_PX = { two: 22, three: 29 } as const;
/** Minimum spacing of row numbers. */
const ROW_LABEL_PX = 13;
const ROOM_FOR_TEXT = { width: 34, height: 20 } as const;
/** Smallest cell with a hatch (experts that are merged), and with a cross (experts without a value). */
const ROOM_FOR_HATCH_PX = 8;
/** What is left of the colour of an expert that the plan removes. */
const FADED = 0.16;
/** Smallest cell with a pin mark in its corner; smaller ones have a smaller one in the middle. */
const ROOM_FOR_PIN_PX = 12;
/** CSS pixels between the lines that cross a merged expert. */
const HATCH_STEP = 9;

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

/** Crossed lines over an expert that is merged into another one. */
const paintHatch = (
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  w: number,
  h: number,
  ink: string,
): void => {
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  context.beginPath();
  hatchLines(context, x, y, w, h, HATCH_STEP, false);
  hatchLines(context, x, y, w, h, HATCH_STEP, true);
  context.strokeStyle = ink;
  context.globalAlpha = 0.45;
  context.lineWidth = 1;
  context.stroke();
  context.restore();
};

/** Distance of a pin mark from the corner, and radii of it in the corner and in the middle, in pixels. */
const PIN = { inset: 6, radius: 3, small: 2 } as const;

/** A dot for an expert that must stay, a cross for one that must go; visible on every map colour. */
const paintPin = (context: CanvasRenderingContext2D, x: number, y: number, r: number, stays: boolean): void => {
  context.beginPath();
  context.arc(x, y, r + (r === PIN.small ? 1.5 : 2), 0, 2 * Math.PI);
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

/** The pin of a mark: of the first pinned expert that it combines; null if there is none. */
export const pinOf = (
  {
    pin,
    geometry: { layerBin, expertBin, shown },
  }: Pick<HeatmapPicture, 'pin'> & { readonly geometry: Pick<HeatmapGeometry, 'layerBin' | 'expertBin' | 'shown'> },
  { layer, expert }: Cell,
): boolean | null => {
  const [lastLayer, lastExpert] = [shown.firstLayer + shown.layers, shown.firstExpert + shown.experts];
  for (let down = layer; down < Math.min(lastLayer, layer + layerBin); down += 1)
    for (let across = expert; across < Math.min(lastExpert, expert + expertBin); across += 1) {
      const found = pin({ layer: down, expert: across });
      if (found !== null) return found;
    }
  return null;
};

interface Block {
  /** Strongest shade; null if no cell has a value. */
  readonly shade: number | null;
  /** Share of the cells that the plan removes, 0 to 1. */
  readonly goneShare: number;
  /** Whether all of them are merged into others. */
  readonly isMerged: boolean;
}

/** What one mark shows of the cells that it combines. */
export const blockOf = (
  {
    shades,
    hatch,
    fading,
    geometry: { layerBin, expertBin, shown },
  }: Pick<HeatmapPicture, 'shades' | 'hatch' | 'fading'> & {
    readonly geometry: Pick<HeatmapGeometry, 'layerBin' | 'expertBin' | 'shown'>;
  },
  { layer, expert }: Cell,
): Block => {
  let shade: number | null = null;
  let gone = 0;
  let cells = 0;
  let isMerged = true;
  const [lastLayer, lastExpert] = [shown.firstLayer + shown.layers, shown.firstExpert + shown.experts];
  for (let down = layer; down < Math.min(lastLayer, layer + layerBin); down += 1) {
    for (let across = expert; across < Math.min(lastExpert, expert + expertBin); across += 1) {
      const value = shades[down]?.[across] ?? null;
      if (value !== null && (shade === null || Math.abs(value) > Math.abs(shade))) shade = value;
      const cell = { layer: down, expert: across };
      const pattern = hatch(cell);
      const now = pattern === 'none' ? 0 : 1;
      const before = fading === undefined ? now : fading.from(cell) === 'none' ? 0 : 1;
      gone += now === before ? now : before + (now - before) * (fading?.progress ?? 1);
      cells += 1;
      isMerged &&= pattern === 'merged';
    }
  }
  return { shade, goneShare: cells === 0 ? 0 : gone / cells, isMerged };
};

/** Number of colours: as many as a screen distinguishes in one hue. */
const COLOR_STEPS = 256;

/** The scale's colours, computed once because a map can have tens of thousands of cells. */
const colorsOf = onceFor((scale: ColorScale): ((shade: number) => string) => {
  const [low, high] = scale.domain;
  const step = (high - low) / COLOR_STEPS;
  const colors = Array.from({ length: COLOR_STEPS + 1 }, (_, at) => scale.color(low + at * step));
  return (shade) => colors[Math.round((Math.max(low, Math.min(high, shade)) - low) / step)] ?? scale.color(shade);
});

/** Draws the visible part of the map; the context is already scaled to CSS pixels. */
export const paintHeatmap = (context: CanvasRenderingContext2D, picture: HeatmapPicture): void => {
  const { geometry, matrix } = picture;
  const colors = colorsOf(picture.scale);
  const { cellWidth, cellHeight, gap, shown, layerBin, expertBin } = geometry;
  context.clearRect(0, 0, geometry.width, geometry.height);
  const roomy = cellWidth >= ROOM_FOR_TEXT.width && cellHeight >= ROOM_FOR_TEXT.height;
  const cellText = roomy ? picture.cellText : null;
  const smaller = Math.min(cellWidth, cellHeight);
  context.textBaseline = 'middle';
  for (let layer = shown.firstLayer; layer < shown.firstLayer + shown.layers; layer += layerBin) {
    for (let expert = shown.firstExpert; expert < shown.firstExpert + shown.experts; expert += expertBin) {
      const { shade, goneShare, isMerged } = blockOf(picture, { layer, expert });
      const { x: left, y: top } = cellOrigin(geometry, { layer, expert });
      // Round to whole pixels, so that fractional cells meet without seams.
      const [x, y] = [Math.round(left), Math.round(top)];
      const w = Math.max(1, Math.round(left + cellWidth * expertBin) - x - gap);
      const h = Math.max(1, Math.round(top + cellHeight * layerBin) - y - gap);
      const color = shade === null ? picture.absent : colors(shade);
      context.fillStyle = color;
      if (layerBin * expertBin === 1) {
        context.globalAlpha = 1 - goneShare * (1 - FADED);
        context.fillRect(x, y, w, h);
      } else {
        // The pale part of a mark, from below, is the share of its experts that the plan removes.
        const pale = Math.round(h * goneShare);
        context.fillRect(x, y, w, h - pale);
        context.globalAlpha = FADED;
        context.fillRect(x, y + h - pale, w, pale);
      }
      context.globalAlpha = 1;
      if (shade === null && smaller >= ROOM_FOR_HATCH_PX && cellText === null) paintCross(context, x, y, w, h, picture);
      if (isMerged && smaller >= ROOM_FOR_HATCH_PX) paintHatch(context, x, y, w, h, picture.ink);
      const pin = pinOf(picture, { layer, expert });
      if (pin !== null && smaller >= ROOM_FOR_PIN_PX)
        paintPin(context, x + w - PIN.inset, y + PIN.inset, PIN.radius, pin);
      else if (pin !== null) paintPin(context, x + w / 2, y + h / 2, PIN.small, pin);
      if (cellText === null) continue;
      context.font = `11px ${picture.font}`;
      context.textAlign = 'center';
      const value = matrix[layer]?.[expert] ?? null;
      const text = value === null ? 'gone' : cellText(value);
      if (isMerged) {
        const width = context.measureText(text).width + 6;
        context.fillStyle = picture.surface;
        context.fillRect(x + w / 2 - width / 2, y + h / 2 - 8, width, 16);
      }
      // A faded cell is nearly as the page.
      context.fillStyle = goneShare > 0.5 ? picture.mutedInk : inkOn(color);
      context.fillText(text, x + w / 2, y + h / 2 + 0.5);
    }
  }
  paintLabels(context, picture);
};

/** Cross over a cell without a value. */
const paintCross = (
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  w: number,
  h: number,
  { surface }: HeatmapPicture,
): void => {
  const r = Math.min(w, h) / 4;
  const [middle, centre] = [x + w / 2, y + h / 2];
  context.beginPath();
  context.moveTo(middle - r, centre - r);
  context.lineTo(middle + r, centre + r);
  context.moveTo(middle + r, centre - r);
  context.lineTo(middle - r, centre + r);
  context.strokeStyle = surface;
  context.lineWidth = 1.4;
  context.stroke();
};

const paintLabels = (context: CanvasRenderingContext2D, picture: HeatmapPicture): void => {
  const { geometry, ink, mutedInk, font } = picture;
  const { left, top, cellWidth, cellHeight, gap, shown } = geometry;
  context.font = `11px ${font}`;
  context.fillStyle = mutedInk;
  context.textAlign = 'center';
  const step = labelStep(
    cellWidth,
    shown.firstExpert + shown.experts > 100 ? COLUMN_LABEL_PX.three : COLUMN_LABEL_PX.two,
  );
  const firstExpert = Math.ceil(shown.firstExpert / step) * step;
  for (let expert = firstExpert; expert < shown.firstExpert + shown.experts; expert += step) {
    const { x } = cellOrigin(geometry, { layer: 0, expert });
    context.fillText(picture.columnNumber?.(expert) ?? String(expert), x + (cellWidth - gap) / 2, top - 9);
  }
  const rowStep = Math.max(1, Math.ceil(ROW_LABEL_PX / cellHeight));
  const firstLayer = Math.ceil(shown.firstLayer / rowStep) * rowStep;
  for (let layer = firstLayer; layer < shown.firstLayer + shown.layers; layer += rowStep) {
    const y = cellOrigin(geometry, { layer, expert: 0 }).y + (cellHeight - gap) / 2;
    context.fillStyle = layer === picture.selectedLayer ? ink : mutedInk;
    context.textAlign = 'right';
    context.fillText(String(layer), left - 9, y);
    if (picture.rowNote !== null) context.fillText(picture.rowNote(layer), geometry.width - 2, y);
  }
};
