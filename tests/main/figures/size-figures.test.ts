import { deflateSync } from 'node:zlib';
import { describe, expect, it, test } from 'vitest';
import type { SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { bestThresholdsFigure, CELL } from '../../../main/figures/best-figure.ts';
import { type FigureTheme, figureTheme, pageColors, pageTheme } from '../../../main/figures/colors.ts';
import { figures } from '../../../main/figures/figures.ts';
import { methodColors } from '../../../main/figures/method-marks.ts';
import { profileMetrics } from '../../../main/figures/profile-table.ts';
import { routingSheet } from '../../../main/figures/routing-sheet.ts';
import { countsAxis, chartScales } from '../../../main/figures/chart.ts';
import { drawChartFigure } from '../../../main/figures/chart-svg.ts';
import { differenceDomain, pairPanels, sizePairFigure } from '../../../main/figures/size-pair-figure.ts';
import { textWidth } from '../../../main/figures/svg.ts';
import { expertTrendFigure } from '../../../main/figures/size-trend-figure.ts';
import { sampleSizeTrend } from '../evaluation/size-trend/sample-size-trend.ts';
import { sampleManifest, sampleProfile } from './sample-run.ts';
import { expectInFrame } from './expect-in-frame.ts';
import { findAll, parseXml } from './xml-outline.ts';

const tasks = ['sums', 'facts', 'sort'];
const limit = (experts: number, task: string): number => (task === 'sort' ? 1000 : experts / 16);
const sample = sampleSizeTrend({ sizes: [8, 16, 32, 64], tasks, methods: ['random', 'reap'], limit });
const twice = sampleSizeTrend({ sizes: [8, 16], trainings: 2, tasks, methods: ['reap'], limit });
const light = figureTheme('light');
const drawn = (figure: typeof expertTrendFigure, sizeTrend: SizeTrendDocument, theme: FigureTheme): string =>
  drawChartFigure(figure(sizeTrend, tasks, theme), sampleManifest, theme).svg;

describe('figures over the sizes of models', () => {
  it('are added to those of a sweep if its models differ in E', () => {
    const names = figures({
      deflate: deflateSync,
      manifest: sampleManifest,
      document: sample.document,
      sizeTrend: sample.sizeTrend,
      profiles: [],
    }).map(({ name }) => name);
    expect(names.slice(-9)).toEqual([
      'findings.md',
      'best-thresholds.svg',
      'best-thresholds.csv',
      'thresholds-by-experts.svg',
      'thresholds-by-experts.csv',
      'pruned-against-scratch.svg',
      'pruned-against-scratch.csv',
      'equal-kept-experts.csv',
      'manifest.json',
    ]);
    const one = sampleSizeTrend({ sizes: [16], tasks, limit });
    const ofOne = figures({
      deflate: deflateSync,
      manifest: sampleManifest,
      document: one.document,
      sizeTrend: one.sizeTrend,
      profiles: [],
    });
    expect(ofOne.map(({ name }) => name).filter((name) => /findings|experts|scratch/.test(name))).toEqual([
      'findings.md',
    ]);
  });

  it('leave room between a threshold and its methods, however wide both are', () => {
    const [found] = sample.sizeTrend.thresholds;
    const models = sample.sizeTrend.models.filter(({ name }) => name === found?.model);
    if (found === undefined) expect.fail('no threshold');
    const wide = { ...found, verdict: 'found', factor: 8 / 6, lastSafe: 8 / 6, firstUnsafe: 2 } as const;
    const methods = ['frequency-merging', 'random'];
    const thresholds = methods.map((method) => ({ ...wide, method }));
    const sizeTrend = { ...sample.sizeTrend, models, thresholds, methods };
    const { svg } = bestThresholdsFigure(sizeTrend, [found.task], sampleManifest, light);
    const labels = findAll(parseXml(svg), 'text').map(({ text }) => text);
    expect(labels).toContain('×1.33');
    const names = labels.find((text) => text.endsWith('…')) ?? expect.fail('the methods are not cut');
    expect(textWidth(names, 11) + textWidth('×1.33', 15)).toBeLessThanOrEqual(CELL.width - 24);
  });

  it('keep to their canvas, for one training a size and for several', () => {
    for (const { sizeTrend } of [sample, twice]) {
      expectInFrame(drawn(expertTrendFigure, sizeTrend, light));
      expectInFrame(drawn(sizePairFigure, sizeTrend, light));
    }
  });

  it('name tasks, sizes, methods, the rule and how to read them', () => {
    const texts = findAll(parseXml(drawn(expertTrendFigure, sample.sizeTrend, light)), 'text').map(({ text }) => text);
    for (const text of [
      '3 tasks',
      'E 8',
      'E 64',
      '\u00d72',
      'REAP',
      'Random',
      'threshold factor',
      'experts before pruning (E)',
    ]) {
      expect(texts).toContain(text);
    }
    expect(texts.join(' ')).toContain(sample.sizeTrend.rule);
    const pairs = findAll(parseXml(drawn(sizePairFigure, sample.sizeTrend, light)), 'text').map(({ text }) => text);
    for (const text of ['16 \u2192 8', '64 \u2192 8', '64 \u2192 32', 'difference of accuracy (points)'])
      expect(pairs).toContain(text);
  });

  it('draw a line per task through its thresholds in the panel of each method, and the median between them', () => {
    const root = parseXml(drawn(expertTrendFigure, sample.sizeTrend, light));
    const labels = findAll(root, 'text').filter(({ attributes }) => attributes['text-anchor'] === 'end');
    const yOf = (factor: number): number =>
      Number(labels.find(({ text }) => text === `\u00d7${String(factor)}`)?.attributes['y']) - 3.5;
    const heights = (width: string): (readonly number[])[] =>
      findAll(root, 'path')
        .filter(({ attributes }) => attributes['stroke-width'] === width && attributes['fill'] === 'none')
        .map(({ attributes }) =>
          [...(attributes['d'] ?? '').matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y)),
        );
    // Facts and sums: 1, 1, 2, 4 at E = 8, 16, 32, 64; sorting reaches further.
    const thin = heights('0.8');
    expect(thin).toHaveLength(2 * 3);
    const near = (own: readonly number[], factors: readonly number[]): boolean =>
      own.length === factors.length && own.every((y, index) => Math.abs(y - yOf(factors[index] ?? 0)) < 2);
    expect(thin.filter((own) => near(own, [1, 1, 2, 4]))).toHaveLength(4);
    const medians = heights('2.2');
    expect(medians).toHaveLength(2);
    for (const own of medians) expect(near(own, [1, 1, 2, 4])).toBe(true);
  });

  it('combine several trainings and draws into mean and range, with their standing', () => {
    const [panel] = pairPanels(twice.sizeTrend.pairs, ['sort']);
    expect(panel?.rows).toHaveLength(1);
    const [point] = panel?.rows[0]?.points ?? [];
    expect([point?.pairs.length, point?.standing]).toEqual([4, 'within']);
    const few = sampleSizeTrend({ sizes: [8, 16], tasks, limit, items: 60 });
    expect(pairPanels(few.sizeTrend.pairs, ['sort'])[0]?.rows[0]?.points[0]?.standing).toBe('unknown');
    expect(pairPanels(sample.sizeTrend.pairs, ['facts'])[0]?.rows[0]?.points[0]?.standing).toBe('past');
  });

  it('are in the middle for a single size', () => {
    const x = countsAxis([16], { title: '', label: String }, [0, 0]);
    expect(chartScales({ x, y: x }, { left: 10, top: 0, width: 10, height: 1 }).x(16)).toBe(15);
  });
});

describe('figures inside a page', () => {
  const profile = sampleProfile('sums', 4, 16);
  const blocks = [{ task: 'sums', matrix: profileMetrics[0]?.matrix(profile) ?? [] }];
  const sheet = { title: 't', unit: 'u', blocks, maximum: 1, manifest: sampleManifest };

  it('take their colours from the page, in its light and its dark form', () => {
    const svg = [
      drawn(expertTrendFigure, sample.sizeTrend, pageTheme),
      drawn(sizePairFigure, sample.sizeTrend, pageTheme),
      routingSheet({ ...sheet, theme: pageTheme }).svg,
    ].join('');
    const used = new Set([...svg.matchAll(/var\((--[a-z0-9-]+)\)/g)].map(([, name]) => name));
    for (const name of ['light', 'dark'] as const) {
      const defined = new Set([...pageColors(name), ...methodColors(name)].map(([property]) => property));
      expect([...used].filter((property) => property === undefined || !defined.has(property))).toEqual([]);
    }
    expect(used.size).toBeGreaterThan(4);
  });

  it('have no ids that could clash, no manifest, and an accessible name', () => {
    const svg = drawn(expertTrendFigure, sample.sizeTrend, pageTheme);
    expect(svg).not.toMatch(/ id="|<\?xml|metadata/);
    expect(parseXml(svg).attributes['aria-label']).toContain('Threshold against the number of pretraining experts');
  });

  it('draw each cell of a routing sheet once, and tasks below each other', () => {
    const svg = routingSheet({
      ...sheet,
      blocks: [...blocks, { task: 'facts', matrix: blocks[0]?.matrix ?? [] }],
      theme: light,
    }).svg;
    expectInFrame(svg);
    const cells = findAll(parseXml(svg), 'path').flatMap(({ attributes }) => attributes['d']?.match(/M\d+ \d+/g) ?? []);
    expect([cells.length, new Set(cells).size]).toEqual([128, 128]);
  });
});

test('the axis of pairs includes every whisker, and 0', () => {
  const { sizeTrend } = sampleSizeTrend({
    sizes: [8, 16, 32],
    trainings: 2,
    tasks: ['sums', 'plurals'],
    methods: ['frequency', 'reap'],
    limit: (experts) => experts / 8,
  });
  const panels = pairPanels(sizeTrend.pairs, sizeTrend.tasks);
  for (const panel of panels) {
    const [low, high] = differenceDomain(panel, panels);
    expect(low).toBeLessThanOrEqual(0);
    expect(high).toBeGreaterThanOrEqual(0);
    for (const dot of panel.rows.flatMap(({ points }) => points)) {
      expect(dot.low).toBeGreaterThanOrEqual(low);
      expect(dot.high).toBeLessThanOrEqual(high);
    }
  }
});
