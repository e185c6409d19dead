import { describe, expect, it } from 'vitest';
import { figureTheme } from '../../../main/figures/colors.ts';
import { chartScales, fittingTicks, placePoints } from '../../../main/figures/chart.ts';
import { drawChartFigure, drawMarks } from '../../../main/figures/chart-svg.ts';
import {
  differenceChart,
  differenceFigure,
  differencePanel,
  ruleDifference,
} from '../../../main/figures/difference-chart.ts';
import { oneSidedEnds } from '../../../main/evaluation/verdicts.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { sweepResult } from '../evaluation/outcomes.ts';
import { sampleManifest } from './sample-run.ts';
import { parseXml } from './xml-outline.ts';

const n = 1000;
const counts = (lost: number) => ({ gained: 0, lost, n });
const point = (method: string, factor: number, lost: number, seed: number | null = null) =>
  sweepResult({
    method,
    factor,
    seed,
    ...counts(lost),
    difference: -lost / n,
  });
const results = [
  point('uncurl', 4, 200),
  point('reap', 2, 5),
  point('reap', 4, 15),
  point('random', 2, 5, 0),
  point('random', 2, 300, 1),
  sweepResult({ method: 'unpruned', factor: 1 }),
];
const panel = differencePanel(results, 0.02) ?? expect.fail('no panel');
const light = figureTheme('light');
const plot = { left: 60, top: 10, width: 600, height: 200 };
const METHODS = ['random', 'reap', 'uncurl'];
const chartOf = (shown = METHODS) =>
  differenceChart(panel, { marks: methodMarks(METHODS, light, shown), heading: '', largestFactor: 16 });
const drawn = (shown = METHODS): string =>
  drawMarks(chartOf(shown), plot, light, 'reap')
    .map(({ svg }) => svg)
    .join('');
const at = (method: string, factor: number) =>
  panel.series.find((series) => series.method === method)?.points.find((one) => one.factor === factor);

describe('points of differences', () => {
  it('have the verdict of their one-sided ends: safe, worse, or neither', () => {
    expect(at('reap', 2)).toMatchObject({
      verdict: 'safe',
      difference: -0.005,
      draws: [oneSidedEnds(counts(5), 0.02)],
    });
    expect(at('reap', 4)?.verdict).toBe('undecided');
    expect(at('uncurl', 4)?.verdict).toBe('worse');
  });

  it('of several draws are their mean and range, with the ends of each, safe or worse only if every draw is', () => {
    const random = at('random', 2);
    expect(random).toMatchObject({ verdict: 'undecided', safe: { count: 1, of: 2 }, lowest: -0.3, highest: -0.005 });
    expect(random?.difference).toBeCloseTo(-0.1525, 12);
    expect(random?.draws.map(({ low, difference, result }) => [result.seed, low, difference])).toEqual([
      [0, oneSidedEnds(counts(5), 0.02).low, -0.005],
      [1, oneSidedEnds(counts(300), 0.02).low, -0.3],
    ]);
  });

  it('follow the verdict of the document, which asks for items enough', () => {
    const panel = differencePanel([{ ...point('reap', 2, 0), verdict: 'undecided' }], 0.02);
    expect(panel?.series[0]?.points[0]?.verdict).toBe('undecided');
  });

  it('are of minus log-perplexity for texts, with both of its ends', () => {
    const text = sweepResult({
      metric: 'perplexity',
      value: 22,
      difference: 2,
      lowOneSided: -0.12,
      highOneSided: -0.07,
      lost: 0,
      gained: 0,
    });
    expect(ruleDifference(text)).toBeCloseTo(-Math.log(1.1), 12);
    expect(differencePanel([text], 0.02)?.series[0]?.points[0]?.draws).toMatchObject([{ low: -0.12, high: -0.07 }]);
    expect(differencePanel([sweepResult({ method: 'unpruned', factor: 1 })], 0.02)).toBeNull();
  });
});

describe('the chart of differences', () => {
  it('puts every point with its interval and its one-sided end within the plot, and larger losses lower', () => {
    const chart = chartOf();
    const { y } = chartScales(chart, plot);
    for (const { point: shown, whiskers, y: height } of placePoints(chart, plot)) {
      expect(whiskers.length).toBeGreaterThan(0);
      for (const value of whiskers.flatMap(({ low, high, end = 0 }) => [low, high, end])) {
        expect(y(value)).toBeGreaterThanOrEqual(plot.top);
        expect(y(value)).toBeLessThanOrEqual(plot.top + plot.height);
      }
      expect(height).toBeCloseTo(y(shown.y), 9);
    }
    expect(y(at('reap', 2)?.difference ?? 0)).toBeLessThan(y(at('uncurl', 4)?.difference ?? 0));
  });

  it('draws the two-sided interval of the result, and a bar at the one-sided end that its tip names', () => {
    const [found = expect.fail('no point')] = chartOf(['reap']).series[0]?.points ?? [];
    const result = at('reap', 2)?.draws[0]?.result ?? expect.fail('no result');
    const { low } = oneSidedEnds(counts(5), 0.02);
    expect(found.whiskers).toMatchObject([{ low: result.low, high: result.high, end: low }]);
    expect(found.tip().lines[0]).toMatch(/^difference \S+ \[\S+ \S+\] points; one-sided lower end −\d/u);
    expect(drawn(['reap']).match(/class="one-sided-end"/g)).toHaveLength(2);
  });

  it('names that its scale is compressed, and the factors that were measured', () => {
    const { x, y } = chartOf();
    expect(y.title).toBe('difference (points), compressed');
    expect(x.ticks).toEqual([1, 2, 4]);
    expect(x.domain).toEqual([1, 16]);
  });

  it('draws a band from the lowest to the highest draw, and whiskers of each, only if there are several', () => {
    expect([drawn(['random']).match(/class="draws"/g), drawn(['reap']).match(/class="draws"/g)]).toEqual([
      ['class="draws"'],
      null,
    ]);
    expect(drawn(['random']).match(/<circle /g)).toHaveLength(2);
  });

  it('labels well-separated round differences, including 0', () => {
    const chart = chartOf();
    const { y } = chartScales(chart, plot);
    const ticks = fittingTicks(chart.y, y, 'y');
    expect(ticks).toContain(0);
    const heights = ticks.map((tick) => y(tick)).sort((one, other) => one - other);
    heights.slice(1).forEach((height, index) => expect(height - (heights[index] ?? 0)).toBeGreaterThanOrEqual(15));
  });

  it('shades the safe side of the margin, and only draws the shown methods', () => {
    const { y } = chartScales(chartOf(), plot);
    const margin = Math.round((y(-0.02) - plot.top) * 100) / 100;
    expect(drawn()).toContain(`<rect x="60" y="10" width="600" height="${margin}"`);
    expect(placePoints(chartOf(['uncurl']), plot)).toHaveLength(1);
  });

  it('is a standalone figure with legend, n, rule and runs', () => {
    const dark = figureTheme('dark');
    const described = differenceFigure(
      {
        model: 'uncurl-16',
        panels: [panel],
        methods: ['random', 'reap', 'uncurl'],
        shown: ['random', 'reap'],
        largestFactor: 16,
        otherRuns: ['later-run'],
      },
      'The rule.',
      dark,
    );
    const figure = drawChartFigure(described, sampleManifest, dark);
    expect(() => parseXml(figure.svg)).not.toThrow();
    for (const words of ['Random (2 draws)', 'REAP', 'n = 1000', 'The rule.', 'later-run', 'difference to unpruned'])
      expect(figure.svg).toContain(words);
    expect(figure.svg).not.toContain('UNCURL<');
  });
});
