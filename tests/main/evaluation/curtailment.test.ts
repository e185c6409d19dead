import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ItemOutcome } from '../../../main/contract/outcome.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import {
  countsSoFar,
  curtailedOrder,
  type CurtailedTest,
  curveTellable,
  lowAtMost,
  type PairedDesign,
  pairedDesign,
  partEnds,
  toldVerdict,
} from '../../../main/evaluation/curtailment.ts';
import { summarise } from '../../../main/evaluation/summarise.ts';
import { independentItems, isSafe, itemsNeeded, verdictOf } from '../../../main/evaluation/verdicts.ts';
import {
  tangoLowerLimit,
  tangoLowerLimitOfEffective,
  Z_ONE_SIDED_95,
} from '../../../main/statistics/tango-interval.ts';
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
  it('is never one that all items contradict, whatever the order', () => {
    let told = 0;
    fc.assert(
      fc.property(cases, ({ metric, baseline, candidate, order, test }) => {
        const design = designOf(metric, baseline);
        const { delta, alpha } = test;
        const full = summarise(metric, baseline, candidate);
        const isTellable = independentItems(full) >= itemsNeeded(delta, metric, alpha);
        const soFar: (ItemOutcome | null)[] = baseline.map(() => null);
        for (const place of order) {
          soFar[place] = candidate[place] ?? null;
          const verdict = toldVerdict(test, design, countsSoFar(metric, design, soFar));
          if (verdict === null) continue;
          told += 1;
          expect(verdict).toBe(isSafe(full, delta, alpha) ? 'safe' : 'unsafe');
          if (verdict === 'safe') expect(isTellable).toBe(true);
        }
        const tellable = curveTellable(test, design);
        if (tellable !== 'depends') expect(isTellable).toBe(tellable === 'yes');
      }),
      { numRuns: 100 },
    );
    expect(told).toBeGreaterThan(300);
  });

  it('bounds the lower end of all items from above after every item', () => {
    fc.assert(
      fc.property(cases, ({ metric, baseline, candidate, order, test }) => {
        const design = designOf(metric, baseline);
        const full = summarise(metric, baseline, candidate);
        const soFar: (ItemOutcome | null)[] = baseline.map(() => null);
        let before = Infinity;
        for (const place of order.slice(0, 60)) {
          soFar[place] = candidate[place] ?? null;
          const { n, lost, gained, wrongLeft } = countsSoFar(metric, design, soFar);
          const bound = lowAtMost({ n, lost, gainedAtMost: gained + wrongLeft }, 0.05);
          expect(bound).toBeGreaterThanOrEqual(full.lowOneSided - 1e-12);
          expect(bound).toBeLessThanOrEqual(before + 1e-12);
          before = bound;
        }
        expect(verdictOf(full, test.delta)).toBeDefined();
      }),
      { numRuns: 60 },
    );
  });

  it('is told of an unsafe candidate long before the last item, of a safe one near it', () => {
    const baseline = Array.from({ length: 300 }, (_, index) => choiceOutcome(String(index), true));
    const design = designOf('acc', baseline);
    const at = (evaluated: number, lost: number) => ({
      n: 300,
      evaluated,
      lost,
      gained: 0,
      rightLeft: 300 - evaluated,
      wrongLeft: 0,
    });
    const test = { metric: 'acc', delta: 0.02 } as const;
    expect(tangoLowerLimit({ gained: 0, lost: 3, n: 300 }, Z_ONE_SIDED_95)).toBeLessThan(-0.02);
    expect(toldVerdict(test, design, at(3, 3))).toBe('unsafe');
    expect(toldVerdict(test, design, at(3, 2))).toBeNull();
    expect(toldVerdict(test, design, at(297, 0))).toBeNull();
    expect(toldVerdict(test, design, at(298, 0))).toBe('safe');
  });

  it('needs items enough, and 20 passages', () => {
    const few = designOf(
      'acc',
      Array.from({ length: 148 }, (_, index) => choiceOutcome(String(index), true)),
    );
    expect(curveTellable({ metric: 'acc', delta: 0.02 }, few)).toBe('no');
    const passages = (count: number, size: number) =>
      designOf(
        'acc',
        Array.from({ length: count * size }, (_, index) => ({
          ...choiceOutcome(String(index), true),
          group: String(index % count),
        })),
      );
    expect(curveTellable({ metric: 'acc', delta: 0.02 }, passages(19, 100))).toBe('no');
    expect(curveTellable({ metric: 'acc', delta: 0.02 }, passages(100, 3))).toBe('depends');
    expect(curveTellable({ metric: 'acc', delta: 0.02 }, passages(300, 2))).toBe('yes');
  });

  it('has no bounds for texts', () => {
    expect(pairedDesign('perplexity', [textOutcome('a', -3, 4)])).toBeNull();
  });
});

describe("Tango's lower limit, on which the bounds rest", () => {
  it('rises with every item gained and falls with every item lost, at all counts of small n', () => {
    for (const n of [1, 2, 5, 12, 30]) {
      for (const z of [Z_ONE_SIDED_95, 2.9913]) {
        for (let gained = 0; gained <= n; gained += 1) {
          for (let lost = 0; gained + lost < n; lost += 1) {
            const here = tangoLowerLimit({ gained, lost, n }, z);
            expect(tangoLowerLimit({ gained: gained + 1, lost, n }, z)).toBeGreaterThanOrEqual(here - 1e-12);
            expect(tangoLowerLimit({ gained, lost: lost + 1, n }, z)).toBeLessThanOrEqual(here + 1e-12);
            if (lost === 0) continue;
            // An item gained in the place of one lost.
            const turned = tangoLowerLimit({ gained: gained + 1, lost: lost - 1, n }, z);
            expect(turned).toBeGreaterThanOrEqual(here - 1e-12);
          }
        }
      }
    }
  });

  it('does so at any counts, and falls with the design effect', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 3000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 1, max: 40, noNaN: true }),
        fc.constantFrom(Z_ONE_SIDED_95, 2.3263, 2.9913),
        (n, share, part, effect, z) => {
          const discordant = Math.floor(share * (n - 1));
          const gained = Math.floor(part * discordant);
          const lost = discordant - gained;
          const here = tangoLowerLimit({ gained, lost, n }, z);
          expect(tangoLowerLimit({ gained: gained + 1, lost, n }, z)).toBeGreaterThanOrEqual(here - 1e-12);
          expect(tangoLowerLimit({ gained, lost: lost + 1, n }, z)).toBeLessThanOrEqual(here + 1e-12);
          const shrunk = { gained: gained / effect, lost: lost / effect, n: n / effect };
          expect(tangoLowerLimitOfEffective(shrunk, z)).toBeLessThanOrEqual(here + 1e-12);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the order and the parts of the items', () => {
  it('takes the nearest margins of the unpruned model first, and each item once', () => {
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
          expect(ends.every((end, place) => end > (ends[place - 1] ?? 0))).toBe(true);
        }
      }),
    );
    expect(partEnds(300, true)).toEqual([32, 128, 300]);
    expect(partEnds(300)).toEqual([8, 24, 72, 216, 300]);
  });
});
