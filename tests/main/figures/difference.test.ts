import { describe, expect, it } from 'vitest';
import { figureTheme } from '../../../main/figures/colors.ts';
import {
  differencePanel,
  differenceScales,
  drawDifferenceChart,
  drawnPoints,
  ruleDifference,
} from '../../../main/figures/difference-chart.ts';
import { oneSidedEnds } from '../../../main/evaluation/verdicts.ts';
import { differenceFigure } from '../../../main/figures/difference-figure.ts';
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
const frame = {
  left: 60,
  top: 10,
  width: 600,
  height: 200,
  largestFactor: 16,
  marks: methodMarks(['random', 'reap', 'uncurl'], figureTheme('light')),
  emphasised: 'reap',
  theme: figureTheme('light'),
};
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

  it('are of minus log-perplexity for texts, and lack an end that an old document does not contain', () => {
    const text = sweepResult({
      metric: 'perplexity',
      value: 22,
      difference: 2,
      lowOneSided: -0.12,
      lost: 0,
      gained: 0,
    });
    expect(ruleDifference(text)).toBeCloseTo(-Math.log(1.1), 12);
    expect(differencePanel([text], 0.02)?.series[0]?.points[0]?.draws).toMatchObject([{ low: -0.12, high: null }]);
    expect(differencePanel([sweepResult({ method: 'unpruned', factor: 1 })], 0.02)).toBeNull();
  });
});

describe('the chart of differences', () => {
  it('puts every point and both its ends within the plot, and larger losses lower', () => {
    const { y } = differenceScales(panel, frame);
    for (const { point: drawn, y: at } of drawnPoints(panel, frame)) {
      for (const value of drawn.draws.flatMap(({ low, high }) => [low ?? 0, high ?? 0])) {
        expect(y.position(value)).toBeGreaterThanOrEqual(frame.top - 1e-9);
        expect(y.position(value)).toBeLessThanOrEqual(frame.top + frame.height + 1e-9);
      }
      expect(at).toBeCloseTo(y.position(drawn.difference), 9);
    }
    const [first, second] = [at('reap', 2), at('uncurl', 4)];
    expect(y.position(first?.difference ?? 0)).toBeLessThan(y.position(second?.difference ?? 0));
  });

  it('draws a band from the lowest to the highest draw, and whiskers of each, only if there are several', () => {
    const only = (method: string) => {
      const marks = methodMarks(['random', 'reap', 'uncurl'], figureTheme('light'), [method]);
      return drawDifferenceChart(panel, { ...frame, marks }).svg;
    };
    expect([only('random').match(/class="draws"/g), only('reap').match(/class="draws"/g)]).toEqual([
      ['class="draws"'],
      null,
    ]);
    expect(only('random').match(/<circle /g)).toHaveLength(2);
  });

  it('labels well-separated round differences, including 0', () => {
    const { y } = differenceScales(panel, frame);
    expect(y.ticks).toContain(0);
    const heights = y.ticks.map(y.position).sort((one, other) => one - other);
    heights.slice(1).forEach((height, index) => expect(height - (heights[index] ?? 0)).toBeGreaterThanOrEqual(15));
  });

  it('shades the safe side of the margin, and only draws the shown methods', () => {
    const { y } = differenceScales(panel, frame);
    const { svg } = drawDifferenceChart(panel, frame);
    const margin = Math.round((y.position(-0.02) - frame.top) * 100) / 100;
    expect(svg).toContain(`<rect x="60" y="10" width="600" height="${margin}"`);
    const marks = methodMarks(['random', 'reap', 'uncurl'], figureTheme('light'), ['uncurl']);
    expect(drawnPoints(panel, { ...frame, marks })).toHaveLength(1);
  });

  it('is a standalone figure with legend, n, rule and runs', () => {
    const figure = differenceFigure({
      model: 'uncurl-16',
      panels: [panel],
      methods: ['random', 'reap', 'uncurl'],
      shown: ['random', 'reap'],
      largestFactor: 16,
      rule: 'The rule.',
      otherRuns: ['later-run'],
      manifest: sampleManifest,
      theme: figureTheme('dark'),
    });
    expect(() => parseXml(figure.svg)).not.toThrow();
    for (const words of ['Random (2 draws)', 'REAP', 'n = 1000', 'The rule.', 'later-run', 'difference to unpruned'])
      expect(figure.svg).toContain(words);
    expect(figure.svg).not.toContain('UNCURL<');
  });
});
