import { expect, test } from 'vitest';
import type { ItemOutcome } from '../../../main/contract/outcome.ts';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import {
  comparedResults,
  comparedSizes,
  fittingPairs,
  frontierPairs,
  frontierPoints,
  frontierSummaries,
  frontierSummarySentence,
  frontierWords,
  pairSentence,
} from '../../../main/evaluation/frontier.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { frontierCsv } from '../../../main/figures/frontier-table.ts';
import { sampleManifest, sampleSweep } from '../figures/sample-run.ts';

const ITEMS = 200;

/** Answers of which the first `right` are right. */
const answers = (right: number): ItemOutcome[] =>
  Array.from({ length: ITEMS }, (_, index) => {
    const chosen = index < right ? 0 : 1;
    return {
      kind: 'choice' as const,
      id: String(index),
      answer: 0,
      chosen,
      chosenNorm: chosen,
      logprobs: index < right ? [-1, -2] : [-2, -1],
      truncatedTokens: 0,
    };
  });

const models = [
  { method: 'unpruned', factor: 1, bytes: 1000, right: 180 },
  { method: 'reap', factor: 2, bytes: 550, right: 120 },
  { method: 'unpruned@q8_0', factor: 1, bytes: 500, right: 180 },
  { method: 'reap@q8_0', factor: 1.5, bytes: 370, right: 176 },
  { method: 'reap@q8_0', factor: 2, bytes: 280, right: 121 },
  { method: 'unpruned@q4_0', factor: 1, bytes: 290, right: 160 },
  { method: 'reap@q4_0', factor: 2, bytes: 160, right: 118 },
];
const outcomes = new Map(models.map(({ method, factor, right }) => [`${method} ${String(factor)}`, answers(right)]));
const results = models.map(({ method, factor, bytes, right }): SweepResult => ({
  model: 'm',
  task: 't',
  method,
  seed: null,
  factor,
  kept: 8 / factor,
  ...summarise('acc', answers(180), method === 'unpruned' ? null : answers(right)),
  cost: { bytes, activeParameters: 1, cacheBytesPerToken: 1 },
}));
const outcomesOf = ({ method, factor }: SweepResult): readonly ItemOutcome[] | null =>
  outcomes.get(`${method} ${String(factor)}`) ?? null;

test('a point is undominated if no other one is as good in no more bytes', () => {
  const points = frontierPoints([...results].reverse());
  expect(points.map(({ bytes, isUndominated }) => [bytes, isUndominated])).toEqual([
    [160, true],
    [280, true],
    [290, true],
    [370, true],
    [500, true],
    [550, false],
    [1000, false],
  ]);
  expect(points[0]).toMatchObject({ share: 0.16, weights: 'q4_0' });
  // Two equal points both stay on the frontier.
  const [first] = results;
  expect(frontierPoints(first === undefined ? [] : [first, { ...first, method: 'reap' }])).toMatchObject([
    { isUndominated: true },
    { isUndominated: true },
  ]);
});

test('a quantised model is compared with the mildest pruning that fits into its bytes, on the same items', () => {
  const points = frontierPoints(results);
  expect(fittingPairs(points).map((pair) => [pair.quantised.bytes, pair.pruned.bytes])).toEqual([
    [290, 280],
    [500, 160],
  ]);
  expect(comparedResults(points)).toHaveLength(4);
  const [pair] = frontierPairs(points, outcomesOf);
  if (pair === undefined) expect.fail('no pair');
  const { difference, low, high, p } = summarise('acc', answers(160), answers(121));
  expect(pair).toMatchObject({ difference, low, high, p });
  expect(difference).toBeCloseTo(-39 / ITEMS);
  expect(pair.pHolm).toBeGreaterThanOrEqual(p ?? Infinity);
  expect(pairSentence(pair)).toBe(
    'm on t, in 29\u202f% of the bytes: REAP at q8_0 by ×2 (280\u202fB, 28\u202f%) −29.5 [−36.2, −23.6]; unpruned at ' +
      'q4_0 (290\u202fB, 29\u202f%) −10.0 [−15.0, −6.5]; difference −19.5 points [−25.6, −14.6]: quantising is ' +
      'better (all pairs together: p < 0.001).',
  );
  expect(frontierPairs(points, () => null)).toEqual([]);
});

test('pairs are counted by model and type, all of them read together', () => {
  const pairs = frontierPairs(frontierPoints(results), outcomesOf);
  const summaries = frontierSummaries(pairs);
  expect(summaries.map(({ weights, pairs: count, quantisingBetter }) => [weights, count, quantisingBetter])).toEqual([
    ['q4_0', 1, 1],
    ['q8_0', 1, 1],
  ]);
  expect(summaries.map(frontierSummarySentence)[0]).toBe(
    'm, answers chosen, in 29\u202f% of the bytes: of 1 comparison of the unpruned model at q4_0 with the mildest ' +
      'pruning that fits, quantising is better in 1, pruning in 0, and 0 show no difference (2 p-values ' +
      'together, Holm, 5 %).',
  );
  const alone = pairs.map((pair) => pairSentence({ ...pair, pHolm: 0.08 }));
  expect(alone[0]).toContain('quantising is better read alone, but not shown among all pairs (all');
  // A difference that is small beside the number of pairs is none.
  const doubtful = pairs.map((pair) => ({ ...pair, p: 0.04, pHolm: 0.08 }));
  expect(frontierSummaries(doubtful)).toMatchObject([{ quantisingBetter: 0 }, { quantisingBetter: 0 }]);
  expect(frontierSummaries(pairs.map((pair) => ({ ...pair, pHolm: null })))).toEqual([]);
});

test('as rows, pairs that all of them together tell apart come first, then the largest difference', () => {
  const pairs = frontierPairs(frontierPoints(results), outcomesOf);
  const [first, second] = pairs;
  if (first === undefined || second === undefined) expect.fail('no pairs');
  const alone = { ...first, difference: -0.5, low: -0.6, high: -0.4, pHolm: 0.08 };
  const open = { ...second, difference: 0.01, low: -0.02, high: 0.04, pHolm: 1 };
  const rows = comparedSizes(
    [open, alone, second, { ...first, pruned: { ...first.pruned, result: { ...first.pruned.result, model: 'n' } } }],
    'm',
  );
  expect(rows.map(({ reading }) => reading)).toEqual(['quantising', 'quantising alone', 'cannot tell']);
  expect(rows[0]).toMatchObject({
    task: 't',
    difference: second.difference,
    pHolm: second.pHolm,
    pruned: { method: 'reap@q4_0', factor: 2, bytes: 160, share: 0.16 },
    quantised: { method: 'unpruned@q8_0', factor: 1, bytes: 500, share: 0.5 },
  });
  const higher = { ...second, difference: 0.2, low: 0.1, high: 0.3 };
  expect(comparedSizes([higher], 'm').map(({ reading }) => reading)).toEqual(['pruning']);
});

test('words are those of a model by its whole name, and of all pairs read together', () => {
  const both = [...results, ...results.map((result) => ({ ...result, model: 'm on t' }))];
  const points = frontierPoints(both);
  const pairs = frontierPairs(points, outcomesOf);
  const all = frontierWords({ points, pairs });
  expect(all.findings).toHaveLength(4);
  for (const model of ['m', 'm on t']) {
    const { summary, findings } = frontierWords({ points, pairs }, model);
    const own = pairs.filter(({ pruned }) => pruned.result.model === model);
    expect(findings).toEqual(own.map(pairSentence));
    expect(summary).toEqual(all.summary.filter((sentence) => sentence.startsWith(`${model}, answers chosen`)));
    expect(summary[0]).toContain('(4 p-values together');
  }
  const nothing = frontierWords({ points: [], pairs: [] });
  expect(nothing).toEqual({ summary: [expect.stringContaining('No pruned model fits')], findings: [] });
  expect(frontierWords({ points, pairs }, 'another')).toEqual(nothing);
});

test('the mildest factor that fits is compared, at the type that rounds least, whatever its accuracy', () => {
  const more = [
    // Smaller in bytes than the ×2 at 8 bits that fits too, and worse than it here.
    { method: 'reap@q4_k', factor: 1.5, bytes: 250, right: 90 },
    { method: 'reap@q5_0', factor: 1.5, bytes: 260, right: 80 },
  ].map(({ method, factor, bytes, right }): SweepResult => ({
    ...(results[0] ?? expect.fail('no result')),
    method,
    factor,
    kept: 8 / factor,
    ...summarise('acc', answers(180), answers(right)),
    cost: { bytes, activeParameters: 1, cacheBytesPerToken: 1 },
  }));
  const pairs = fittingPairs(frontierPoints([...results, ...more]));
  expect(pairs.map(({ quantised, pruned }) => [quantised.bytes, pruned.result.factor, pruned.bytes])).toEqual([
    [290, 1.5, 260],
    [500, 1.5, 260],
  ]);
});

test('where more texts of the unpruned model ran out than a verdict bears, rows and words say so first', () => {
  const nothing = { difference: 0, low: 0, high: 0, lowOneSided: 0, highOneSided: 0, p: null, lost: 0, gained: 0 };
  const ranOut = results.map((result) => ({
    ...result,
    metric: 'exact_match' as const,
    ...(result.method === 'unpruned' ? { endings: { ended: 0.9, looped: 0, ...nothing } } : {}),
  }));
  const both = [...ranOut, ...results.map((result) => ({ ...result, model: 'other' }))];
  const points = frontierPoints(both);
  const frontier = { points, pairs: frontierPairs(points, () => null) };
  for (const { result, truncationMeasured } of points) expect(truncationMeasured ?? false).toBe(result.model === 'm');
  expect(frontierWords(frontier).summary[0]).toMatch(/^m on t: truncation was measured\. 10/);
  expect(frontierWords(frontier, 'm').summary[0]).toMatch(/^m on t: truncation was measured/);
  expect(frontierWords(frontier, 'other').summary.join(' ')).not.toContain('truncation');
  const [heading = '', ...rows] = (frontierCsv({ ...sampleSweep(), results: both }, sampleManifest) ?? '')
    .trim()
    .split('\n');
  expect(heading).toContain(',truncation_measured,');
  expect(rows).toHaveLength(both.length);
  for (const row of rows) expect(row.includes(',true,')).toBe(/(?:^|,)m,t,/.test(row));
});
