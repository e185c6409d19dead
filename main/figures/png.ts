import { deflateSync } from 'node:zlib';

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

/** Length, type, data and the CRC of type and data (PNG specification, 5.3). */
const chunk = (type: string, data: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
};

/** Uncompressed international text (11.3.3.4): keyword, four empty fields, UTF-8. */
const textChunk = (keyword: string, text: string): Buffer =>
  chunk('iTXt', Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text, 'utf8')]));

/** PNG (ISO/IEC 15948) of 8-bit RGB, rows unfiltered: right for images of few flat colours. */
export const encodePng = ({ width, height, pixels, texts }: PngImage): Uint8Array => {
  if (pixels.length !== 3 * width * height) {
    throw new RangeError(`${pixels.length} bytes are not ${width} x ${height} pixels of 3 bytes`);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Bit depth 8, colour type 2 (RGB); compression, filter method and interlace stay 0.
  header.set([8, 2], 8);
  const scanlines = Buffer.alloc(height * (1 + 3 * width));
  for (let row = 0; row < height; row += 1) {
    scanlines.set(pixels.subarray(row * 3 * width, (row + 1) * 3 * width), row * (1 + 3 * width) + 1);
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text)),
    chunk('IDAT', deflateSync(scanlines, { level: 9 })),
    chunk('IEND', new Uint8Array()),
  ]);
};
