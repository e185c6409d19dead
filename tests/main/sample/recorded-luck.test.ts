import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { sweepText } from '../../../main/cli/sweep-text.ts';
import { runManifest } from '../../../main/contract/run.ts';
import { luckThresholds } from '../../../main/evaluation/calibration-luck.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { drawChartFigure } from '../../../main/figures/chart-svg.ts';
import { luckFigure, luckPictures } from '../../../main/figures/luck-figure.ts';
import { calibrationDrawsCsv, luckRows } from '../../../main/figures/tables.ts';
import { findAll, parseXml } from '../figures/xml-outline.ts';
import { recordedResults } from './recorded.ts';

const folder = path.resolve(import.meta.dirname, '../../../resources/luck/run');
const manifest = runManifest.parse(JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')));
const document = await recordedResults('luck');
const { calibrationDraws = [] } = document;

test('the record holds every draw of every plan, with its verdict at the margin of the reading', () => {
  // 9 tasks, 3 methods, 3 factors, 2 sizes, 5 draws.
  expect(calibrationDraws).toHaveLength(9 * 3 * 3 * 2 * 5);
  const again = withThresholds(document, { delta: 0.02 });
  expect(again.calibrationDraws).toEqual(calibrationDraws);
  const safe = ({ calibrationDraws: points = [] }: typeof document): number =>
    points.filter(({ result }) => result.verdict === 'safe').length;
  expect(safe(withThresholds(document, { delta: 0.1 }))).toBeGreaterThan(safe(document));
  expect(safe(withThresholds(document, { delta: 0.02, familywise: true }))).toBeLessThan(safe(document));
  // The threshold of all items is that of the document, at the factors of the draws.
  for (const { task, method, all } of luckThresholds(document)) {
    const own = document.thresholds.find((one) => one.task === task && one.method === method);
    expect([task, method, own?.lastSafe]).toEqual([task, method, all]);
  }
});

test('each model and factor has a picture over the number of items: bars from the lowest to the highest draw', () => {
  const pictures = luckPictures(document);
  expect(pictures.map(({ model, factor }) => [model, factor])).toEqual(
    [2, 4, 8].map((factor) => ['uncurl-64', factor]),
  );
  const look = figureTheme('light');
  const ascending = (values: readonly number[]): readonly number[] => [...values].sort((one, other) => one - other);
  let moving = 0;
  for (const picture of pictures) {
    const { svg, description } = drawChartFigure(luckFigure(document, picture, look), manifest, look);
    expect(description).toBe('9 tasks, methods frequency, reap, uncurl, draws of 30, 300 calibration items.');
    const lines = findAll(parseXml(svg), 'line').map(({ attributes }) => attributes);
    const height = ({ y1, y2 }: (typeof lines)[number]): number => Math.abs(Number(y1) - Number(y2));
    const bars = lines.filter(({ x1, x2, 'stroke-width': width }) => x1 === x2 && width === '1.2');
    // A bar for each task, method and number of items; its length is the range of the draws on the scale of the task.
    expect(bars).toHaveLength(9 * 3 * 2);
    [...new Set(picture.points.map(({ task }) => task))].forEach((task, panel) => {
      const own = picture.points.filter((point) => point.task === task);
      const spreads = ascending(own.map(({ value }) => value.highest - value.lowest));
      const heights = ascending(bars.slice(6 * panel, 6 * (panel + 1)).map(height));
      const [tallest, widest] = [Math.max(...heights), Math.max(...spreads)];
      // Where no draw differs, as on easy tasks at a small factor, the task has no scale and every bar no length.
      const scale = widest === 0 ? 0 : tallest / widest;
      expect(scale > 0, task).toBe(widest > 0);
      if (widest > 0) moving += 1;
      // Coordinates in the file are rounded to hundredths of a pixel.
      heights.forEach((pixels, index) => expect(pixels).toBeCloseTo(scale * (spreads[index] ?? NaN), 1));
    });
  }
  // Four tasks (capital, plural, sort, spanish) have the same value in every draw of every plan at factor 2.
  expect(moving).toBe(9 * 3 - 4);
});

test('terminal and CSV show the draws', () => {
  const rows = luckRows(document);
  expect(rows).toHaveLength(calibrationDraws.length / 5);
  const text = sweepText(document);
  expect(text).toContain('Calibration draws: the calibration items drawn again with replacement.');
  expect(text).toMatch(/items drawn +all items +draws +spread +on all items +safe in/);
  expect(text).toContain('uncurl-64 by UNCURL, 5 calibration draws of 300 items');
  const csv = calibrationDrawsCsv(document, manifest)?.trim().split('\n') ?? [];
  expect(csv).toHaveLength(1 + calibrationDraws.length);
  const head = csv[0]?.split(',') ?? [];
  for (const name of ['calibration_draw', 'calibration_items', 'in_common', 'rank_correlation', 'few_tokens', 'value'])
    expect(head).toContain(name);
  expect(calibrationDrawsCsv({ ...document, calibrationDraws: [] }, manifest)).toBeNull();
});
