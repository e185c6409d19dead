import { expect, test } from 'vitest';
import { amountScale, differenceScale, figureTheme } from '../../../main/figures/colors.ts';
import { profileRecord } from '../../../main/figures/figure-manifest.ts';
import { heatmapFigure } from '../../../main/figures/heatmap-figure.ts';
import { profileCsv } from '../../../main/figures/profile-table.ts';
import { routingView } from '../../../main/figures/views.ts';
import { sampleManifest, sampleProfile } from './sample-run.ts';
import { findAll, parseXml } from './xml-outline.ts';

const map = {
  title: 'T',
  unit: 'u',
  note: '</metadata>&',
  manifest: profileRecord(
    { name: '</metadata>&"', fingerprint: 'f' },
    { ...sampleProfile('t', 2, 3), task: '<script>' },
  ),
  matrix: [
    [0, 0.5],
    [1, null],
  ],
  scale: amountScale(1),
  theme: figureTheme('dark'),
};

test('a plan is drawn over the cells of its experts, with a legend of its patterns', () => {
  const { svg } = heatmapFigure({
    ...map,
    hatches: [
      ['none', 'dropped'],
      ['merged', 'dropped'],
    ],
  });
  const root = parseXml(svg);
  const cellsOf = (hatch: string): number =>
    findAll(root, 'path')
      .filter(({ attributes }) => attributes['fill'] === `url(#${hatch})`)
      .flatMap(({ attributes }) => attributes['d']?.match(/M/g) ?? []).length;
  expect([cellsOf('dropped'), cellsOf('merged')]).toEqual([2, 1]);
  expect(findAll(root, 'pattern').map(({ attributes }) => attributes['id'])).toEqual(['dropped', 'merged']);
  const texts = findAll(root, 'text').map(({ text }) => text);
  for (const text of ['dropped by the plan', 'merged by the plan', 'never chosen']) expect(texts).toContain(text);
  expect(heatmapFigure(map).svg).not.toContain('pattern');
});

test('no text can break out of the SVG, and its manifest can be read back', () => {
  const [metadata] = findAll(parseXml(heatmapFigure(map).svg), 'metadata');
  expect(metadata?.attributes['id']).toBe('manifest');
  expect(JSON.parse(metadata?.text ?? '')).toEqual(map.manifest);
});

test('a difference of two tasks is drawn about 0, and its table names both', () => {
  const [profile, minus] = [sampleProfile('sums', 4, 16), sampleProfile('prose', 4, 16)];
  const { picture, table } = routingView(
    {
      manifest: sampleManifest,
      model: 'e16',
      profile,
      metric: 'share',
      profiles: [profile, minus],
      theme: 'light',
      minus: { name: minus.task, profile: minus, indices: null },
    },
    { models: new Map(), tasks: new Map() },
  );
  expect(picture?.name).toBe('heatmap-e16--sums--share--minus-prose');
  const { svg, title } = picture?.draw() ?? { svg: '', title: '' };
  expect(title).toBe('e16 on sums minus prose: Share of tokens that choose the expert');
  expect(svg).toContain(differenceScale(1, 'light').color(-1));
  expect(findAll(parseXml(svg), 'text').map(({ text }) => text)).toContain('0');
  const [header = '', first = ''] = table.write().split('\n');
  const cell = (name: string): string | undefined => first.split(',')[header.split(',').indexOf(name)];
  expect(cell('minus')).toBe('prose');
  expect(Number(cell('share_difference'))).toBe(
    (profile.counts[0]?.[0] ?? 0) / profile.tokens - (minus.counts[0]?.[0] ?? 0) / minus.tokens,
  );
});

test('the table of a map with a plan gives the effect of the plan on each expert', () => {
  const csv = profileCsv('m', sampleProfile('t', 1, 2), sampleManifest, { hatches: [['none', 'merged']] });
  expect(csv.split('\n').map((line) => line.split(',').at(-1))).toEqual(['plan', 'none', 'merged', '']);
});

test('in a difference to a pruned copy experts are matched with their sources, and missing ones are named', () => {
  const [profile, copy] = [sampleProfile('sums', 1, 3), sampleProfile('sums', 1, 2)];
  const minus = { name: 'e3-pruned', profile: copy, indices: [[0, null, 1]] };
  const view = { manifest: sampleManifest, model: 'e3', profile, metric: 'share', profiles: [profile], minus } as const;
  const names = { models: new Map(), tasks: new Map() };
  const { picture, table } = routingView({ ...view, theme: 'light', scaling: 'linear' }, names);
  const texts = findAll(parseXml(picture?.draw().svg ?? ''), 'text').map(({ text }) => text);
  expect(texts).toContain('never chosen, or missing in e3-pruned');
  const [header = '', ...lines] = table.write().split('\n');
  const column = header.split(',').indexOf('share_difference');
  const share = (of: typeof profile, expert: number): number => (of.counts[0]?.[expert] ?? 0) / of.tokens;
  expect(lines.slice(0, 3).map((line) => line.split(',')[column])).toEqual([
    String(share(profile, 0) - share(copy, 0)),
    '',
    String(share(profile, 2) - share(copy, 1)),
  ]);
});

test('a map in another order is drawn in it, and names the order', () => {
  const profile = sampleProfile('sums', 2, 3);
  const view = { manifest: sampleManifest, model: 'e3', profile, metric: 'share', profiles: [profile], theme: 'light' };
  const drawn = (experts: readonly (readonly number[])[] | null): string =>
    routingView(
      { ...view, theme: 'light', order: experts === null ? null : { experts, words: 'by falling value' } },
      { models: new Map(), tasks: new Map() },
    ).picture?.draw().svg ?? '';
  expect(
    drawn([
      [2, 1, 0],
      [0, 1, 2],
    ]),
  ).toContain('position in the layer, experts by falling value');
  const cells = (svg: string): string => svg.slice(svg.indexOf('crispEdges'), svg.indexOf('</g>'));
  const plain = cells(drawn(null));
  expect(
    cells(
      drawn([
        [0, 1, 2],
        [0, 1, 2],
      ]),
    ),
  ).toBe(plain);
  expect(
    cells(
      drawn([
        [2, 1, 0],
        [0, 1, 2],
      ]),
    ),
  ).not.toBe(plain);
});
