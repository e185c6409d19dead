import { crc32 as zlibCrc32, deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { shownManifest } from '../../../main/words/equivalent-command.ts';
import { crc32, pngTexts, withPngTexts } from '../../../main/figures/png.ts';
import { sampleManifest } from './sample-run.ts';

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
  const marked = Buffer.from(withPngTexts(tinyPng, { Manifest: text }));
  const added = marked.length - tinyPng.length;
  expect(marked.subarray(0, 33)).toEqual(tinyPng.subarray(0, 33));
  expect(marked.subarray(33 + added)).toEqual(tinyPng.subarray(33));
  expect(marked.subarray(33, 33 + added)).toEqual(
    chunk('iTXt', Buffer.concat([Buffer.from('Manifest'), Buffer.alloc(5), Buffer.from(text)])),
  );
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(() => withPngTexts(Buffer.from('not a picture at all, but long enough for one'), { k: 't' })).toThrow(
    /signature/,
  );
});

test('the texts of a drawing have the keywords of every written PNG', () => {
  const drawing = { title: 'T', description: 'D', manifest: sampleManifest };
  expect(pngTexts(drawing)).toEqual({
    Title: 'T',
    Description: 'D',
    Manifest: JSON.stringify(shownManifest(sampleManifest)),
  });
});
