import { crc32 as zlibCrc32, deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { amountScale } from '../../../renderer/charts/color-scales.ts';
import { csvDocument } from '../../../renderer/figures/csv.ts';
import { heatmapSvg } from '../../../renderer/figures/heatmap-svg.ts';
import { crc32, withPngText } from '../../../renderer/figures/save-figure.tsx';
import { escapeXml, svgDocument } from '../../../renderer/figures/svg-document.ts';

test('a table carries its manifest and quotes what needs it', () => {
  const csv = csvDocument(
    { run: 'r1' },
    ['a', 'b'],
    [
      [1, 'x, "y"'],
      [null, true],
    ],
  );
  expect(csv.split('\r\n')).toEqual(['# {"run":"r1"}', 'a,b', '1,"x, ""y"""', ',true', '']);
});

test('no text can break out of the SVG, and the manifest can be read back', () => {
  const svg = svgDocument({
    width: 10,
    height: 10,
    title: '<script>"&',
    background: '#fff',
    manifest: { name: '</metadata>&' },
    body: '',
  });
  expect(svg).not.toContain('<script>');
  const metadata = /<metadata[^>]*>(.*)<\/metadata>/.exec(svg)?.[1] ?? '';
  const text = metadata
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
  expect(JSON.parse(text)).toEqual({ name: '</metadata>&' });
  expect(escapeXml('a\u0000b\u0007')).toBe('ab');
});

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type), data]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(zlibCrc32(body));
  return Buffer.concat([size, body, crc]);
};
const tinyPng = Buffer.concat([
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  chunk('IHDR', Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0])),
  chunk('IDAT', deflateSync(Buffer.from([0, 255]))),
  chunk('IEND', Buffer.alloc(0)),
]);

test('a PNG gets a valid text chunk after its header and keeps the rest byte for byte', () => {
  const text = JSON.stringify({ task: 'é' });
  const marked = Buffer.from(withPngText(tinyPng, 'uncurl-manifest', text));
  const added = marked.length - tinyPng.length;
  expect(marked.subarray(0, 33)).toEqual(tinyPng.subarray(0, 33));
  expect(marked.subarray(33 + added)).toEqual(tinyPng.subarray(33));
  expect(marked.subarray(33, 33 + added)).toEqual(
    chunk('iTXt', Buffer.concat([Buffer.from('uncurl-manifest'), Buffer.alloc(5), Buffer.from(text)])),
  );
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(() => withPngText(Buffer.from('not a picture at all, but long enough for one'), 'k', 't')).toThrow(
    /signature/,
  );
});

test('a heatmap has one rectangle per cell and one more per hatched cell', () => {
  const { body } = heatmapSvg({
    title: 'T',
    matrix: [
      [0, 0.5],
      [1, 0.2],
    ],
    scale: amountScale(1),
    hatch: (layer, expert) => (layer === 0 && expert === 1 ? 'dropped' : 'none'),
    cellText: String,
    legendText: String,
  });
  expect(body.match(/fill="url\(#dropped\)"/g)).toHaveLength(1);
  expect(body.match(/text-anchor="middle" font-size="11" fill="#(?:ffffff|000000)"/g)).toHaveLength(4);
});
