import type { CellMatrix } from './cell-matrix.ts';
import { channels, type ColorScale } from './color-scales.ts';
import type { FigureTheme } from './colors.ts';
import { type Deflate, encodePng, type PngImage } from './png.ts';

const WIDTH = 1024;
const LARGEST_BLOCK = 16;

/**
 * The heatmap as pixels only: each cell an n x n block (n such that the image is about 1024 wide, at most 16), layer 0
 * on top, in the colours of `scale`. There is no font for text: title, unit and manifest are text chunks of the file,
 * and the SVG beside it has axes and scale.
 */
export const heatmapPng = (
  matrix: CellMatrix,
  scale: ColorScale,
  theme: FigureTheme,
  texts: PngImage['texts'],
  deflate: Deflate,
): Uint8Array => {
  const experts = matrix[0]?.length ?? 0;
  const block = Math.max(1, Math.min(LARGEST_BLOCK, Math.floor(WIDTH / Math.max(1, experts))));
  const width = experts * block;
  const absent = channels(theme.absent);
  const pixels = new Uint8Array(3 * width * matrix.length * block);
  matrix.forEach((row, layer) => {
    const line = new Uint8Array(3 * width);
    row.forEach((value, expert) => {
      const color = value === null ? absent : channels(scale.color(value));
      for (let x = expert * block; x < (expert + 1) * block; x += 1) line.set(color, 3 * x);
    });
    for (let y = layer * block; y < (layer + 1) * block; y += 1) pixels.set(line, y * line.length);
  });
  return encodePng({ width, height: matrix.length * block, pixels, texts }, deflate);
};
