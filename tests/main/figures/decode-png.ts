import { crc32, inflateSync } from 'node:zlib';

export interface DecodedPng {
  readonly width: number;
  readonly height: number;
  readonly texts: Readonly<Record<string, string>>;
  readonly pixel: (x: number, y: number) => readonly number[];
}

/** Reads the encoder's output (8-bit RGB, unfiltered rows), checking every CRC with zlib's own. */
export const decodePng = (file: Uint8Array): DecodedPng => {
  const bytes = Buffer.from(file);
  if (bytes.subarray(0, 8).toString('latin1') !== '\x89PNG\r\n\x1a\n') throw new Error('no PNG signature');
  const chunks: { readonly type: string; readonly data: Buffer }[] = [];
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 4, at + 8 + length);
    if (crc32(body) !== bytes.readUInt32BE(at + 8 + length)) throw new Error(`wrong CRC at ${at}`);
    chunks.push({ type: body.subarray(0, 4).toString('latin1'), data: body.subarray(4) });
    at += 12 + length;
  }
  const of = (type: string): Buffer[] => chunks.filter((chunk) => chunk.type === type).map(({ data }) => data);
  const [header = Buffer.alloc(13)] = of('IHDR');
  if (header.subarray(8).join() !== '8,2,0,0,0') throw new Error('not 8-bit RGB');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const rows = inflateSync(Buffer.concat(of('IDAT')));
  if (rows.length !== height * (1 + 3 * width)) throw new Error('wrong number of bytes');
  const texts = of('iTXt').map((data) => {
    const end = data.indexOf(0);
    return [data.subarray(0, end).toString('latin1'), data.subarray(end + 5).toString('utf8')] as const;
  });
  return {
    width,
    height,
    texts: Object.fromEntries(texts),
    pixel: (x, y) => {
      const at = y * (1 + 3 * width) + 1 + 3 * x;
      return [...rows.subarray(at, at + 3)];
    },
  };
};
