import { expect, test } from 'vitest';
import type { CalibrationDraw, PointVerdict, SweepResult } from '../../../main/contract/sweep.ts';
import {
  drawnThresholdsText,
  luckPoints,
  luckSentences,
  luckThresholds,
  meanRankCorrelation,
  sharedChoice,
} from '../../../main/evaluation/calibration-luck.ts';

test('the rank correlation is that of ranks with ties at their mean, over layers in which both vary', () => {
  const correlation = (one: readonly number[][], other: readonly number[][]): number | null =>
    meanRankCorrelation(
      one.map((row) => Float64Array.from(row)),
      other.map((row) => Float64Array.from(row)),
    );
  expect(correlation([[1, 2, 3, 4]], [[10, 20, 30, 400]])).toBeCloseTo(1, 12);
  expect(correlation([[1, 2, 3, 4]], [[4, 3, 2, 1]])).toBeCloseTo(-1, 12);
  // Ranks 4 3 2 1 against 4 2.5 2.5 1: 4.5 / sqrt(5 * 4.5).
  expect(correlation([[1, 2, 3, 4]], [[1, 2, 2, 4]])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12);
  const layers = [
    [1, 2, 3, 4],
    [1, 1, 1, 1],
  ];
  expect(correlation(layers, layers)).toBeCloseTo(1, 12);
  expect(correlation([[1, 1]], [[1, 2]])).toBeNull();
});

test('plans share kept experts, or pairs of merged ones', () => {
  const kept = {
    kept: [
      [0, 1],
      [2, 3],
    ],
  };
  expect(sharedChoice(kept, kept)).toBe(1);
  expect(
    sharedChoice(kept, {
      kept: [
        [0, 2],
        [2, 3],
      ],
    }),
  ).toBe(0.75);
  const merged = (...members: number[][]) => ({
    groups: [members.map((own) => ({ members: own, reference: own[0]!, weights: own.map(() => 1) }))],
    router: 'summed-probabilities' as const,
    align: false,
  });
  const plan = merged([0, 1, 2], [3]);
  expect(sharedChoice(plan, plan)).toBe(1);
  expect(sharedChoice(plan, merged([0, 1], [2, 3]))).toBeCloseTo(1 / 3, 12);
  expect(sharedChoice(merged([0], [1], [2], [3]), plan)).toBeNull();
});

const point = (factor: number, value: number, verdict: PointVerdict | null): SweepResult => ({
  model: 'm',
  task: 't',
  method: 'frequency',
  seed: null,
  factor,
  kept: 8 / factor,
  n: 300,
  evaluated: 300,
  metric: 'acc',
  value,
  acc: value,
  accNorm: value,
  perplexity: null,
  difference: value - 0.9,
  low: value - 0.92,
  high: value - 0.88,
  lowOneSided: value - 0.91,
  highOneSided: 0.02,
  verdict,
  p: 0.5,
  lost: 0,
  gained: 0,
  truncated: 0,
});

const drawn = (draw: number, items: number, result: SweepResult): CalibrationDraw => ({
  draw,
  size: items,
  items,
  inCommon: 0.75,
  rankCorrelation: 0.9,
  experts: 32,
  fewTokens: draw,
  fewTokensOfAll: 1,
  result,
});

const document = {
  results: [{ ...point(1, 0.9, null), method: 'unpruned' }, point(2, 0.9, 'safe'), point(4, 0.8, 'worse')],
  calibrationDraws: [30, 300].flatMap((items) =>
    [0, 1, 2].flatMap((draw) => [
      drawn(draw, items, point(2, 0.9, 'safe')),
      drawn(draw, items, point(4, 0.8 + 0.01 * draw, draw === 2 && items === 30 ? 'safe' : 'worse')),
    ]),
  ),
};

test('points over draws have the spread, the agreement with all items, and the sizes apart', () => {
  const points = luckPoints(document);
  expect(
    [...points].sort((a, b) => a.factor - b.factor).map(({ factor, items, size }) => [factor, items, size]),
  ).toEqual([
    [2, 30, 30],
    [2, 300, 300],
    [4, 30, 30],
    [4, 300, 300],
  ]);
  const [small, large] = points.filter(({ factor }) => factor === 4);
  const near = (value: number): unknown => expect.closeTo(value, 12);
  expect(large?.value).toEqual({ mean: near(0.81), lowest: near(0.8), highest: near(0.82) });
  expect(large?.deviation).toBeCloseTo(0.01, 12);
  expect(large).toMatchObject({ safe: { count: 0, of: 3 }, agree: { count: 3, of: 3 }, draws: 3, fewTokensOfAll: 1 });
  expect(small).toMatchObject({ safe: { count: 1, of: 3 }, agree: { count: 2, of: 3 } });
});

test('each draw has a threshold of its own, by its verdicts in sequence', () => {
  const thresholds = luckThresholds(document);
  expect(thresholds.map(({ items, all, draws }) => ({ items, all, draws }))).toEqual([
    { items: 30, all: 2, draws: [2, 2, 4] },
    { items: 300, all: 2, draws: [2, 2, 2] },
  ]);
  expect(thresholds.map(drawnThresholdsText)).toEqual(['×2 in 2, ×4 in 1', '×2 in 3']);
  // A draw that is not measured at every factor yet has none.
  const partial = { ...document, calibrationDraws: document.calibrationDraws.slice(0, -1) };
  expect(luckThresholds(partial).map(({ items }) => items)).toEqual([30]);
  const atChance = document.results.map((result) => ({ ...result, verdict: 'at-chance' as const }));
  expect(luckThresholds({ ...document, results: atChance })).toEqual([]);
});

test('sentences say what moved', () => {
  const [small, large] = luckSentences(document);
  expect(small).toContain('3 calibration draws of 30 items: 1 of 1 threshold differ in some draw');
  expect(small).toContain('1 of 2 points have the same verdict in every draw');
  expect(large).toContain('0 of 1 threshold differ');
  expect(large).toContain('Of 32 experts, 1 have fewer than 8 tokens in a draw, 1 on all items');
  expect(large).toContain('at most by 2.0 between two draws (on t at ×4)');
});
