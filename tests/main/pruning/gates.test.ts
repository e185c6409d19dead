import { describe, expect, it } from 'vitest';
import type { ModelInfo } from '../../../main/contract/model.ts';
import type { MergePlan, Plan } from '../../../main/contract/plan.ts';
import { planContent } from '../../../main/jobs/step.ts';
import { emptyRoutingStatistics, type RoutingStatistics } from '../../../main/profile/routing-statistics.ts';
import { gatesSentence, withGates } from '../../../main/pruning/gates.ts';
import { validatePlan } from '../../../main/pruning/validate-plan.ts';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { checkpointFixture } from '../checkpoint/checkpoint-files.ts';

/** Two layers of four experts; masses over ten tokens, of which an expert without weights may have a part. */
const profile = (mass: readonly number[]): RoutingStatistics => {
  const statistics = emptyRoutingStatistics(2, 4, 1);
  statistics.tokens = 10;
  statistics.probabilityMass.set(mass);
  return statistics;
};
/** The same over ten tokens that all have these probabilities, a row for each layer. */
const alike = (...rows: readonly (readonly number[])[]): RoutingStatistics => {
  const statistics = profile(rows.flat().map((p) => 10 * p));
  statistics.probabilityGram.set(rows.flatMap((row) => row.flatMap((p) => row.map((q) => 10 * p * q))));
  return statistics;
};
const single = (expert: number) => ({ members: [expert], reference: expert, weights: [1] });
const one = profile([4, 3, 2, 1, 1, 1, 1, 6]);
const other = profile([1, 1, 4, 4, 2, 2, 2, 3]);
const profiles = { statistics: [one], taskShares: [1] };
const plan: Plan = {
  kept: [
    [0, 1],
    [0, 1, 2, 3],
  ],
};
const open = async (name: string): Promise<ModelInfo> => (await openCheckpoint(checkpointFixture(name))).info;
const affected = async (): Promise<ModelInfo> => ({ ...(await open('olmoe')), moeLayers: 2, experts: 4, topK: 1 });

describe('gates', () => {
  it('are folded by the mean probability that was kept; a layer that loses nothing keeps its weights', async () => {
    const { gates } = withGates(plan, 'folded', await affected(), profiles);
    expect(gates).toEqual({ kind: 'folded', factors: [1 - 3 / 10, 1] });
    const both = { statistics: [one, other], taskShares: [0.25, 0.75] };
    const { gates: weighed } = withGates(plan, 'folded', await affected(), both);
    expect(weighed).toEqual({ kind: 'folded', factors: [0.25 * (1 - 3 / 10) + 0.75 * (1 - 8 / 10), 1] });
  });

  it('of a merge stand for the groups; whole routers, constants and fitted weights have none', async () => {
    const info = await affected();
    const merge = (router: MergePlan['router']): MergePlan => ({
      groups: [0, 1].map(() => [
        { members: [0, 3], reference: 3, weights: [1, 1] },
        { members: [1, 2], reference: 1, weights: [1, 1] },
      ]),
      router,
      align: false,
    });
    // Probabilities of every token alike: each reference gets its group's, so that the factor is s m / p.
    const [even, uneven] = [
      [0.4, 0.3, 0.2, 0.1],
      [0.1, 0.1, 0.1, 0.7],
    ];
    const merged = withGates(merge('reference-row'), 'folded', info, {
      statistics: [alike(even, uneven)],
      taskShares: [1],
    });
    const factors = merged.gates?.kind === 'folded' ? merged.gates.factors.flat() : [];
    const wanted = [(0.5 * 0.4) / 0.1, (0.5 * 0.4) / 0.3, (0.8 * 0.8) / 0.7, (0.2 * 0.8) / 0.1];
    expect(factors).toHaveLength(wanted.length);
    wanted.forEach((factor, at) => expect(factors[at]).toBeCloseTo(factor, 12));
    expect(validatePlan(merged, info)).toEqual(merged);
    expect(gatesSentence(info, merged)).toContain(
      'the probability of its group (0.667 to 2.00, 0.914 to 1.60 by layer)',
    );
    const alone = { ...merge('reference-row'), groups: [0, 1].map(() => [0, 1, 2, 3].map(single)) };
    expect(withGates(alone, 'folded', info, { statistics: [alike(even, uneven)], taskShares: [1] }).gates).toEqual({
      kind: 'folded',
      factors: [0, 1].map(() => [1, 1, 1, 1]),
    });
    for (const router of ['mapped-rows', 'summed-probabilities'] as const)
      expect(withGates(merge(router), 'folded', info, profiles)).toEqual(merge(router));
    const constants = { ...plan, constants: { weights: '0'.repeat(32) } };
    expect(withGates(constants, 'folded', info, profiles)).toEqual(constants);
    const recovery = { weights: '0'.repeat(32), tasks: [], items: 0, tokens: 0, layers: [] };
    const fitted = { ...merge('reference-row'), recovery };
    expect(withGates(fitted, 'folded', info, profiles).gates).toEqual({ kind: 'renormalised' });
    expect(() => withGates(merge('reference-row'), 'trained', info, profiles)).toThrow('no gate of the unpruned model');
  });

  it('are refused without a profile, and never folded silently as something else', async () => {
    const none = { statistics: [], taskShares: [] };
    const info = await affected();
    expect(() => withGates(plan, 'folded', info, none)).toThrow(
      'Folded gates are the mean probability of the kept experts in a profile',
    );
  });

  it.each([
    ['olmoe', true],
    ['qwen2_moe', true],
    ['deepseek_v2-lite', true],
    ['deepseek_v2-groups', true],
    ['longcat_flash', true],
    ['qwen3_moe', undefined],
    ['mixtral', undefined],
    ['gpt_oss-bf16', undefined],
    ['deepseek_v3', undefined],
    ['gemma4', undefined],
    ['phimoe', undefined],
    ['llama4', undefined],
  ] as const)('of %s grow by deletion: %s', async (name, grow) => {
    const info = await open(name);
    expect(info.gatesGrow).toBe(grow);
    if (grow !== undefined) return;
    expect(withGates(plan, 'folded', info, profiles)).toEqual(plan);
    expect(gatesSentence(info, plan)).toBeNull();
  });

  it('belong to the key of a plan where they change it; a plain deletion keeps the key that it had', () => {
    const key = (gates: Plan['gates']): unknown => planContent({ ...plan, gates }, 4);
    expect(key({ kind: 'renormalised' })).toEqual(key(undefined));
    expect(key({ kind: 'folded', factors: [1, 1] })).toEqual(key(undefined));
    expect(key({ kind: 'folded', factors: [0.5, 1] })).not.toEqual(key(undefined));
    expect(key({ kind: 'trained' })).not.toEqual(key(undefined));
    const whole = { kept: [[0, 1, 2, 3]], gates: { kind: 'trained' } as const };
    expect(planContent(whole, 4)).toBeNull();
  });

  it('of a plan must fit its model', async () => {
    const info = await affected();
    const folded = (factors: (number | number[])[]): Plan => ({ ...plan, gates: { kind: 'folded', factors } });
    expect(validatePlan(folded([0.5, 1]), info)).toEqual(folded([0.5, 1]));
    expect(() => validatePlan(folded([0.5]), info)).toThrow('folds gates in 1 layers; the model has 2');
    expect(() => validatePlan(folded([0.5, [1, 1]]), info)).toThrow('which has no merged experts');
    expect(() => validatePlan(folded([0.5, 1]), { ...info, gatesGrow: undefined })).toThrow(
      'has folded gates, and deleting its experts does not change those of the others in this model',
    );
  });

  it('are said in a sentence', async () => {
    const info = await affected();
    expect(gatesSentence(info, { ...plan, gates: { kind: 'folded', factors: [0.7, 1] } })).toContain('(0.700, 1.00 by');
    expect(gatesSentence(info, plan)).toContain('renormalised');
    expect(gatesSentence(info, { ...plan, gates: { kind: 'trained' } })).toContain('which stays whole');
  });
});
