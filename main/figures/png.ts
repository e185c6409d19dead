import { refuse } from '../contract/errors.ts';
import { figureHeading, manifestJson } from './figure-manifest.ts';
import type { Drawing } from './svg.ts';

export interface PngImage {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3] bytes: red, green, blue. */
  readonly pixels: Uint8Array;
  /** Keyword (1 to 79 Latin letters) -> text, stored in the file as UTF-8. */
  readonly texts: Readonly<Record<string, string>>;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 1 ? 0xedb88320 ^ (remainder >>> 1) : remainder >>> 1;
  return remainder;
});

/** CRC-32 as PNG (ISO 3309) defines it. */
export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};

/** Compresses in zlib's format (RFC 1950): node:zlib's deflateSync on the engine's side. */
export type Deflate = (bytes: Uint8Array) => Uint8Array;

const concatenate = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
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

const textChunks = (texts: PngImage['texts']): Uint8Array =>
  concatenate(Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text)));

export const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const;
/** The signature and the IHDR chunk that always follows it (4 length, 4 type, 13 data, 4 CRC). */
const HEADER_LENGTH = PNG_SIGNATURE.length + 25;

/** Text chunks for a PNG of a drawing. */
export const pngTexts = ({
  title,
  description,
  manifest,
}: Pick<Drawing, 'title' | 'description' | 'manifest'>): PngImage['texts'] => ({
  Title: title,
  Description: [figureHeading(manifest) ?? [], description].flat().join(' '),
  Manifest: manifestJson(manifest),
});

/** Adds text chunks after the header of a finished PNG and keeps the rest. Refuses (`not-png`) anything else. */
export const withPngTexts = (png: Uint8Array, texts: PngImage['texts']): Uint8Array<ArrayBuffer> => {
  if (png.length < HEADER_LENGTH || PNG_SIGNATURE.some((byte, index) => png[index] !== byte)) {
    throw refuse('not-png', 'This is not a PNG file: its signature is missing.', 'Save the figure as SVG.');
  }
  return concatenate([png.subarray(0, HEADER_LENGTH), textChunks(texts), png.subarray(HEADER_LENGTH)]);
};

/** PNG (ISO/IEC 15948) of 8-bit RGB with unfiltered rows: good for images of few flat colours. */
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
    Uint8Array.from(PNG_SIGNATURE),
    chunk('IHDR', header),
    textChunks(texts),
    chunk('IDAT', deflate(scanlines)),
    chunk('IEND', new Uint8Array()),
  ]);
};
