import { expect, test } from 'vitest';
import {
  bestCell,
  bestLines,
  cellLines,
  cellWords,
  lineWords,
  strictestLine,
} from '../../../main/figures/best-cell.ts';
import { bestThresholdsFigure } from '../../../main/figures/best-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { sampleSizeTrend } from '../evaluation/size-trend/sample-size-trend.ts';
import { sampleManifest } from './sample-run.ts';
import { findAll, parseXml } from './xml-outline.ts';

const sample = sampleSizeTrend({ sizes: [32, 64], tasks: ['sums'], methods: ['random', 'reap'], limit: () => 4 });
const [known] = sample.sizeTrend.thresholds;
const [model] = sample.sizeTrend.models;
if (known === undefined || model === undefined) throw new Error('the sample has no threshold');

const reaching = (task: string, method: string, lastSafe: number, isWorse = false) => ({
  ...known,
  model: model.name,
  task,
  method,
  verdict: lastSafe > 1 ? ('found' as const) : ('none-safe' as const),
  factor: lastSafe > 1 ? lastSafe : null,
  lastSafe,
  firstUnsafe: lastSafe * 2,
  firstWorse: isWorse ? lastSafe * 2 : null,
});

const sizeTrend = {
  ...sample.sizeTrend,
  models: [model],
  written: ['sums-written'],
  methods: ['random', 'reap'],
  thresholds: [
    reaching('sums', 'reap', 8),
    reaching('sums', 'random', 1, true),
    reaching('sums-written', 'random', 1, true),
    reaching('sums-written', 'reap', 1, true),
  ],
  selected: [reaching('sums', 'reap', 4), reaching('sums', 'random', 1)],
};
const cell = bestCell(sizeTrend, model, 'sums', sizeTrend.methods);

test('every line of a cell names its method, and where none reaches a factor says so', () => {
  expect(bestLines(cell, 2).map((line) => [lineWords(line), line.value])).toEqual([
    ['REAP', '×8'],
    ['written', '< ×2'],
    ['selected: REAP', '×4'],
  ]);
});

test('the strictest line colours a cell: chosen answers that are safe to ×8 do not make written ones safe', () => {
  expect(strictestLine(bestLines(cell, 2))?.kind).toBe('written');
  const { svg } = bestThresholdsFigure(sizeTrend, ['sums', 'sums-written'], sampleManifest, figureTheme('light'));
  const tints = findAll(parseXml(svg), 'rect').map(({ attributes }) => attributes['fill-opacity']);
  expect(tints).toContain('0');
  expect(tints).toContain('0.13');
  const chosenAlone = bestLines({ ...cell, written: null }, 2);
  expect(strictestLine(chosenAlone)?.kind).toBe('selected');
});

test('where nothing is safe, one line stands for all that look alike, and claims no more than its verdict', () => {
  expect(cellLines(bestLines(cell, 2))).toHaveLength(3);
  const wordsAt = (chosen: object, written: object): readonly string[] => {
    const thresholds = [
      { ...reaching('sums', 'random', 1), ...chosen },
      { ...reaching('sums-written', 'random', 1), ...written },
    ];
    const lines = bestLines(bestCell({ ...sizeTrend, thresholds, selected: [] }, model, 'sums', ['random']), 1);
    expect(lines).toHaveLength(2);
    return cellLines(lines).map((line) => `${cellWords(line, lines)} ${line.value}`);
  };
  const worse = { firstWorse: 2 };
  const few = { verdict: 'cannot-tell', lastSafe: null, firstUnsafe: null, firstWorse: null };
  expect(wordsAt(worse, worse)).toEqual(['nothing safe < ×2']);
  expect(wordsAt({}, {})).toEqual(['cannot tell < ×2 ?']);
  expect(wordsAt(few, few)).toEqual(['too few items ?']);
  // The cell is coloured as unsafe, so the line that is unsafe is shown.
  expect(wordsAt(few, worse)).toEqual(['too few items ?', 'written < ×2']);
  expect(wordsAt({}, worse)).toEqual(['chosen < ×2 ?', 'written < ×2']);
  expect(wordsAt(worse, {})).toEqual(['nothing safe < ×2']);
  const atChance = { ...few, verdict: 'at-chance' };
  expect(wordsAt(atChance, atChance)).toEqual(['nothing to lose chance']);
});
