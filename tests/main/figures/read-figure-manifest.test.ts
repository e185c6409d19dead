import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { figures } from '../../../main/figures/figures.ts';
import { readFigureSource } from '../../../main/figures/read-figure-manifest.ts';
import { sampleManifest, sampleProfile, sampleSweep } from './sample-run.ts';

const manifest = { ...sampleManifest, title: 'A <title> & "more", é' };
const saved = figures({
  deflate: (bytes) => deflateSync(bytes),
  manifest,
  document: sampleSweep(),
  profiles: [{ model: 'e16', profiles: [sampleProfile('sums', 4, 16)] }],
});
const bytesOf = (contents: string | Uint8Array): Uint8Array =>
  typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;

test('every saved SVG, PNG and CSV says which run it comes from', () => {
  const figures = saved.filter(({ name }) => !name.endsWith('.md'));
  expect(new Set(figures.map(({ name }) => name.slice(name.lastIndexOf('.'))))).toEqual(
    new Set(['.svg', '.png', '.csv']),
  );
  for (const { contents } of figures)
    expect(readFigureSource(bytesOf(contents))).toEqual({ kind: 'run', run: manifest.id, title: manifest.title });
});

test('one of a profile without a run names model and task', () => {
  const record = { model: { name: 'm', fingerprint: 'f' }, task: { name: 't', hash: 'h' } };
  const table = new TextEncoder().encode(`# manifest: ${JSON.stringify(record)}\na,b\n`);
  expect(readFigureSource(table)).toEqual({ kind: 'profile', model: 'm', task: 't' });
});

test('files of other programs, and damaged ones, have no provenance', () => {
  for (const text of ['', 'a,b\n1,2', '<svg/>', '# manifest: {', '# manifest: {"id":"../../x"}'])
    expect(readFigureSource(new TextEncoder().encode(text))).toBeNull();
  const picture = bytesOf(saved.find(({ name }) => name.endsWith('.png'))?.contents ?? '');
  fc.assert(
    fc.property(fc.nat(picture.length), (length) => {
      const source = readFigureSource(picture.subarray(0, length));
      expect(source === null || (source.kind === 'run' && source.run === manifest.id)).toBe(true);
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => readFigureSource(bytes) === null));
});
