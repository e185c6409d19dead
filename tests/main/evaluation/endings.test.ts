import { expect, test } from 'vitest';
import type { WrittenOutcome } from '../../../main/contract/outcome.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { oneSidedEnds } from '../../../main/evaluation/verdicts.ts';
import { pairedInterval } from '../../../main/statistics/exact-paired-test.ts';
import { sweepResult, writtenOutcome } from './outcomes.ts';

const DELTA = 0.02;
const N = 300;
const loop = { token: 10, character: 40, period: 3 };

/** Texts of 64 tokens, all right, of which the first `looping` loop and the next `running` run out. */
const texts = (looping: number, running: number, recorded = true): WrittenOutcome[] =>
  Array.from({ length: N }, (_, index) => {
    const own = { ...writtenOutcome(`q${String(index)}`, 'right'), tokens: 64 };
    if (index >= looping + running) return { ...own, loop: null };
    const cut = { ...own, stopped: 'length' } as const;
    return recorded ? { ...cut, loop: index < looping ? loop : null } : cut;
  });

test('texts end, loop or run out; whether they end is paired as whether they are right', () => {
  const { endings, difference } = summarise('exact_match', texts(0, 3), texts(20, 7), { delta: DELTA });
  const counts = { gained: 0, lost: 24, n: N };
  expect(difference).toBe(0);
  expect(endings).toMatchObject({ ended: 273 / 300, looped: 20 / 300, difference: -24 / 300, lost: 24, gained: 0 });
  expect(endings).toMatchObject(pairedInterval(counts));
  const { low: lowOneSided, high: highOneSided } = oneSidedEnds(counts, DELTA);
  expect(endings).toMatchObject({ lowOneSided, highOneSided });
  const whole = summarise('exact_match', texts(1, 2), null).endings;
  expect(whole).toMatchObject({ ended: 297 / 300, looped: 1 / 300, difference: 0, low: 0, high: 0, p: null, lost: 0 });
});

test('where loops were not recorded their share is unknown, except in texts too short to loop', () => {
  expect(summarise('exact_match', texts(0, 0), texts(4, 0, false)).endings?.looped).toBeNull();
  const short = texts(4, 0, false).map((outcome) => ({ ...outcome, tokens: 31 }));
  expect(summarise('exact_match', texts(0, 0), short).endings).toMatchObject({ ended: 296 / 300, looped: 0 });
});

test('a threshold says how far texts end as often, beside the one of right answers', () => {
  const factors = [2, 4, 8].map((factor, index) => {
    const summary = summarise('exact_match', texts(0, 0), texts(20 * index, 0), { delta: DELTA });
    return sweepResult({ ...summary, factor, kept: 16 / factor });
  });
  const read = withThresholds({ run: '', results: factors, thresholds: [], rule: '' }, { delta: DELTA });
  expect(read.thresholds).toEqual([expect.objectContaining({ verdict: 'all-safe', lastSafe: 8 })]);
  expect(read.thresholds[0]?.endings).toEqual({
    factor: 2,
    lastSafe: 2,
    firstUnsafe: 4,
    firstWorse: 4,
    verdict: 'found',
  });
  // At a margin of ten points 20 of 300 texts fewer are safe; the ends of the intervals follow the margin.
  const wide = withThresholds(read, { delta: 0.1 });
  expect(wide.thresholds[0]?.endings).toMatchObject({ lastSafe: 4, firstUnsafe: 8 });
  const { low } = oneSidedEnds({ gained: 0, lost: 20, n: N }, 0.1);
  expect(wide.results[1]?.endings?.lowOneSided).toBe(low);
});

test('a search that leaves texts unwritten has no threshold of endings', () => {
  const { endings, ...summary } = summarise('exact_match', texts(0, 0), texts(0, 0), { delta: DELTA });
  expect(endings).toMatchObject({ ended: 1 });
  const results = [sweepResult({ ...summary, endings, factor: 2 })];
  const point = { model: 'model', task: 'task', method: 'reap', seed: null, factor: 4, kept: 4 };
  const read = withThresholds({ run: '', results, thresholds: [], rule: '', notNeeded: [point] }, { delta: DELTA });
  expect(read.thresholds[0]).not.toHaveProperty('endings');
});

test('“ends as often” is wrong in at most 5 % of draws where a model ends exactly a margin less often', () => {
  const open = (from: number, to: number): WrittenOutcome[] =>
    texts(0, 0).map((text, index) => (index >= from && index < to ? { ...text, stopped: 'length' } : text));
  /** `lost`, `gained`: texts that only the unpruned model, or only the pruned one, ends. */
  const isSafe = (lost: number, gained: number): boolean => {
    const { endings } = summarise('exact_match', open(lost, lost + gained), open(0, lost), { delta: DELTA });
    return (endings?.lowOneSided ?? expect.fail('no endings')) >= -DELTA;
  };
  const logFactorial = Array.from({ length: N + 1 }, () => 0);
  for (let n = 1; n <= N; n += 1) logFactorial[n] = (logFactorial[n - 1] ?? 0) + Math.log(n);
  const choose = (...counts: readonly number[]): number =>
    counts.reduce((left, count) => left - (logFactorial[count] ?? NaN), logFactorial[N] ?? NaN);
  // The largest loss that is safe, by gain: the same for all chances.
  const mostLost: number[] = [];
  for (let gained = 0, lost = -1; gained <= 40; gained += 1) {
    while (isSafe(lost + 1, gained)) lost += 1;
    mostLost.push(lost);
  }
  /** The chance of "safe" with these chances of a loss and a gain: every possible count, none drawn. */
  const safeChance = (pLost: number, pGained: number): number => {
    let chance = 0;
    for (const [gained, most] of mostLost.entries())
      for (let lost = 0; lost <= most; lost += 1) {
        const rest = N - lost - gained;
        const powers = lost * Math.log(pLost) + gained * Math.log(pGained) + rest * Math.log1p(-pLost - pGained);
        chance += Math.exp(choose(lost, gained, rest) + powers);
      }
    return chance;
  };
  for (const gained of [1e-9, 0.002, 0.01, 0.02, 0.04]) {
    const chance = safeChance(gained + DELTA, gained);
    expect(chance).toBeLessThanOrEqual(0.05);
    expect(chance).toBeGreaterThan(0.001);
  }
  expect(safeChance(0.001, 0.001)).toBeGreaterThan(0.9);
});
