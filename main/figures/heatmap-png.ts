import { cividis, type Rgb } from './cividis.ts';
import type { FigureTheme } from './figure-theme.ts';
import { encodePng } from './png.ts';
import type { CellMatrix } from './profile-matrices.ts';

const WIDTH = 1024;
const LARGEST_BLOCK = 16;

const parseHex = (color: string): Rgb => {
  const channel = (from: number): number => Number.parseInt(color.slice(from, from + 2), 16);
  return [channel(1), channel(3), channel(5)];
};

/**
 * The heatmap as bare pixels: each cell an n x n block (n such that the image is about 1024 wide, at most 16), layer 0
 * on top, cividis from 0 to `maximum`. No text is drawn, for want of a font: title, unit and manifest are text chunks of
 * the file, and the SVG beside it has axes and scale.
 */
export const heatmapPng = (
  matrix: CellMatrix,
  maximum: number,
  theme: FigureTheme,
  texts: Readonly<Record<string, string>>,
): Uint8Array => {
  const experts = matrix[0]?.length ?? 0;
  const block = Math.max(1, Math.min(LARGEST_BLOCK, Math.floor(WIDTH / Math.max(1, experts))));
  const width = experts * block;
  const absent = parseHex(theme.absent);
  const pixels = new Uint8Array(3 * width * matrix.length * block);
  matrix.forEach((row, layer) => {
    const line = new Uint8Array(3 * width);
    row.forEach((value, expert) => {
      const color = value === null ? absent : cividis(maximum > 0 ? value / maximum : 0);
      for (let x = expert * block; x < (expert + 1) * block; x += 1) line.set(color, 3 * x);
    });
    for (let y = layer * block; y < (layer + 1) * block; y += 1) pixels.set(line, y * line.length);
  });
  return encodePng({ width, height: matrix.length * block, pixels, texts });
};
