import { describe, expect, it } from 'vitest';
import {
  searchExperts,
  type SearchCandidate,
  type SearchSettings,
} from '../../../../main/pruning/search/search-experts.ts';

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
