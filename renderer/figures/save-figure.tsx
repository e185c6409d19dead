import { Menu } from '../components/menu.tsx';
import { useRequest } from '../engine/engine-context.tsx';
import type { Figure } from './csv.ts';

/** Length of the PNG signature and of the IHDR chunk that always follows it (4 length, 4 type, 13 data, 4 CRC). */
const AFTER_HEADER = 8 + 25;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

/** CRC-32 as PNG (ISO 3309) defines it. */
export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
};

/**
 * The picture with an uncompressed iTXt chunk (PNG specification, 11.3.4.5) after its header. Throws where it is no
 * PNG.
 */
export const withPngText = (png: Uint8Array, keyword: string, text: string): Uint8Array<ArrayBuffer> => {
  if (SIGNATURE.some((byte, index) => png[index] !== byte)) throw new Error('not a PNG file: the signature is missing');
  const encoder = new TextEncoder();
  // keyword, 0, no compression (0, 0), no language (0), no translated keyword (0), text
  const data = [...encoder.encode(keyword), 0, 0, 0, 0, 0];
  const body = new Uint8Array([...encoder.encode('iTXt'), ...data, ...encoder.encode(text)]);
  const chunk = new Uint8Array(4 + body.length + 4);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(4 + body.length, crc32(body));
  const whole = new Uint8Array(png.length + chunk.length);
  whole.set(png.subarray(0, AFTER_HEADER));
  whole.set(chunk, AFTER_HEADER);
  whole.set(png.subarray(AFTER_HEADER), AFTER_HEADER + chunk.length);
  return whole;
};

/** Pixels per CSS pixel: sharp on paper too. */
const SCALE = 2;

const loadPicture = (url: string): Promise<HTMLImageElement> =>
  new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error('The browser could not draw the figure.'));
    picture.src = url;
  });

/** The figure as PNG, its manifest in a text chunk. */
const rasterise = async (figure: Figure): Promise<Uint8Array<ArrayBuffer>> => {
  const url = URL.createObjectURL(new Blob([figure.svg], { type: 'image/svg+xml' }));
  try {
    const picture = await loadPicture(url);
    const canvas = document.createElement('canvas');
    canvas.width = Math.ceil(figure.width * SCALE);
    canvas.height = Math.ceil(figure.height * SCALE);
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('The browser gives no canvas to draw the figure on.');
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob === null) throw new Error('The browser could not encode the figure as PNG.');
    return withPngText(new Uint8Array(await blob.arrayBuffer()), 'uncurl-manifest', JSON.stringify(figure.manifest));
  } finally {
    URL.revokeObjectURL(url);
  }
};

interface SaveFigureProps {
  /** File name without its ending. */
  readonly suggestedName: string;
  /** Made when it is asked for. */
  readonly figure: () => Figure;
  /** False where no chart is drawn now: then there are only numbers to save. */
  readonly picture?: boolean;
}

/** Saves what a chart shows; the manifest travels inside every file. */
export const SaveFigure = ({ suggestedName, figure, picture = true }: SaveFigureProps) => {
  const { busy, start } = useRequest();
  const name = suggestedName.replace(/[^A-Za-z0-9._-]+/g, '-');
  const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
  return (
    <Menu
      label="Save figure"
      icon="save"
      disabled={busy}
      items={[
        ...(picture
          ? [
              {
                label: 'SVG',
                onChoose: () =>
                  start(({ bridge }) => bridge.saveFile({ suggestedName: `${name}.svg`, bytes: encode(figure().svg) })),
              },
              {
                label: 'PNG',
                onChoose: () =>
                  start(async ({ bridge }) =>
                    bridge.saveFile({ suggestedName: `${name}.png`, bytes: await rasterise(figure()) }),
                  ),
              },
            ]
          : []),
        {
          label: 'CSV',
          onChoose: () =>
            start(({ bridge }) => bridge.saveFile({ suggestedName: `${name}.csv`, bytes: encode(figure().csv) })),
        },
      ]}
    />
  );
};
