import { cividis, type FigureTheme, type Rgb } from './colors.ts';
import type { CellMatrix } from './profile-matrices.ts';

export interface PngImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] bytes: red, green, blue. */
  readonly pixels: Uint8Array;
  /** Keyword (1 to 79 Latin letters) -> text, kept in the file as UTF-8. */
  readonly texts: Readonly<Record<string, string>>;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 1 ? 0xedb88320 ^ (remainder >>> 1) : remainder >>> 1;
  return remainder;
});

const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};

/** Compresses in zlib's format (RFC 1950): node:zlib's deflateSync on the engine's side. */
export type Deflate = (bytes: Uint8Array) => Uint8Array;

const concatenate = (parts: readonly Uint8Array[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
};

const uint32 = (...values: readonly number[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, index) => view.setUint32(4 * index, value));
  return new Uint8Array(view.buffer);
};

const latin = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Length, type, data and the CRC of type and data (PNG specification, 5.3). */
const chunk = (type: string, data: Uint8Array): Uint8Array => {
  const body = concatenate([latin(type), data]);
  return concatenate([uint32(data.length), body, uint32(crc32(body))]);
};

/** Uncompressed international text (11.3.3.4): keyword, four empty fields, UTF-8. */
const textChunk = (keyword: string, text: string): Uint8Array =>
  chunk('iTXt', concatenate([latin(`${keyword}\0\0\0\0\0`), new TextEncoder().encode(text)]));

/** PNG (ISO/IEC 15948) of 8-bit RGB, rows unfiltered: right for images of few flat colours. */
export const encodePng = ({ width, height, pixels, texts }: PngImage, deflate: Deflate): Uint8Array => {
  if (pixels.length !== 3 * width * height) {
    throw new RangeError(`${pixels.length} bytes are not ${width} x ${height} pixels of 3 bytes`);
  }
  // Bit depth 8, colour type 2 (RGB); compression, filter method and interlace stay 0.
  const header = concatenate([uint32(width, height), Uint8Array.of(8, 2, 0, 0, 0)]);
  const scanlines = new Uint8Array(height * (1 + 3 * width));
  for (let row = 0; row < height; row += 1) {
    scanlines.set(pixels.subarray(row * 3 * width, (row + 1) * 3 * width), row * (1 + 3 * width) + 1);
  }
  return concatenate([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    ...Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text)),
    chunk('IDAT', deflate(scanlines)),
    chunk('IEND', new Uint8Array()),
  ]);
};

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
  deflate: Deflate,
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
  return encodePng({ width, height: matrix.length * block, pixels, texts }, deflate);
};
