import { describe, expect, it } from 'vitest';
import { taskRankText, readingMark } from '../../../../main/words/comparisons.ts';
import { goodness, scaleOf } from '../../../../main/figures/compare-figure.ts';
import { compareView } from '../../../../main/figures/views.ts';
import {
  comparedPoint,
  comparisonChoice,
  referenceTitle,
  rowLines,
} from '../../../../renderer/features/compare/comparison.ts';
import { intervalDomain } from '../../../../renderer/features/compare/rank-panels.tsx';
import { comparedSample, sampleMethods } from '../../../main/evaluation/comparison/compare-sample.ts';
import { sweepResult } from '../../../main/evaluation/outcomes.ts';
import { sampleManifest } from '../../../main/figures/sample-run.ts';

const sample = sampleMethods(
  [
    { method: 'reap', skill: 0.9 },
    { method: 'uncurl', skill: 0.9 },
    { method: 'random', seed: 0, skill: 0.2 },
    { method: 'random', seed: 1, skill: 0.3 },
  ],
  [
    { task: 'sums', metric: 'acc' },
    { task: 'prose', metric: 'perplexity', items: 12 },
  ],
);
const comparison = comparedSample(sample, 'reap');
const [sums, prose] = comparison.tasks;
if (sums === undefined || prose === undefined) throw new Error('two tasks');

describe('the request to the engine', () => {
  const results = [
    ...[2, 4].map((factor) => sweepResult({ model: 'a', factor })),
    ...[2, 4, 8].map((factor) => sweepResult({ model: 'b', method: 'random', seed: 0, factor })),
    sweepResult({ model: 'a', method: 'unpruned', factor: 1 }),
  ];
  it('follows the controls as far as the sweep allows', () => {
    expect(comparisonChoice(results, { model: null, factor: 2, answers: null, reference: 'best' })).toEqual({
      model: 'a',
      factor: 2,
      reference: 'best',
    });
    expect(comparisonChoice(results, { model: 'b', factor: 8, answers: null, reference: 'random' })).toEqual({
      model: 'b',
      factor: 8,
      reference: 'random',
    });
    // An unmeasured factor is replaced by the nearest; a reference from another model is ignored.
    expect(comparisonChoice(results, { model: 'a', factor: 8, answers: null, reference: 'random' })).toEqual({
      model: 'a',
      factor: 4,
    });
    expect(comparisonChoice(results, { model: 'a', factor: 1, answers: null, reference: 'best' })?.factor).toBe(2);
    expect(comparisonChoice(results, { model: 'gone', factor: 4, answers: null, reference: 'unpruned' })).toEqual({
      model: 'a',
      factor: 4,
      reference: 'unpruned',
    });
    expect(
      comparisonChoice(
        results.filter(({ factor }) => factor === 1),
        { model: null, factor: 2, answers: null, reference: 'best' },
      ),
    ).toBeNull();
  });
  it('covers one kind of answers if there are both', () => {
    const both = [...results, sweepResult({ model: 'b', task: 'sums-written', metric: 'exact_match', factor: 2 })];
    const wanted = { factor: 2, answers: 'written', reference: 'best' } as const;
    expect(comparisonChoice(both, { ...wanted, model: 'b' })).toMatchObject({ model: 'b', answers: 'written' });
    // The other model has no such answers.
    expect(comparisonChoice(both, { ...wanted, model: 'a' })).toEqual({
      model: 'a',
      factor: 2,
      reference: 'best',
    });
  });
});

describe('words', () => {
  it('name references, markers and shared ranks', () => {
    expect(['best', 'unpruned', 'reap'].map(referenceTitle)).toEqual(['best of each task', 'unpruned', 'REAP']);
    expect(
      ['better', 'worse', 'cannot-tell'].map((reading) =>
        readingMark(reading === 'better' ? 'better' : reading === 'worse' ? 'worse' : 'cannot-tell'),
      ),
    ).toEqual(['▲', '▼', '']);
    const [first] = sums.rows;
    if (first === undefined) throw new Error('a row');
    const tied = {
      ...sums,
      rows: [
        { ...first, rank: 1.5 },
        { ...first, method: 'other', rank: 1.5 },
      ],
    };
    expect(taskRankText({ ...first, rank: 1.5 }, tied)).toBe('1–2');
    expect(taskRankText({ ...first, rank: 1 }, { ...sums, rows: [{ ...first, rank: 1 }] })).toBe('1');
  });

  it('state that the value of a method with draws is a mean, with its range', () => {
    const random = sums.rows.find(({ method }) => method === 'random');
    if (random === undefined) throw new Error('random');
    expect(rowLines(random, sums)).toEqual([
      expect.stringMatching(/mean of 2 draws \([\d.]+ to [\d.]+\)/),
      expect.stringMatching(/^minus REAP: −[\d.]+ points \(−[\d.]+ to −[\d.]+ in 2 draws\), worse$/),
      'better in 0, worse in 2 of 2 draws',
      expect.stringMatching(/^p .*, after Holm .*lost.*gained$/),
      'worse than the best in at least one draw',
    ]);
  });

  it('invert perplexity: lower is better', () => {
    expect([goodness(0.5, 'acc'), goodness(0.5, 'perplexity')]).toEqual([0.5, -0.5]);
    const [low, high] = intervalDomain(comparison, prose);
    expect(low).toBeLessThanOrEqual(0);
    expect(high).toBeGreaterThan(0);
  });

  it('scale accuracies together and each perplexity separately', () => {
    const largest = Math.max(...sums.rows.map(({ paired }) => Math.abs(paired?.difference ?? 0)));
    expect(scaleOf(comparison, sums)).toBe(largest);
    expect(scaleOf(comparison, prose)).not.toBe(largest);
  });
});

describe('a saved comparison', () => {
  it('contains every number, the manifest, and one picture of all methods and tasks', () => {
    const odd = { ...comparison, tasks: comparison.tasks.map((task) => ({ ...task, task: `<${task.task}>` })) };
    const { picture, table } = compareView({ manifest: sampleManifest, comparison: odd, theme: 'dark' });
    const svg = picture?.draw().svg ?? '';
    const [header, ...rows] = table.write().trimEnd().split('\n');
    expect(table.manifest).toEqual(sampleManifest);
    expect(header?.split(',').length).toBe(rows[0]?.split(',').length);
    expect(rows).toHaveLength(comparison.tasks.reduce((sum, { rows: own }) => sum + own.length, 0));
    expect(svg).toContain('&lt;sums&gt;');
    expect(svg).toContain('UNCURL');
    expect(svg).toContain('n = 12');
    expect(svg).not.toContain('NaN');
  });
});

describe('the point of a row', () => {
  it('is the first draw at the row\u2019s factor', () => {
    const row = sums.rows.find(({ method }) => method === 'random');
    if (row === undefined) throw new Error('random');
    expect(comparedPoint(sample.document.results, 'm', 'sums', row)).toMatchObject({
      method: 'random',
      seed: 0,
      factor: 2,
    });
    expect(comparedPoint([], 'm', 'sums', row)).toBeNull();
  });
});
