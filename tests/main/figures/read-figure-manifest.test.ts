import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { figures } from '../../../main/figures/figures.ts';
import { profileCsv } from '../../../main/figures/profile-table.ts';
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
  const figures = saved.filter(({ name }) => !/\.(md|json)$/.test(name));
  expect(new Set(figures.map(({ name }) => name.slice(name.lastIndexOf('.'))))).toEqual(
    new Set(['.svg', '.png', '.csv']),
  );
  for (const { name, contents } of figures)
    expect(readFigureSource(bytesOf(contents))).toEqual({
      kind: 'run',
      run: manifest.id,
      // A table names its run in a column; the manifest is beside it.
      title: name.endsWith('.csv') ? null : manifest.title,
    });
});

test('a table of several runs names them all', () => {
  const table = new TextEncoder().encode('run,name\nsweep-1,a\nsweep-1,a\nsweep-2,b\n');
  expect(readFigureSource(table)).toEqual({ kind: 'runs', runs: ['sweep-1', 'sweep-2'] });
});

test('one of a profile without a run names model and task', () => {
  const record = { model: { name: 'm', fingerprint: 'f' }, task: { name: 't', hash: 'h' } };
  const present = profileCsv('e16', sampleProfile('sums', 4, 16), record);
  expect(readFigureSource(bytesOf(present))).toEqual({ kind: 'profile', model: 'e16', task: 'sums' });
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
