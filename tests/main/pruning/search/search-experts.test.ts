import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  searchExperts,
  type SearchCandidate,
  type SearchSettings,
  candidatePlan,
  oneHotMatrices,
} from '../../../../main/pruning/search/search-experts.ts';
import { isMergePlan } from '../../../../main/contract/plan.ts';
import { validatePlan } from '../../../../main/pruning/validate-plan.ts';
import { seededRandom } from '../../../../main/statistics/random.ts';

const settings: SearchSettings = {
  evaluations: 300,
  initial: 30,
  switchAfter: null,
  exchange: 0.15,
  crossover: 0.3,
  firstParent: 0.6,
  mutation: 0.25,
  scale: 0.065,
  layerChange: 0.25,
  normalise: 0.1,
  crossoverRange: 1,
  mutationRange: 3,
};
const good = [new Set([1, 4]), new Set([0, 5])];
/** Share of the good experts that a candidate keeps. */
const shareOfGood = (candidate: SearchCandidate): number => {
  if (candidate.kind === 'matrices') throw new Error('only kept experts were asked for');
  return candidate.kept.reduce((sum, layer, at) => sum + layer.filter((expert) => good[at]!.has(expert)).length, 0) / 4;
};
const request = (changed: Partial<Parameters<typeof searchExperts>[0]> = {}) => ({
  layers: 2,
  experts: 6,
  keep: 2,
  seed: 1,
  settings,
  signal: new AbortController().signal,
  fitness: (candidate: SearchCandidate) => Promise.resolve(shareOfGood(candidate)),
  ...changed,
});

describe('searchExperts', () => {
  it('finds the best of 225 plans and never falls back', async () => {
    const { best, fitness, history } = await searchExperts(request());
    expect([fitness, best]).toEqual([
      1,
      {
        kind: 'kept',
        kept: [
          [1, 4],
          [0, 5],
        ],
      },
    ]);
    expect(history).toHaveLength(300);
    history.forEach((value, at) => expect(value).toBeGreaterThanOrEqual(history[at - 1] ?? 0));
  });

  it('is the same search for the same seed, a different one for another', async () => {
    const asked = async (seed: number): Promise<string> => {
      const seen: string[] = [];
      await searchExperts(
        request({
          seed,
          settings: { ...settings, evaluations: 40 },
          fitness: (candidate) => {
            seen.push(JSON.stringify(candidate));
            return Promise.resolve(0.5);
          },
        }),
      );
      return seen.join('\n');
    };
    expect(await asked(3)).toBe(await asked(3));
    expect(await asked(3)).not.toBe(await asked(4));
  });

  it('proposes only plans that keep `keep` different experts, and measures none twice', async () => {
    const seen: string[] = [];
    await searchExperts(
      request({
        fitness: (candidate) => {
          if (candidate.kind === 'kept') candidate.kept.forEach((layer) => expect(new Set(layer).size).toBe(2));
          seen.push(JSON.stringify(candidate));
          return Promise.resolve(shareOfGood(candidate));
        },
      }),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeLessThanOrEqual(225);
  });

  it('continues with matrices after the switch, which blend what one-hot rows cannot', async () => {
    // Best where the first new expert is half of old 1 and half of old 4.
    const fitness = (candidate: SearchCandidate): Promise<number> => {
      if (candidate.kind === 'kept') return Promise.resolve(candidate.kept[0]!.includes(1) ? 0.5 : 0.4);
      const row = candidate.layers[0]!.merge[0]!;
      return Promise.resolve(0.6 - 0.1 * Math.hypot(row[1]! - 0.9, row[4]! - 0.1));
    };
    const { best, history } = await searchExperts(request({ fitness, settings: { ...settings, switchAfter: 60 } }));
    expect(best.kind).toBe('matrices');
    expect(history.at(-1)).toBeGreaterThan(history[60]!);
    if (best.kind === 'matrices')
      best.layers.forEach(({ merge, router }) =>
        expect([merge.length, router.length, merge[0]!.length]).toEqual([2, 2, 6]),
      );
  });

  it('stops between two candidates where it is cancelled, and needs a budget', async () => {
    const controller = new AbortController();
    let measured = 0;
    const search = searchExperts(
      request({
        signal: controller.signal,
        fitness: () => {
          if (++measured === 5) controller.abort();
          return Promise.resolve(0);
        },
      }),
    );
    await expect(search).rejects.toThrow('cancelled');
    expect(measured).toBe(5);
    await expect(searchExperts(request({ settings: { ...settings, evaluations: 0 } }))).rejects.toThrow(
      'no evaluation',
    );
  });
});

describe('candidatePlan', () => {
  it('is a valid plan for any matrices, with unchanged numbers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer(),
        (experts, wanted, layers, seed) => {
          const keep = Math.min(wanted, experts);
          const random = seededRandom(seed >>> 0);
          const matrix = () =>
            Array.from({ length: keep }, () =>
              Float64Array.from({ length: experts }, () => (random.float() < 0.3 ? 0 : 2 * random.float() - 1)),
            );
          const lists = (rows: readonly Float64Array[]) => rows.map((row) => [...row]);
          const given = Array.from({ length: layers }, () => ({ merge: matrix(), router: matrix() }));
          const plan = validatePlan(candidatePlan({ kind: 'matrices', layers: given }), {
            moeLayers: layers,
            experts,
            topK: 1,
          });
          if (!isMergePlan(plan)) throw new Error('no merge');
          expect(plan.blend).toEqual(
            given.map(({ merge, router }) => ({ merge: lists(merge), router: lists(router) })),
          );
          expect(plan.groups.every((groups) => groups.length === keep)).toBe(true);
        },
      ),
    );
  });

  it('identifies the expert of each new one from one-hot matrices', () => {
    const plan = candidatePlan({ kind: 'matrices', layers: [oneHotMatrices([1, 3], 5)] });
    if (!isMergePlan(plan)) throw new Error('no merge');
    expect(plan.groups[0]?.map(({ reference }) => reference)).toEqual([1, 3]);
  });

  it('sorts kept experts', () => {
    expect(
      candidatePlan({
        kind: 'kept',
        kept: [
          [3, 0],
          [1, 2],
        ],
      }),
    ).toEqual({
      kept: [
        [0, 3],
        [1, 2],
      ],
    });
  });
});
