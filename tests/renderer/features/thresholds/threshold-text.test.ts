import { expect, test } from 'vitest';
import { itemsNeeded } from '../../../../main/evaluation/verdicts.ts';
import { neededText } from '../../../../main/words/verdicts.ts';
import { splitAtProbabilities } from '../../../../renderer/features/thresholds/findings.tsx';
import { cellBracketText, thresholdText } from '../../../../main/figures/point-words.ts';
import { sampleSizeTrend } from '../../../main/evaluation/size-trend/sample-size-trend.ts';

const { sizeTrend } = sampleSizeTrend({
  sizes: [8, 16, 32],
  tasks: ['sums', 'plurals'],
  methods: ['frequency', 'reap'],
  limit: (experts) => experts / 8,
});
const [any] = sizeTrend.thresholds;
if (any === undefined) throw new Error('the sample has no threshold');

test('a cell shows the bracket, or what an undecided threshold would need', () => {
  expect(cellBracketText({ ...any, lastSafe: 2, firstUnsafe: 4, firstWorse: null }, sizeTrend.needed, 'acc')).toBe(
    '[2, 4)',
  );
  expect(cellBracketText({ ...any, lastSafe: 2, firstUnsafe: 4, firstWorse: 8 }, sizeTrend.needed, 'acc')).toBe(
    '[2, 4) worse 8',
  );
  expect(
    cellBracketText({ ...any, lastSafe: 16 / 3, firstUnsafe: null, firstWorse: null }, sizeTrend.needed, 'acc'),
  ).toBe('[5.33, …)');
  const unknown = { ...any, lastSafe: null, firstUnsafe: null, factor: null, verdict: 'cannot-tell' as const, n: 73 };
  expect(cellBracketText(unknown, { items: 133, texts: 20 }, 'acc')).toBe('n ≥ 133');
  expect(neededText({ items: 133, texts: 20 }, 'perplexity')).toBe('20 texts');
  expect(
    thresholdText(unknown, 'Capitals', { needed: { items: 133, texts: 20 }, trainings: [] }, 'acc').lines.join('; '),
  ).toMatch(/cannot tell.*needs 133 items.*n 73$/);
  const recorded = [{ name: unknown.model, experts: unknown.experts }];
  expect(
    thresholdText(unknown, 'Capitals', { needed: { items: 133, texts: 20 }, trainings: recorded }, 'acc').lines.join(
      '; ',
    ),
  ).toMatch(/recorded: another training of this size/);
});

test('the engine reports how many items the margin needs', () => {
  expect(sizeTrend.needed).toEqual({
    items: itemsNeeded(sizeTrend.delta),
    texts: itemsNeeded(sizeTrend.delta, 'perplexity'),
  });
});

test('p values are split off from a sentence without losing text', () => {
  const sentence = '4 of 256 ways show a trend as strong (p = 0.016; exact). By others p < 0.001.';
  const parts = splitAtProbabilities(sentence);
  expect(parts.filter(({ isProbability }) => isProbability).map(({ text }) => text)).toEqual([
    'p = 0.016',
    'p < 0.001',
  ]);
  expect(parts.map(({ text }) => text).join('')).toBe(sentence);
  for (const finding of sizeTrend.findings)
    expect(
      splitAtProbabilities(finding.sentence)
        .map(({ text }) => text)
        .join(''),
    ).toBe(finding.sentence);
});
