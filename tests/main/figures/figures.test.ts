import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shownManifest } from '../../../main/words/equivalent-command.ts';
import { figures, type FigureFile } from '../../../main/figures/figures.ts';
import { decodePng } from './decode-png.ts';
import { sampleManifest, sampleProfile, sampleSweep } from './sample-run.ts';
import { expectInFrame } from './expect-in-frame.ts';
import { findAll, parseXml } from './xml-outline.ts';

const sweep = sampleSweep();
const source = {
  deflate: (bytes: Uint8Array) => deflateSync(bytes, { level: 9 }),
  manifest: sampleManifest,
  document: sweep,
  profiles: [{ model: 'e16', profiles: [sampleProfile('sums', 4, 16), sampleProfile('prose', 4, 16)] }],
};
const textOf = (files: readonly FigureFile[], name: string): string => {
  const contents = files.find((file) => file.name === name)?.contents;
  if (typeof contents !== 'string') throw new Error(`no text file ${name}`);
  return contents;
};
const bytesOf = (files: readonly FigureFile[], name: string): Uint8Array => {
  const contents = files.find((file) => file.name === name)?.contents;
  if (!(contents instanceof Uint8Array)) throw new Error(`no binary file ${name}`);
  return contents;
};

describe('figures', () => {
  const files = figures(source);

  it('are these files', () => {
    const heatmaps = ['share', 'gate', 'reap', 'ean'].flatMap((metric) =>
      ['sums', 'prose'].flatMap((task) => ['svg', 'png'].map((kind) => `heatmap-e16--${task}--${metric}.${kind}`)),
    );
    expect(files.map(({ name }) => name)).toEqual([
      'curves-e16.svg',
      'kept-e16.svg',
      'loss-e16.svg',
      'results.csv',
      'thresholds.csv',
      'thresholds.md',
      ...heatmaps,
      'profile-e16--sums.csv',
      'profile-e16--prose.csv',
      'manifest.json',
    ]);
  });

  it('carry the manifest, in both themes', () => {
    for (const file of [...files, ...figures(source, 'dark')]) {
      const { name, contents } = file;
      if (contents instanceof Uint8Array) {
        expect(JSON.parse(decodePng(contents).texts['Manifest'] ?? '')).toEqual(shownManifest(sampleManifest));
      } else if (name.endsWith('.svg')) {
        const [metadata] = findAll(parseXml(contents), 'metadata');
        expect(JSON.parse(metadata?.text ?? '')).toEqual(shownManifest(sampleManifest));
      } else if (name.endsWith('.csv')) {
        const [header = '', ...lines] = contents.trimEnd().split('\n');
        expect(header).toMatch(/^run,/);
        expect(lines.every((line) => line.startsWith(`${sampleManifest.id},`))).toBe(true);
      } else if (name.endsWith('.json')) {
        expect(JSON.parse(contents)).toEqual(shownManifest(sampleManifest));
      } else expect(contents).toContain(sampleManifest.id);
    }
  });

  it('keep to their canvas and contain only finite numbers', () => {
    for (const { name, contents } of files) {
      if (typeof contents !== 'string' || !name.endsWith('.svg')) continue;
      expectInFrame(contents);
    }
  });

  it('are the same bytes for the same source, one sheet per model, other colours in the dark', () => {
    expect(figures(source)).toEqual(files);
    const two = figures({ ...source, document: sampleSweep(['e16', 'E16', 'e32']), profiles: [] });
    expect(two.filter(({ name }) => name.startsWith('curves')).map(({ name }) => name)).toEqual([
      'curves-e16.svg',
      'curves-e16-2.svg',
      'curves-e32.svg',
    ]);
    expect(textOf(figures(source, 'dark'), 'curves-e16.svg')).not.toBe(textOf(files, 'curves-e16.svg'));
  });

  it('are refused for a run with nothing to draw', () => {
    const empty = { ...sweep, results: [], thresholds: [] };
    expect(() => figures({ ...source, document: empty, profiles: [] })).toThrow(/neither results nor profiles/);
    expect(() => figures({ ...source, document: null, profiles: [] })).toThrow(/neither/);
    expect(figures({ ...source, document: null }).length).toBe(19);
  });

  it('accept any names', () => {
    // Any code points, including control characters and lone surrogates.
    const codes = fc.array(fc.nat({ max: 0x10ffff }), { minLength: 1, maxLength: 12 });
    const odd = codes.map((list) => String.fromCodePoint(...list));
    fc.assert(
      fc.property(odd, odd, odd, (model, task, method) => {
        const results = sweep.results.slice(0, 8).map((result) => ({ ...result, model, task, method }));
        const thresholds = sweep.thresholds.slice(0, 1).map((one) => ({ ...one, model, task, method }));
        const drawn = figures({
          deflate: source.deflate,
          manifest: { ...sampleManifest, title: method },
          document: { ...sweep, results, thresholds },
          profiles: [{ model, profiles: [{ ...sampleProfile('t', 2, 3), task }] }],
        });
        for (const { name, contents } of drawn) {
          expect(name).toMatch(/^[a-z0-9][a-z0-9.-]*$/);
          if (typeof contents === 'string' && name.endsWith('.svg')) parseXml(contents);
          // A terminal that shows the file obeys nothing in it.
          if (typeof contents === 'string') expect(contents.replaceAll(/[\t\n]/g, '')).not.toMatch(/\p{Cc}/u);
        }
        expect(new Set(drawn.map(({ name }) => name)).size).toBe(drawn.length);
      }),
      { numRuns: 40 },
    );
  });
});

describe('curves', () => {
  const root = parseXml(textOf(figures(source), 'curves-e16.svg'));
  const texts = findAll(root, 'text').map(({ text }) => text);

  it('name tasks, items, axes, methods, the rule and the run', () => {
    for (const text of [
      'sums',
      'facts, "quoted" & <odd>',
      'small',
      'prose',
      'n = 400',
      'n = 60',
      'accuracy (%)',
      'perplexity',
    ]) {
      expect(texts).toContain(text);
    }
    for (const text of ['Random (mean and range of 3 draws)', 'Frequency', 'REAP', 'UNCURL'])
      expect(texts).toContain(text);
    expect(texts.filter((text) => text === 'cannot tell: fewer than 149 items')).toHaveLength(4);
    expect(texts.join(' ')).toContain(sweep.rule);
    expect(texts.join(' ')).toContain('Run sweep-sample');
  });

  it('draw points at their values: 400 items right 90 % of the time above 350', () => {
    // Vertical axis of the first panel: ticks are labelled in per cent, three and a half pixels above their baseline.
    const ticks = findAll(root, 'text')
      .filter(({ attributes, text }) => attributes['text-anchor'] === 'end' && /^\d+$/.test(text))
      .slice(0, 5)
      .map(({ attributes, text }) => ({ percent: Number(text), y: Number(attributes['y']) - 3.5 }));
    const [bottom, top] = [ticks[0], ticks.at(-1)];
    if (bottom === undefined || top === undefined) throw new Error('no ticks');
    const percentAt = (y: number): number =>
      bottom.percent + ((y - bottom.y) / (top.y - bottom.y)) * (top.percent - bottom.percent);
    const curves = findAll(root, 'path').filter(
      ({ attributes }) => attributes['fill'] === 'none' && attributes['stroke-width'] === '1.6',
    );
    const reap = curves.find(({ attributes }) => attributes['stroke-dasharray'] === 'none');
    const ys = [...(reap?.attributes['d'] ?? '').matchAll(/[ML]\S+ ([\d.]+)/g)].map(([, y]) => Number(y));
    const expected = sweep.results.filter(
      ({ task, method }) => task === 'sums' && (method === 'unpruned' || method === 'reap'),
    );
    const percents = ys.map(percentAt);
    expect(percents).toHaveLength(expected.length);
    // Coordinates in the file are rounded to hundredths of a pixel.
    expected.forEach(({ value }, index) => expect(percents[index]).toBeCloseTo(100 * value, 1));
  });
});

describe('heatmaps', () => {
  const files = figures(source);

  it('colour cells from 0 (dark blue) to the maximum of all tasks (yellow), and mark experts never chosen', () => {
    const png = decodePng(bytesOf(files, 'heatmap-e16--sums--reap.png'));
    expect([png.width, png.height]).toEqual([16 * 16, 4 * 16]);
    expect(png.pixel(2 * 16, 16)).toEqual([0xd5, 0xd8, 0xdc]);
    const yellow = [253, 234, 69];
    const cells = ['sums', 'prose'].flatMap((task) => {
      const image = decodePng(bytesOf(files, `heatmap-e16--${task}--share.png`));
      return Array.from({ length: 64 }, (_, i) => image.pixel((i % 16) * 16 + 15, Math.floor(i / 16) * 16 + 15));
    });
    expect(cells.filter((cell) => cell.join() === yellow.join())).toHaveLength(1);
    const unused = decodePng(bytesOf(files, 'heatmap-e16--sums--share.png')).pixel(2 * 16, 16);
    expect(unused).toEqual([0, 32, 81]);
  });

  it('draw every cell once in the vector figure, with labelled axes and scale', () => {
    const root = parseXml(textOf(files, 'heatmap-e16--sums--reap.svg'));
    const squares = findAll(root, 'path').flatMap(({ attributes }) => attributes['d']?.match(/M\d+ \d+/g) ?? []);
    expect(new Set(squares).size).toBe(64);
    expect(squares).toHaveLength(64);
    const texts = findAll(root, 'text').map(({ text }) => text);
    for (const text of ['expert', 'MoE layer', 'never chosen', '15', '3']) expect(texts).toContain(text);
    expect(texts.join(' ')).toContain('10 calibration items, 1000 tokens');
  });

  it('stay small for 60 layers of 256 experts', () => {
    const large = figures({
      ...source,
      document: null,
      profiles: [{ model: 'm', profiles: [sampleProfile('t', 60, 256)] }],
    });
    expect(textOf(large, 'heatmap-m--t--share.svg').length).toBeLessThan(500_000);
  });
});
