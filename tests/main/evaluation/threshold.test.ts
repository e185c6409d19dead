import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CurtailedPoint } from '../../../main/contract/curtailed-point.ts';
import {
  bestThreshold,
  headlineThresholds,
  readInSequence,
  sweepThresholds,
  thresholdOf,
  thresholdRule,
} from '../../../main/evaluation/threshold.ts';
import { thresholdsAfterSelection } from '../../../main/evaluation/threshold-family.ts';
import { readCurtailed } from '../../../main/evaluation/curtailed-points.ts';
import { isSafe, itemsNeeded, powerOf, TEXTS_NEEDED } from '../../../main/evaluation/verdicts.ts';
import { tangoLowerLimit } from '../../../main/statistics/tango-interval.ts';
import { Z_ONE_SIDED_95 } from '../statistics/one-sided.ts';
import { sweepResult } from './outcomes.ts';
import { threshold } from '../../../main/contract/sweep.ts';

/** As many items lost as leave the lower end at `low` or above: verdicts are read from counts. */
const lostAt = (low: number, n = 1000): number => {
  let lost = 0;
  while (lost < n && tangoLowerLimit({ gained: 0, lost: lost + 1, n }, Z_ONE_SIDED_95) >= low) lost += 1;
  return lost;
};

/** Results of one method whose lower ends are given, roughly, by factor. */
const results = (lowerEnds: Record<number, number>, fields: Parameters<typeof sweepResult>[0] = {}) =>
  Object.entries(lowerEnds).map(([factor, lowOneSided]) =>
    sweepResult({ factor: Number(factor), lowOneSided, lost: lostAt(lowOneSided, fields.n), ...fields }),
  );

const lowerEnds = fc.dictionary(
  fc.constantFrom('1.5', '2', '3', '4', '8', '16'),
  fc.double({ min: -0.3, max: 0, noNaN: true }),
  {
    minKeys: 1,
  },
);
/** The values of the slider. */
const deltas = fc.integer({ min: 1, max: 30 }).map((step) => step * 0.005);

describe('thresholdsAfterSelection', () => {
  it('divides the level by the measured methods of a model and task, so that the best of them may be chosen', () => {
    // One of 300 items lost: safe at 5 and at 2.5 %, not at 1.25 %.
    const curve = (method: string, task: string) => [
      sweepResult({ method: 'unpruned', task, factor: 1, n: 300 }),
      sweepResult({ method, task, factor: 2, lost: 1, n: 300 }),
    ];
    const lastSafe = (...methods: readonly string[]) =>
      thresholdsAfterSelection(
        { results: [...methods.flatMap((method) => curve(method, 'sums')), ...curve('reap', 'alone')] },
        0.02,
        0.05,
      )
        .toSorted((one, other) => one.task.localeCompare(other.task))
        .map(({ task, factor }) => [task, factor]);
    expect(lastSafe('reap', 'frequency')).toEqual([
      ['alone', 2],
      ['sums', 2],
      ['sums', 2],
    ]);
    expect(lastSafe('reap', 'frequency', 'random', 'uncurl')).toEqual([
      ['alone', 2],
      ['sums', 1],
      ['sums', 1],
      ['sums', 1],
      ['sums', 1],
    ]);
  });
});

describe('thresholdOf', () => {
  it('finds the bracket between the last safe and the first unsafe factor', () => {
    const curve = results({ 1: 0, 2: -0.01, 4: -0.018, 8: -0.03, 16: -0.3 });
    const [, , , open] = curve;
    if (open === undefined) throw new Error('the curve has five points');
    expect(thresholdOf(curve, 0.02)).toEqual({
      model: 'model',
      task: 'task',
      method: 'reap',
      seed: null,
      factor: 4,
      lastSafe: 4,
      firstUnsafe: 8,
      firstWorse: 16,
      delta: 0.02,
      n: 1000,
      verdict: 'found',
      power: powerOf(open, 0.02),
    });
  });

  it('does not read past the first unsafe factor', () => {
    expect(thresholdOf(results({ 2: -0.01, 4: -0.05, 8: -0.01 }), 0.02)).toMatchObject({ factor: 2, firstUnsafe: 4 });
  });

  it('says all safe, none safe, cannot tell, or nothing yet', () => {
    expect(thresholdOf(results({ 8: 0, 2: 0 }), 0.02)).toMatchObject({
      verdict: 'all-safe',
      factor: 8,
      firstUnsafe: null,
    });
    expect(thresholdOf(results({ 2: -0.1, 4: -0.2 }), 0.02)).toMatchObject({
      verdict: 'none-safe',
      factor: 1,
      lastSafe: 1,
      firstUnsafe: 2,
    });
    expect(thresholdOf(results({ 2: 0, 4: -0.9 }, { n: 148 }), 0.02)).toMatchObject({
      verdict: 'cannot-tell',
      factor: null,
      lastSafe: null,
      firstUnsafe: null,
      n: 148,
      power: powerOf(sweepResult({ n: 148 }), 0.02),
    });
    expect(thresholdOf(results({ 1: 0 }), 0.02)).toBeNull();
  });

  it('holds perplexity to its own number of texts', () => {
    const texts = (n: number) => results({ 2: -0.01, 4: -0.03 }, { metric: 'perplexity', n });
    expect(thresholdOf(texts(TEXTS_NEEDED), 0.02)).toMatchObject({ verdict: 'found', factor: 2 });
    expect(thresholdOf(texts(TEXTS_NEEDED - 1), 0.02)).toMatchObject({ verdict: 'cannot-tell' });
  });

  it('does not mix methods', () => {
    expect(() => thresholdOf([...results({ 2: 0 }), sweepResult({ method: 'random' })], 0.02)).toThrow(/one model/);
  });

  it('never falls as delta grows, and is safe itself with every smaller factor', () => {
    fc.assert(
      fc.property(lowerEnds, deltas, deltas, (ends, a, b) => {
        const tested = results(ends);
        const [tight, loose] = [thresholdOf(tested, Math.min(a, b)), thresholdOf(tested, Math.max(a, b))];
        const factor = tight?.factor ?? 1;
        expect(loose?.factor).toBeGreaterThanOrEqual(factor);
        const within = tested.filter((result) => result.factor <= factor);
        expect(within.every((result) => isSafe(result, Math.min(a, b)))).toBe(true);
        const next = tested.filter((result) => result.factor > factor).sort((x, y) => x.factor - y.factor)[0];
        if (next !== undefined) expect(isSafe(next, Math.min(a, b))).toBe(false);
      }),
    );
  });

  it('does not depend on the order of the results', () => {
    fc.assert(
      fc.property(lowerEnds, deltas, (ends, delta) => {
        const tested = results(ends);
        expect(thresholdOf([...tested].reverse(), delta)).toEqual(thresholdOf(tested, delta));
      }),
    );
  });
});

describe('a curve that stopped early', () => {
  const named = { model: 'model', task: 'task', method: 'reap', seed: null, kept: 8 };
  /** Certainly unsafe at 0.02, and open at 0.03: 1,000 items, 24 lost and up to 12 gained. */
  const curtailed: CurtailedPoint = {
    ...named,
    factor: 64 / 28,
    n: 1000,
    evaluated: 700,
    metric: 'acc',
    lost: 24,
    gainedAtMost: 12,
    independentAtLeast: 1000,
  };
  // An adaptive search continues beside a curtailed candidate: 24 kept experts were measured in full before 28.
  const measured = results({ 2: -0.01, [64 / 24]: -0.025 });

  it('is read only up to the first candidate that is undecided at a larger margin', () => {
    expect(readCurtailed(curtailed, 0.02, 0.05)).toBe('unsafe');
    expect(readCurtailed(curtailed, 0.03, 0.05)).toBeNull();
    const at = (delta: number) => thresholdOf(measured, delta, 0.05, { curtailed: [curtailed] });
    expect(at(0.02)).toMatchObject({ lastSafe: 2, firstUnsafe: 64 / 28, verdict: 'found' });
    expect(at(0.03)).toMatchObject({ lastSafe: 2, firstUnsafe: null, verdict: 'all-safe' });
    expect(thresholdOf(measured.slice(1), 0.03, 0.05, { curtailed: [curtailed] })).toBeNull();
  });

  it('of several draws is read to there too, unless another draw fails there', () => {
    const draws = [0, 1].flatMap((seed) => measured.map((result) => ({ ...result, method: 'random', seed })));
    const joint = (early: readonly CurtailedPoint[], lowOneSided: number) =>
      sweepThresholds(
        [...draws, sweepResult({ ...named, method: 'random', seed: 1, factor: 64 / 28, lost: lostAt(lowOneSided) })],
        0.03,
        0.05,
        { curtailed: early.map((point) => ({ ...point, method: 'random' })) },
      ).find(({ seed }) => seed === null);
    const first = { ...curtailed, seed: 0 };
    expect(joint([first], -0.01)).toMatchObject({ lastSafe: 2, firstUnsafe: null });
    expect(joint([first], -0.1)).toMatchObject({ lastSafe: 2, firstUnsafe: 64 / 28 });
  });

  it('names no first worse factor, since larger ones were not measured', () => {
    const worse = { lost: 150 };
    const curve = [...results({ 2: -0.01 }), sweepResult({ ...worse, factor: 4 })];
    expect(thresholdOf(curve, 0.02)).toMatchObject({ firstUnsafe: 4, firstWorse: 4 });
    const notNeeded = [{ ...named, factor: 8 }];
    expect(thresholdOf(curve, 0.02, 0.05, { notNeeded })).toMatchObject({ firstUnsafe: 4, firstWorse: null });
    const [found, ...others] = sweepThresholds(curve, 0.02, 0.05, { notNeeded });
    expect([found, others]).toMatchObject([{ lastSafe: 2, firstUnsafe: 4, firstWorse: null }, []]);
    // In full, 8 may turn out undecided: then 4 is not the first of factors that are all worse.
    const full = [...curve, sweepResult({ factor: 8, lost: lostAt(-0.03) })];
    expect(thresholdOf(full, 0.02)).toMatchObject({ firstUnsafe: 4, firstWorse: null });
  });
});

describe('readInSequence', () => {
  it('starts from the unpruned model', () => {
    expect(readInSequence([])).toEqual({ lastSafe: 1, firstUnsafe: null, firstWorse: null });
  });
});

describe('itemsNeeded', () => {
  it('refuses a margin out of range', () => {
    for (const delta of [0, -0.1, 0.6, Number.NaN]) expect(() => itemsNeeded(delta)).toThrow(/delta/);
  });
});

describe('sweepThresholds', () => {
  const seeded = (seed: number, ends: Record<number, number>) => results(ends, { method: 'random', seed });

  it('gives one threshold per seed and one that is safe only where every seed is', () => {
    const sweep = [
      ...seeded(0, { 2: -0.01, 4: -0.01, 8: -0.3 }),
      ...results({ 2: 0, 4: 0 }),
      ...seeded(1, { 2: -0.01, 4: -0.04, 8: -0.3 }),
    ];
    const thresholds = sweepThresholds(sweep, 0.02);
    expect(thresholds.map(({ method, seed, factor }) => [method, seed, factor])).toEqual([
      ['random', 0, 4],
      ['random', 1, 2],
      ['random', null, 2],
      ['reap', null, 4],
    ]);
    expect(headlineThresholds(thresholds).map(({ method, factor }) => [method, factor])).toEqual([
      ['random', 2],
      ['reap', 4],
    ]);
  });

  it('leaves out of the joint threshold what some seed has not measured, unless it already failed', () => {
    const joint = (sweep: ReturnType<typeof seeded>) => sweepThresholds(sweep, 0.02).find(({ seed }) => seed === null);
    expect(joint([...seeded(0, { 2: 0, 4: 0 }), ...seeded(1, { 2: 0 })])).toMatchObject({
      factor: 2,
      verdict: 'all-safe',
    });
    expect(joint([...seeded(0, { 2: 0, 4: -0.1 }), ...seeded(1, { 2: 0 })])).toMatchObject({
      factor: 2,
      firstUnsafe: 4,
    });
  });

  it('stands in the order of models, tasks and methods, also where a curve was stopped early', () => {
    const stopped = { n: 1000, evaluated: 200, lost: 100, gainedAtMost: 0, independentAtLeast: 1000 };
    const candidate = { model: 'model', seed: null, factor: 4, kept: 4, metric: 'acc' } as const;
    const curtailed = (task: string, method: string): CurtailedPoint => ({ ...candidate, ...stopped, task, method });
    const sweep = ['a', 'b'].flatMap((task) => [
      ...results({ 1: 0 }, { task, method: 'unpruned' }),
      ...results({ 2: 0 }, { task }),
    ]);
    const named = (points: CurtailedPoint[]) =>
      sweepThresholds(sweep, 0.02, 0.05, { curtailed: points }).map(({ task, method }) => `${task} ${method}`);
    expect(named([])).toEqual(['a reap', 'b reap']);
    // Every point of "random" was stopped early, and such points come after all results.
    expect(named([curtailed('a', 'random'), curtailed('b', 'random')])).toEqual([
      'a reap',
      'a random',
      'b reap',
      'b random',
    ]);
  });

  it('adds nothing for one seed and skips what is only measured unpruned', () => {
    expect(sweepThresholds(seeded(3, { 2: 0 }), 0.02).map(({ seed }) => seed)).toEqual([3]);
    expect(sweepThresholds(results({ 1: 0 }), 0.02)).toEqual([]);
  });

  it('joint threshold is the smallest of the seeds, and none falls as delta grows', () => {
    const end = fc.double({ min: -0.1, max: 0, noNaN: true });
    const complete = fc.record({ 2: end, 4: end, 8: end, 16: end });
    fc.assert(
      fc.property(fc.array(complete, { minLength: 2, maxLength: 4 }), deltas, deltas, (bySeed, a, b) => {
        const sweep = bySeed.flatMap((ends, seed) => results(ends, { method: 'random', seed }));
        const factors = (delta: number): number[] =>
          sweepThresholds(sweep, delta).map(({ factor }) => factor ?? Number.NaN);
        const tight = factors(Math.min(a, b));
        const loose = factors(Math.max(a, b));
        expect(tight.at(-1)).toBe(Math.min(...tight.slice(0, -1)));
        expect(loose.every((factor, index) => factor >= (tight[index] ?? Number.NaN))).toBe(true);
      }),
    );
  });
});

describe('thresholdRule', () => {
  it('states margin, level and the number of items it needs', () => {
    const rule = thresholdRule(0.025);
    expect(rule).toContain('one-sided 95 %');
    expect(rule).toContain('at least -2.5 percentage points');
    expect(rule).toContain('at most 0.025 nats per token');
    expect(rule).toContain(`fewer than ${itemsNeeded(0.025)} items`);
  });
});

const reached = (method: string, lastSafe: number | null, firstUnsafe: number | null) =>
  threshold.parse({
    model: 'm',
    task: 't',
    method,
    seed: null,
    factor: lastSafe,
    lastSafe,
    firstUnsafe,
    delta: 0.02,
    n: 300,
    verdict: lastSafe === null ? 'cannot-tell' : 'found',
  });

describe('the best threshold of several methods', () => {
  it('is the largest one, and lists all methods that reach it', () => {
    const best = bestThreshold([
      reached('random', 1, 2),
      reached('reap', 4, 8),
      reached('uncurl', 4, 6),
      reached('ean', null, null),
    ]);
    expect(best?.best.method).toBe('reap');
    expect(best?.methods).toEqual(['reap', 'uncurl']);
    expect(best?.cannotTell).toEqual(['ean']);
  });

  it('prefers an open bracket, then the order of the methods', () => {
    expect(bestThreshold([reached('a', 4, 8), reached('b', 4, null)])?.best.method).toBe('b');
    expect(bestThreshold([reached('a', 4, null), reached('b', 4, null)])?.methods).toEqual(['a', 'b']);
  });

  it('prefers one that is undecided to one that is worse, where both end alike', () => {
    const none = { verdict: 'none-safe' } as const;
    const [worse, undecided] = [
      { ...reached('worse', 1, 2), ...none, firstWorse: 2 },
      { ...reached('undecided', 1, 2), ...none },
    ];
    for (const order of [
      [worse, undecided],
      [undecided, worse],
    ])
      expect(bestThreshold(order)).toMatchObject({
        best: { method: 'undecided' },
        methods: ['undecided', 'worse'],
      });
  });

  it('is undetermined where no threshold can be determined, and null for no thresholds', () => {
    expect(bestThreshold([reached('a', null, null), reached('b', null, null)])).toMatchObject({
      best: { method: 'a' },
      methods: [],
      cannotTell: ['a', 'b'],
    });
    expect(bestThreshold([])).toBeNull();
  });
});
