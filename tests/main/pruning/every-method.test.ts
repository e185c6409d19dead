import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  budgetName,
  isMergePlan,
  type MethodName,
  type Plan,
  plan as planSchema,
} from '../../../main/contract/plan.ts';
import type { RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import type { PlanInput } from '../../../main/pruning/method.ts';
import { methodNamed, methodNames } from '../../../main/pruning/methods.ts';
import { planCost } from '../../../main/pruning/plan-cost.ts';
import { validatePlan } from '../../../main/pruning/validate-plan.ts';
import { seededRandom } from '../../../main/statistics/random.ts';
import { modelInfoOf } from '../contract/model-info-of.ts';
import { fullStatistics } from './random-statistics.ts';
import { makePlan } from './plan-of-input.ts';

const sizes = { layers: 2, experts: 8, topK: 2, tokens: 120 };
const { layers, experts, topK } = sizes;
const planned = methodNames.filter((name) => methodNamed(name).prepare({}).behaviour.kind !== 'search');
/** The starts of k-means depend on the numbers of experts: tests that rename experts do without. */
const withoutStarts = (method: MethodName): Partial<PlanInput> =>
  method === 'uncurl' ? { options: { assign: 'cluster-qr' } } : {};

/** Methods whose plans do not depend on the names of experts: neither drawn, nor started at random. */
const named = planned.filter((name) => !methodNamed(name).prepare(withoutStarts(name).options ?? {}).draws);
const all = Array.from({ length: experts }, (_, expert) => expert);

/** One profile per seed, cached for most tests. */
const known = new Map<number, RoutingStatistics>();
const profileOf = (seed: number): RoutingStatistics => {
  const profile = known.get(seed) ?? fullStatistics(sizes, seed);
  known.set(seed, profile);
  return profile;
};

const request = (method: MethodName, changed: Partial<PlanInput>): PlanInput => ({
  method,
  statistics: [profileOf(1)],
  layers,
  experts,
  topK,
  keep: 4,
  budget: 'uniform',
  pins: [],
  seed: 0,
  ...changed,
});

/** A plan as sets of members per layer, whatever the order of experts and groups. */
const shapeOf = (plan: Plan, rename: (expert: number) => number): string[][] => {
  const groups = isMergePlan(plan)
    ? plan.groups.map((layer) => layer.map(({ members }) => members))
    : plan.kept.map((kept) => kept.map((expert) => [expert]));
  return groups.map((layer) =>
    layer
      .map((members) =>
        members
          .map(rename)
          .sort((a, b) => a - b)
          .join('+'),
      )
      .sort(),
  );
};

const tiesInCounts = (counts: Float64Array): boolean =>
  Array.from({ length: layers }, (_, layer) => counts.subarray(layer * experts, (layer + 1) * experts)).some(
    (row) => new Set(row).size < experts,
  );

describe.each(planned)('%s', (method) => {
  it('is the identity where every expert is kept', () => {
    for (const budget of ['uniform', 'global'] as const) {
      const plan = makePlan(request(method, { keep: experts, budget }));
      expect(shapeOf(plan, (expert) => expert)).toEqual(Array.from({ length: layers }, () => all.map(String)));
    }
  });

  it('makes plans that the schema and the model accept, the same every time, under every budget', () => {
    for (const budget of budgetName.options) {
      const input = request(method, { keep: 3, budget, counts: [2, 4], protect: 'all' });
      const plan = makePlan(input);
      expect(makePlan(input)).toEqual(plan);
      expect(planSchema.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
      expect(validatePlan(plan, { moeLayers: layers, experts, topK })).toEqual(plan);
      expect(plan).toMatchObject({ method, experts, topK, budget, protect: 'all' });
      const kept = isMergePlan(plan) ? plan.groups : plan.kept;
      const total = kept.reduce((sum, layer) => sum + layer.length, 0);
      expect(plan.factor).toBe((experts * layers) / total);
      if (method === 'tsep') expect(total).toBeLessThanOrEqual(3 * layers);
      else if (budget === 'manual' || budget === 'measured') expect(kept.map((layer) => layer.length)).toEqual([2, 4]);
      else expect(total).toBe(3 * layers);
    }
  });

  it('keeps experts pinned to stay, drops those pinned to go, and states the cost', () => {
    const pins = [
      { layer: 0, expert: 5, keep: true },
      { layer: 1, expert: 2, keep: false },
    ];
    const plan = makePlan(request(method, { pins }));
    const [first, second] = shapeOf(plan, (expert) => expert);
    expect(first).toContain('5');
    expect(second).not.toContain('2');
    const info = modelInfoOf({
      layers,
      moeLayers: layers,
      experts,
      topK,
      hidden: 4,
      expertWidth: 3,
      vocabulary: 9,
      maxPositions: 9,
      parameters: { total: 1000, expert: 576, active: 568 },
      dtype: 'F32',
      sizeBytes: 4000,
      memory: {
        resident: 4000,
        streaming: 2000,
        float16: { resident: 2000, streaming: 1000 },
        torch: { float32: 0, half: 0 },
      },
    });
    expect(planCost(info, plan).parameters.total).toBeLessThan(1000);
  });

  it('gives tasks the requested weights', () => {
    const statistics = [profileOf(1), profileOf(2)];
    const weighed = (taskWeights: readonly number[]) =>
      shapeOf(makePlan(request(method, { statistics, taskWeights })), (expert) => expert);
    const alone = (at: number) =>
      shapeOf(makePlan(request(method, { statistics: [statistics[at]!, statistics[at]!] })), (expert) => expert);
    expect(weighed([1, 0])).toEqual(alone(0));
    expect(weighed([0, 3])).toEqual(alone(1));
    expect(() => makePlan(request(method, { statistics, taskWeights: [1] }))).toThrow('do not fit 2 tasks');
  });
});

describe.each(named)('%s', (method) => {
  it('follows a renaming of experts', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: topK, max: experts }), (seed, keep) => {
        const names = seededRandom(seed).shuffle(all);
        const original = profileOf(seed);
        // Ties go to the lower name, so a renaming may change the winner.
        fc.pre(!tiesInCounts(original.counts));
        const before = makePlan(request(method, { statistics: [original], keep, ...withoutStarts(method) }));
        const after = makePlan(
          request(method, { statistics: [fullStatistics(sizes, seed, { names })], keep, ...withoutStarts(method) }),
        );
        expect(shapeOf(after, (expert) => expert)).toEqual(shapeOf(before, (expert) => names[expert]!));
      }),
      { numRuns: 10 },
    );
  });

  it('does not depend on the order of tokens', () => {
    const order = seededRandom(4).shuffle(Array.from({ length: sizes.tokens }, (_, token) => token));
    const plans = [{}, { order }].map((change) =>
      shapeOf(makePlan(request(method, { statistics: [fullStatistics(sizes, 7, change)] })), (expert) => expert),
    );
    expect(plans[1]).toEqual(plans[0]);
  });
});

describe('methods that search', () => {
  it('have no plan without a search', () => {
    expect(() => makePlan(request('eep', {}))).toThrow('measures many candidates');
    expect(() => makePlan(request('merge-moe', {}))).toThrow('fits on calibration items');
  });
});

describe('options', () => {
  it('are recorded in the plan with their defaults, and refused by name', () => {
    expect(makePlan(request('reap', { options: { form: 'sum' } }))).toMatchObject({
      options: { form: 'sum', gate: 'own' },
    });
    expect(() => makePlan(request('reap', { options: { form: 'median' } }))).toThrow('form: ');
    expect(() => makePlan(request('reap', { options: { forms: 'sum' } }))).toThrow('forms is unknown');
    expect(() => makePlan(request('man', { options: { b: 1 } }))).toThrow('b is unknown');
  });
});

describe('protection of super experts', () => {
  it('keeps an expert with an extreme output whatever the method, unless it is pinned to go', () => {
    const statistics = fullStatistics(sizes, 3);
    const least = [...statistics.counts.subarray(0, experts)].indexOf(
      Math.min(...statistics.counts.subarray(0, experts)),
    );
    const peakOutputs = statistics.peakOutputs!.map((peak, at) => (at === least ? 1000 : peak));
    const profile = { ...statistics, peakOutputs };
    const kept = (changed: Partial<PlanInput>) =>
      shapeOf(makePlan(request('frequency', { statistics: [profile], keep: 2, ...changed })), (expert) => expert)[0];
    expect(kept({})).not.toContain(String(least));
    expect(kept({ protect: 'early' })).toContain(String(least));
    expect(kept({ protect: 'early', pins: [{ layer: 0, expert: least, keep: false }] })).not.toContain(String(least));
    // A pin of the same number in another layer, or of another expert in this one, is no pin of that expert.
    const other = (least + 1) % experts;
    for (const pin of [
      { layer: 1, expert: least, keep: false },
      { layer: 0, expert: other, keep: false },
    ])
      expect(kept({ protect: 'early', pins: [pin] })).toContain(String(least));
    const { peakOutputs: _, ...blind } = profile;
    expect(() => makePlan(request('frequency', { statistics: [blind], protect: 'early' }))).toThrow(
      'does not contain the largest outputs',
    );
  });
});
