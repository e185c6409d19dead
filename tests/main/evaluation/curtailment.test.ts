import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ItemOutcome } from '../../../main/contract/outcome.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import {
  countsSoFar,
  curtailedOrder,
  type CurtailedTest,
  isDecidable,
  lowAtMost,
  type PairedDesign,
  pairedDesign,
  partEnds,
  decidedVerdict,
} from '../../../main/evaluation/curtailment.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import {
  areSafeCounts,
  areWorseCounts,
  independentItems,
  isSafe,
  itemsNeeded,
} from '../../../main/evaluation/verdicts.ts';
import { countAlike, groupLowerLimit } from '../../../main/statistics/clustered-pairs.ts';
import { tangoScore } from '../../../main/statistics/tango-interval.ts';
import { choiceOutcome, textOutcome, writtenOutcome } from './outcomes.ts';

const designOf = (metric: MetricName, baseline: readonly ItemOutcome[]): PairedDesign => {
  const design = pairedDesign(metric, baseline);
  if (design === null) throw new Error('texts have no design');
  return design;
};

interface Case {
  readonly metric: 'acc' | 'acc_norm' | 'exact_match';
  readonly baseline: readonly ItemOutcome[];
  readonly candidate: readonly ItemOutcome[];
  readonly order: readonly number[];
  readonly test: CurtailedTest;
}

/** Items, right or wrong before and after, in passages or alone, in any order, at any margin and level. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    metric: fc.constantFrom('acc', 'acc_norm', 'exact_match'),
    items: fc.integer({ min: 1, max: 400 }),
    right: fc.double({ min: 0, max: 1, noNaN: true }),
    lost: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
    gained: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
    passage: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
    delta: fc.constantFrom(0.01, 0.02, 0.05, 0.1, 0.3, 0.5),
    alpha: fc.constantFrom(0.05, 0.05 / 36, 0.01),
    draws: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 50, maxLength: 50 }),
  })
  .map(({ metric, items, right, lost, gained, passage, delta, alpha, draws }) => {
    const draw = (index: number): number => ((draws[index % 50] ?? 0) + index * 0.754877666) % 1;
    const outcome = (index: number, isRight: boolean): ItemOutcome => {
      const id = String(index);
      if (metric === 'exact_match') return writtenOutcome(id, isRight ? 'right' : 'wrong');
      const choice = choiceOutcome(id, metric === 'acc' ? isRight : !isRight, isRight);
      return passage === 0 ? choice : { ...choice, group: String(Math.floor(index / passage)) };
    };
    const before = Array.from({ length: items }, (_, index) => draw(3 * index) < right);
    const after = before.map((was, index) => (was ? draw(3 * index + 1) >= lost : draw(3 * index + 1) < gained));
    const order = before.map((_, index) => index).sort((a, b) => draw(3 * a + 2) - draw(3 * b + 2));
    return {
      metric,
      baseline: before.map((is, index) => outcome(index, is)),
      candidate: after.map((is, index) => outcome(index, is)),
      order,
      test: { metric, delta, alpha },
    };
  });

describe('a curtailed verdict', () => {
  it('never contradicts the outcomes of all items, whatever their order', () => {
    let decided = 0;
    fc.assert(
      fc.property(cases, ({ metric, baseline, candidate, order, test }) => {
        const design = designOf(metric, baseline);
        const { delta, alpha } = test;
        const full = summarise(metric, baseline, candidate);
        const canBeDecided = independentItems(full) >= itemsNeeded(delta, metric, alpha);
        const soFar: (ItemOutcome | null)[] = baseline.map(() => null);
        for (const index of order) {
          soFar[index] = candidate[index] ?? null;
          const verdict = decidedVerdict(test, design, countsSoFar(metric, design, soFar));
          if (verdict === null) continue;
          decided += 1;
          expect(verdict).toBe(isSafe(full, delta, alpha) ? 'safe' : 'unsafe');
          if (verdict === 'safe') expect(canBeDecided).toBe(true);
        }
        expect(isDecidable(test, design)).toBe(canBeDecided);
      }),
      { numRuns: 40 },
    );
    expect(decided).toBeGreaterThan(100);
  });

  it('bounds the lower end of passages from above after every item', () => {
    fc.assert(
      fc.property(
        cases.filter(({ metric, baseline }) => designOf(metric, baseline).groups !== null),
        ({ metric, baseline, candidate, order }) => {
          const design = designOf(metric, baseline);
          const full = summarise(metric, baseline, candidate);
          const soFar: (ItemOutcome | null)[] = baseline.map(() => null);
          let before = Infinity;
          for (const index of order.slice(0, 40)) {
            soFar[index] = candidate[index] ?? null;
            const bound = lowAtMost(countsSoFar(metric, design, soFar)) ?? NaN;
            expect(bound).toBeGreaterThanOrEqual(full.lowOneSided - 1e-12);
            expect(bound).toBeLessThanOrEqual(before + 1e-12);
            before = bound;
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is decided long before the last item for an unsafe candidate, and near it for a safe one', () => {
    const baseline = Array.from({ length: 300 }, (_, index) => choiceOutcome(String(index), true));
    const design = designOf('acc', baseline);
    const at = (evaluated: number, lost: number) => ({
      n: 300,
      evaluated,
      lost,
      gained: 0,
      rightLeft: 300 - evaluated,
      wrongLeft: 0,
      passages: null,
    });
    const test = { metric: 'acc', delta: 0.02 } as const;
    expect(areSafeCounts({ gained: 0, lost: 2, n: 300 }, 0.02, 0.05)).toBe(false);
    expect(decidedVerdict(test, design, at(3, 2))).toBe('unsafe');
    expect(decidedVerdict(test, design, at(3, 1))).toBeNull();
    expect(decidedVerdict(test, design, at(298, 0))).toBeNull();
    expect(decidedVerdict(test, design, at(299, 0))).toBe('safe');
  });

  it('needs enough items, or as many passages of the largest size', () => {
    const few = designOf(
      'acc',
      Array.from({ length: 148 }, (_, index) => choiceOutcome(String(index), true)),
    );
    const test = { metric: 'acc', delta: 0.02 } as const;
    expect(isDecidable(test, few)).toBe(false);
    const passages = (count: number, size: number) =>
      designOf(
        'acc',
        Array.from({ length: count * size }, (_, index) => ({
          ...choiceOutcome(String(index), true),
          group: String(index % count),
        })),
      );
    expect(isDecidable(test, passages(25, 40))).toBe(false);
    expect(isDecidable(test, passages(148, 3))).toBe(false);
    expect(isDecidable(test, passages(149, 3))).toBe(true);
  });

  it('has no bounds for texts', () => {
    expect(pairedDesign('perplexity', [textOutcome('a', -3, 4)])).toBeNull();
  });
});

describe('the assumptions of the bounds', () => {
  it('the score rises with every item gained and falls with every item lost, at all counts of small n', () => {
    for (const n of [1, 2, 5, 12, 30])
      for (const difference of [-0.5, -0.1, -0.02, 0.02, 0.1])
        for (let gained = 0; gained <= n; gained += 1)
          for (let lost = 0; gained + lost < n; lost += 1) {
            const here = tangoScore({ gained, lost, n }, difference);
            expect(tangoScore({ gained: gained + 1, lost, n }, difference)).toBeGreaterThan(here);
            expect(tangoScore({ gained, lost: lost + 1, n }, difference)).toBeLessThan(here);
          }
  });

  it('so do the verdicts, at any counts, margin and level', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2, 60, 149, 300, 1000),
        fc.double({ min: 0, max: 0.2, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(0.0005, 0.005, 0.02, 0.1, 0.5),
        fc.constantFrom(0.05, 0.05 / 36),
        (n, share, part, delta, alpha) => {
          const discordant = Math.floor(share * (n - 1));
          const gained = Math.floor(part * discordant);
          const lost = discordant - gained;
          const verdicts = (counts: { readonly gained: number; readonly lost: number }) =>
            Number(areSafeCounts({ ...counts, n }, delta, alpha)) -
            Number(areWorseCounts({ ...counts, n }, delta, alpha));
          const here = verdicts({ gained, lost });
          expect(verdicts({ gained: gained + 1, lost })).toBeGreaterThanOrEqual(here);
          expect(verdicts({ gained, lost: lost + 1 })).toBeLessThanOrEqual(here);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('the lower limit of passages rises with every item gained in any of them', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc
            .integer({ min: 1, max: 9 })
            .chain((items) =>
              fc.record({ items: fc.constant(items), net: fc.integer({ min: -items, max: items - 1 }) }),
            ),
          { minLength: 1, maxLength: 60 },
        ),
        fc.nat(),
        fc.constantFrom(0.05, 0.025, 0.001),
        (groups, which, alpha) => {
          const better = groups.map((group, index) =>
            index === which % groups.length ? { ...group, net: group.net + 1 } : group,
          );
          const [low, high] = [groups, better].map((own) => groupLowerLimit(countAlike(own), alpha));
          expect(high).toBeGreaterThan((low ?? NaN) - 1e-12);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('the order and the parts of the items', () => {
  it('begins with the smallest margins of the unpruned model, and takes each item once', () => {
    const outcomes = [
      { ...choiceOutcome('sure', true), logprobs: [-1, -9] },
      { ...choiceOutcome('near', true), logprobs: [-1, -1.5] },
      { ...choiceOutcome('wrong', false), logprobs: [-3, -1] },
    ];
    expect(curtailedOrder('acc', outcomes)).toEqual([1, 2, 0]);
    expect(curtailedOrder('exact_match', [writtenOutcome('a', 'x'), writtenOutcome('b', 'right')])).toEqual([0, 1]);
  });

  it('ends with the last item, and rises', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), (n) => {
        for (const ends of [partEnds(n), partEnds(n, true)]) {
          expect(ends.at(-1)).toBe(n);
          expect(ends.every((end, index) => end > (ends[index - 1] ?? 0))).toBe(true);
        }
      }),
    );
    expect(partEnds(300, true)).toEqual([32, 128, 300]);
    expect(partEnds(300)).toEqual([8, 24, 72, 216, 300]);
  });
});
