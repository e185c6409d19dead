import fc from 'fast-check';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import {
  affinityName,
  isMergePlan,
  type MergeGroup,
  type Plan,
  plan as planSchema,
  uncurlOptions,
} from '../../../main/contract/plan.ts';
import { expertAffinity } from '../../../main/pruning/clustering/affinity.ts';
import { type EmbeddingVariant, spectralEmbedding } from '../../../main/pruning/clustering/spectral-clustering.ts';
import {
  planForModel,
  planFromRanking,
  type PlannedModel,
  type PlanRequest,
  rankedPlanForModel,
  signedPlan,
} from '../../../main/pruning/make-plan.ts';
import type { PlanInput } from '../../../main/pruning/method.ts';
import { reapSaliency } from '../../../main/pruning/saliency.ts';
import { validatePlan } from '../../../main/pruning/validate-plan.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { randomTaps, renameExperts, statisticsOf } from './random-taps.ts';
import { makePlan } from './plan-of-input.ts';

const sizes = { layers: 2, experts: 8, topK: 2, tokens: 60 };
const { layers, experts, topK } = sizes;
const profileFrom = (seed: number) => statisticsOf(randomTaps(sizes, seed), sizes);
const request = (changed: Partial<PlanInput>): PlanInput => ({
  method: 'reap',
  statistics: [profileFrom(1)],
  layers,
  experts,
  topK,
  keep: 4,
  budget: 'uniform',
  pins: [],
  seed: 0,
  ...changed,
});
const keptOf = (plan: Plan): number[][] => {
  if (isMergePlan(plan)) throw new Error('a merge');
  return plan.kept;
};
const groupsOf = (plan: Plan): MergeGroup[][] => {
  if (!isMergePlan(plan)) throw new Error('no merge');
  return plan.groups;
};
/** Distance between the k-th and the next eigenvalue, on which the k clusters depend. */
const eigengap = (affinity: Float64Array, k: number, variant: EmbeddingVariant): number => {
  const { eigenvalues } = spectralEmbedding(affinity, experts, 1, variant);
  return k === experts ? Infinity : eigenvalues[k]! - eigenvalues[k - 1]!;
};
/** Graphs and embeddings whose clusters do not depend on the names of nodes. */
const variant = fc.constantFrom(
  { diagonal: 'kept', embedding: 'degree' } as const,
  { diagonal: 'excluded', embedding: 'degree' } as const,
  { diagonal: 'kept', embedding: 'plain' } as const,
);
const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b);

describe('makePlan', () => {
  it('follows a renaming of experts', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: topK, max: experts }),
        fc.constantFrom('uniform' as const, 'global' as const),
        (seed, keep, budget) => {
          const names = seededRandom(seed).shuffle([0, 1, 2, 3, 4, 5, 6, 7]);
          const taps = randomTaps(sizes, seed);
          const original = statisticsOf(taps, sizes);
          const renamed = statisticsOf(
            taps.map((layer) => renameExperts(layer, names)),
            sizes,
          );
          const plans = (method: PlanInput['method']) =>
            [original, renamed].map((profile) => makePlan(request({ method, statistics: [profile], keep, budget })));

          const [before, after] = plans('reap');
          expect(keptOf(after!)).toEqual(
            keptOf(before!).map((kept) => ascending(kept.map((expert) => names[expert]!))),
          );

          // Counts tie, and ties follow the names: only the kept counts are the same.
          const [countedBefore, countedAfter] = plans('frequency');
          const counts = (plan: Plan, profile: typeof original) =>
            ascending(keptOf(plan).flatMap((kept, layer) => kept.map((e) => profile.counts[layer * experts + e]!)));
          if (budget === 'uniform') expect(counts(countedAfter!, renamed)).toEqual(counts(countedBefore!, original));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('follows a renaming of experts when it merges', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: topK, max: experts }),
        fc.constantFrom(...affinityName.options),
        variant,
        (seed, keep, affinity, { diagonal, embedding }) => {
          // Counts and co-activations of few tokens tie; many tokens keep the test about names.
          const many = { ...sizes, tokens: 400 };
          const names = seededRandom(seed).shuffle([0, 1, 2, 3, 4, 5, 6, 7]);
          const taps = randomTaps(many, seed);
          const options = uncurlOptions.parse({
            affinity,
            diagonal,
            embedding,
            reference: 'medoid',
            assign: 'cluster-qr',
          });
          // Where the k-th eigenvalue is double, several partitions are equally good.
          const profile = statisticsOf(taps, many);
          fc.pre(taps.every((_, layer) => eigengap(expertAffinity(affinity, profile, layer), keep, options) > 1e-6));
          const partition = (renaming: readonly number[] | null) => {
            const profile = statisticsOf(renaming ? taps.map((layer) => renameExperts(layer, renaming)) : taps, many);
            return groupsOf(makePlan(request({ method: 'uncurl', statistics: [profile], keep, options }))).map(
              (groups) => groups,
            );
          };
          const canonical = (groups: MergeGroup[][], to: (expert: number) => number) =>
            groups.map((layer) =>
              layer
                .map(({ members, weights }) =>
                  members
                    .map((member, at) => `${to(member)}:${weights[at]}`)
                    .sort()
                    .join(' '),
                )
                .sort(),
            );
          expect(canonical(partition(names), (expert) => expert)).toEqual(
            canonical(partition(null), (expert) => names[expert]!),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is the identity where every expert is kept', () => {
    for (const method of ['random', 'frequency', 'reap'] as const) {
      for (const budget of ['uniform', 'global'] as const) {
        expect(keptOf(makePlan(request({ method, budget, keep: experts })))).toEqual([
          [0, 1, 2, 3, 4, 5, 6, 7],
          [0, 1, 2, 3, 4, 5, 6, 7],
        ]);
      }
    }
    const groups = groupsOf(makePlan(request({ method: 'uncurl', keep: experts })));
    expect(groups.map((layer) => layer.map(({ members, reference }) => [members, reference]))).toEqual(
      groups.map(() => [0, 1, 2, 3, 4, 5, 6, 7].map((expert) => [[expert], expert])),
    );
  });

  it('makes plans that the schema and the model accept, the same every time', () => {
    for (const method of ['random', 'frequency', 'reap', 'uncurl'] as const) {
      for (const budget of ['uniform', 'global'] as const) {
        const plan = makePlan(request({ method, budget, keep: 3 }));
        expect(makePlan(request({ method, budget, keep: 3 }))).toEqual(plan);
        expect(planSchema.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
        expect(validatePlan(plan, { moeLayers: layers, experts, topK })).toEqual(plan);
        expect(plan).toMatchObject({ method, experts, topK, factor: 8 / 3, budget });
        expect('seed' in plan).toBe(method === 'random' || method === 'uncurl');
        const kept = isMergePlan(plan) ? plan.groups : plan.kept;
        expect(kept.reduce((sum, layer) => sum + layer.length, 0)).toBe(3 * layers);
      }
    }
  });

  it('draws at random by the seed, keeping at a larger factor a subset of what a smaller one keeps', () => {
    const drawn = (seed: number, keep: number) =>
      keptOf(makePlan(request({ method: 'random', statistics: [], seed, keep })));
    expect(drawn(1, 4)).toEqual(drawn(1, 4));
    expect(new Set(Array.from({ length: 20 }, (_, seed) => JSON.stringify(drawn(seed, 4)))).size).toBeGreaterThan(15);
    drawn(3, 2).forEach((few, layer) => few.forEach((expert) => expect(drawn(3, 5)[layer]).toContain(expert)));
  });

  it('gives tasks equal weight whatever their length', () => {
    const [short, long] = [profileFrom(1), profileFrom(2)];
    const longer = {
      ...long,
      tokens: long.tokens * 50,
      reapSum: long.reapSum.map((sum) => 50 * sum),
      counts: long.counts.map((count) => 50 * count),
    };
    const both = makePlan(request({ statistics: [short, longer] }));
    expect(both).toEqual(makePlan(request({ statistics: [longer, short] })));
    expect(both).toEqual(makePlan(request({ statistics: [short, long] })));
    const shares = [short, long].map((profile) => {
      const scores = reapSaliency(profile, 0);
      return scores.map((score) => score / scores.reduce((sum, value) => sum + value, 0));
    });
    const means = [...shares[0]!].map((share, expert) => share + shares[1]![expert]!);
    const best = [...means.keys()].sort((a, b) => means[b]! - means[a]!).slice(0, 4);
    expect(keptOf(both)[0]).toEqual(ascending(best));
  });

  it('gives tasks equal weight in a merge whatever their length', () => {
    const [short, long] = [profileFrom(1), profileFrom(2)];
    const taps = randomTaps(sizes, 2);
    const repeated = statisticsOf(taps, sizes);
    taps.forEach((_, layer) => {
      for (const name of ['counts', 'logitGram', 'logitSum', 'probabilityGram', 'coactivation'] as const) {
        const each = repeated[name].length / layers;
        for (let at = layer * each; at < (layer + 1) * each; at++) repeated[name][at]! *= 8;
      }
    });
    repeated.tokens *= 8;
    const groups = (second: typeof short) =>
      groupsOf(makePlan(request({ method: 'uncurl', statistics: [short, second] }))).map((layer) =>
        layer.map(({ members }) => members),
      );
    expect(groups(repeated)).toEqual(groups(long));
  });

  it('keeps pins when it merges', () => {
    const pins = [
      { layer: 0, expert: 5, keep: true },
      { layer: 1, expert: 2, keep: false },
    ];
    const plan = makePlan(request({ method: 'uncurl', pins }));
    const [first, second] = groupsOf(plan);
    expect(first!.find(({ members }) => members.includes(5))?.members).toEqual([5]);
    const host = second!.find(({ members }) => members.includes(2))!;
    expect(host.members.length).toBeGreaterThan(1);
    expect(host.weights[host.members.indexOf(2)]).toBe(0);
    expect(host.reference).not.toBe(2);
    expect(plan.pins).toEqual(pins);
    const all = [0, 1, 2, 3].map((expert) => ({ layer: 0, expert, keep: true }));
    expect(() => makePlan(request({ method: 'uncurl', pins: all }))).toThrow('leaves 4 experts for 0 groups');
  });

  it('refuses inputs that give no plan', () => {
    expect(() => makePlan(request({ keep: 1 }))).toThrow('Cannot keep 1 of 8 experts');
    expect(() => makePlan(request({ keep: 9 }))).toThrow('Cannot keep 9 of 8 experts');
    expect(() => makePlan(request({ statistics: [] }))).toThrow('needs a profile');
    for (const other of [{ layers: 3 }, { experts: 9 }, { topK: 1 }])
      expect(() => makePlan(request(other))).toThrow(expect.objectContaining({ code: 'profile-mismatch' }));
    expect(() => makePlan(request({ layers: 3 }))).toThrow('does not belong to a model of 3');
    expect(() => makePlan(request({ statistics: [{ ...profileFrom(1), tokens: 0 }] }))).toThrow('contains no token');
  });
});

const folder = fileURLToPath(new URL('../../../resources/models/uncurl-8', import.meta.url));
const subject: PlannedModel = await openCheckpoint(folder);
const order: PlanRequest = {
  method: 'random',
  statistics: [],
  budget: 'uniform',
  pins: [],
  seed: 0,
  tasks: ['add', 'sort'],
};
const ranking = {
  ranking: [
    [7, 1, 0, 2, 3, 4, 5, 6],
    [5, 0, 1, 2, 3, 4, 6, 7],
    [4, 3, 0, 1, 2, 5, 6, 7],
  ],
  budget: 'uniform' as const,
  pins: [],
};

test('a plan names its model and tasks, and keeps a number of experts by factor, number or counts', () => {
  const { name, fingerprint } = subject;
  const byFactor = planForModel(subject, { ...order, factor: 4 });
  expect(byFactor).toMatchObject({ model: { name, fingerprint }, tasks: ['add', 'sort'], factor: 4, experts: 8 });
  expect(planForModel(subject, { ...order, keep: 2 })).toEqual(byFactor);
  const counts = planForModel(subject, { ...order, budget: 'manual', counts: [2, 3, 4] });
  expect('kept' in counts && counts.kept.map((kept) => kept.length)).toEqual([2, 3, 4]);
  expect(planForModel(subject, { ...order, keep: 2, tasks: [] })).not.toHaveProperty('tasks');
  // A model of one layer: half of its count would be below its top-2.
  const single = { ...subject, info: { ...subject.info, moeLayers: 1 } };
  const alone = planForModel(single, { ...order, budget: 'manual', counts: [2] });
  expect('kept' in alone && alone.kept.map((kept) => kept.length)).toEqual([2]);
});

test('a ranking is signed with its model, its given name and its tasks', () => {
  const { name, fingerprint } = subject;
  const plan = rankedPlanForModel(subject, { ...ranking, keep: 2 });
  expect(plan).toMatchObject({
    model: { name, fingerprint },
    kept: [
      [1, 7],
      [0, 5],
      [3, 4],
    ],
  });
  expect(plan).not.toHaveProperty('tasks');
  expect(plan.method).toBe('ranking');
  expect(rankedPlanForModel(subject, { ...ranking, factor: 4 })).toEqual(plan);
  const named = rankedPlanForModel(subject, { ...ranking, keep: 2, method: 'mine', tasks: ['add'] });
  expect(named).toEqual({ ...plan, method: 'mine', tasks: ['add'] });
  const grouped = { ...subject, info: { ...subject.info, expertGroups: { count: 2, kept: 1, least: 1 } } };
  expect(() => rankedPlanForModel(grouped, { ...ranking, keep: 2 })).toThrow('groups of equal size');
});

test('exactly one of factor, number and counts is required', () => {
  const refusal = expect.objectContaining({ code: 'factor-or-keep' });
  for (const size of [{}, { factor: 2, keep: 4 }, { keep: 4, counts: [4, 4, 4] }]) {
    expect(() => planForModel(subject, { ...order, ...size })).toThrow(refusal);
    expect(() => rankedPlanForModel(subject, { ...ranking, ...size })).toThrow(refusal);
  }
  expect(() => planForModel(subject, { ...order, factor: 9 })).toThrow('fewer than the top-2');
});

test('a signature replaces an earlier one', () => {
  const earlier = { kept: [[0, 1]], model: { name: 'other', fingerprint: 'f' }, tasks: ['old'] };
  expect(signedPlan(earlier, subject, ['new'])).toEqual({
    kept: [[0, 1]],
    model: { name: subject.name, fingerprint: subject.fingerprint },
    tasks: ['new'],
  });
});

describe('planFromRanking', () => {
  const ranking = [
    [3, 1, 0, 2],
    [2, 0, 1, 3],
  ];
  const plan = (changed: Partial<Parameters<typeof planFromRanking>[0]>) =>
    planFromRanking({ ranking, experts: 4, topK: 1, keep: 2, budget: 'uniform', pins: [], ...changed });

  it('keeps the first of each layer, pins first', () => {
    expect(plan({})).toMatchObject({
      method: 'ranking',
      factor: 2,
      kept: [
        [1, 3],
        [0, 2],
      ],
    });
    expect(plan({ pins: [{ layer: 0, expert: 2, keep: true }] })).toMatchObject({
      kept: [
        [2, 3],
        [0, 2],
      ],
    });
    expect(plan({ budget: 'manual', counts: [1, 3] })).toMatchObject({ kept: [[3], [0, 1, 2]], factor: 2 });
  });

  it('refuses budgets that compare layers, and numbers that do not fit', () => {
    expect(() => plan({ budget: 'global' })).toThrow('orders experts only within each');
    expect(() => plan({ keep: 5 })).toThrow('Cannot keep 5, 5 of 4 experts');
    expect(() => plan({ budget: 'manual', counts: [2] })).toThrow('Cannot keep 2 of 4 experts in 2 layers');
  });
});
