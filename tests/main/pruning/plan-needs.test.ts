import { describe, expect, it } from 'vitest';
import { extraStatistics } from '../../../main/profile/routing-statistics.ts';
import { combinedExtras, extrasInWords, planNeeds } from '../../../main/pruning/plan-needs.ts';
import { methodNames } from '../../../main/pruning/methods.ts';

const needs = (method: string, options = {}) => planNeeds({ method, options, budget: 'uniform' });

describe('planNeeds', () => {
  it('lists the statistics that a method reads, by its options', () => {
    expect(needs('random')).toEqual({ profile: false, extras: [], search: null, constants: false });
    expect(needs('frequency')).toEqual({ profile: true, extras: [], search: null, constants: false });
    expect(needs('mone').constants).toBe(true);
    expect(needs('ean').extras).toEqual([]);
    expect(needs('ean', { form: 'ca' }).extras).toEqual(['routed-outputs']);
    expect(needs('easy-ep').extras).toEqual(['residual']);
    expect(needs('naee').extras).toEqual(['elimination']);
    for (const method of ['hc-smoe', 'sub-moe', 'ream'] as const)
      expect(needs(method).extras, method).toContain('every-output');
  });

  it('distinguishes searches from methods that need a profile', () => {
    expect(needs('eep')).toMatchObject({
      profile: false,
      search: { search: 'evolution', settings: { evaluations: 400, switchAfter: null } },
    });
    expect(needs('eep', { stage: 'merge', evaluations: 9 }).search).toMatchObject({
      settings: { evaluations: 9, initial: 9, switchAfter: 100 },
    });
    expect(needs('evo-esap')).toMatchObject({ profile: true, extras: [], search: { search: 'budgets' } });
    expect(needs('naee', { inputs: 'pruned' })).toMatchObject({ profile: false, search: { search: 'progressive' } });
    expect(methodNames.filter((method) => needs(method).search !== null)).toEqual(['merge-moe', 'eep', 'evo-esap']);
  });

  it('adds the statistics of budgets and protection, even for a method that needs none', () => {
    expect(planNeeds({ method: 'random', budget: 'inverse-importance', protect: 'early' })).toEqual({
      profile: true,
      extras: ['peaks', 'elimination'],
      search: null,
      constants: false,
    });
    expect(planNeeds({ method: 'reap', budget: 'global', protect: 'none' })).toEqual({
      profile: true,
      extras: [],
      search: null,
      constants: false,
    });
  });

  it('refuses options that a method does not have', () => {
    expect(() => needs('reap', { form: 'best' })).toThrow('reap');
    expect(() => needs('reap', { colour: 'red' })).toThrow('colour');
  });
});

describe('combinedExtras', () => {
  it('is the union in a fixed order, so that the same needs give the same profile', () => {
    const all = methodNames.map((method) => needs(method));
    expect(combinedExtras([...all].reverse())).toEqual(combinedExtras(all));
    expect(combinedExtras([needs('naee'), needs('hc-smoe'), needs('easy-ep')])).toEqual(
      extraStatistics.filter((extra) => ['residual', 'every-output', 'elimination'].includes(extra)),
    );
    expect(combinedExtras([])).toEqual([]);
  });
});

describe('extrasInWords', () => {
  it('states the cost where every expert runs', () => {
    expect(extrasInWords([], 64, 8)).toBeNull();
    expect(extrasInWords(['peaks', 'residual'], 64, 8)).toBe('largest outputs, how far layers turn tokens');
    expect(extrasInWords(['every-output'], 64, 8)).toMatch(/about 8 times the work/);
  });
});
