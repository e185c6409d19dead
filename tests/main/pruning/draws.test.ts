import { describe, expect, it } from 'vitest';
import { methodDraws } from '../../../main/contract/method.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import type { MethodOptions } from '../../../main/pruning/method.ts';
import { methodPage, optionTexts } from '../../../main/pruning/method-page.ts';
import { methodNamed, methodNames } from '../../../main/pruning/methods.ts';
import { fullStatistics } from './random-statistics.ts';
import { makePlan } from './plan-of-input.ts';

/** Enough experts that k-means starts end in different clusters. */
const sizes = { layers: 2, experts: 40, topK: 2, tokens: 150 };
const statistics = [fullStatistics(sizes, 1)];
const SEEDS = [0, 1, 2, 3, 4];

const planned = methodNames.filter((name) => methodNamed(name).prepare({}).behaviour.kind !== 'search');

/** The defaults, and every single choice that differs from them, where plans follow from a profile. */
const variants = (name: MethodName): readonly MethodOptions[] =>
  allVariants(name).filter((options) => methodNamed(name).prepare(options).behaviour.kind !== 'search');
const allVariants = (name: MethodName): readonly MethodOptions[] => [
  {},
  ...optionTexts(methodNamed(name)).flatMap(({ name: option, kind, choices, default: usual }) =>
    kind === 'choice'
      ? choices.filter((choice) => choice !== String(usual)).map((choice) => ({ [option]: numberOrText(choice) }))
      : [],
  ),
];
const numberOrText = (choice: string): string | number => (/^\d+$/.test(choice) ? Number(choice) : choice);

/** Number of different plans over the seeds, ignoring the seed recorded in them. */
const plansOverSeeds = (method: MethodName, options: MethodOptions, keep: number): number =>
  new Set(
    SEEDS.map((seed) => {
      const { seed: _seed, ...plan } = makePlan({
        method,
        options,
        statistics,
        keep,
        seed,
        layers: sizes.layers,
        experts: sizes.experts,
        topK: sizes.topK,
        budget: 'uniform',
        pins: [],
      });
      return JSON.stringify(plan);
    }),
  ).size;

describe.each(planned)('%s', (name) => {
  const method = methodNamed(name);

  it('declares that it draws exactly where its plans change with the seed', () => {
    for (const options of variants(name)) {
      const { draws } = method.prepare(options);
      const most = Math.max(...[10, 15].map((keep) => plansOverSeeds(name, options, keep)));
      expect(most > 1, `${name} ${JSON.stringify(options)}`).toBe(draws);
    }
  });

  it('gives the window the same answer, from its page alone', () => {
    const page = methodPage(method);
    for (const options of variants(name)) expect(methodDraws(page, options)).toBe(method.prepare(options).draws);
  });
});

describe('a search', () => {
  it('draws where it is an evolution, but not where it goes layer by layer', () => {
    const searches = methodNames.flatMap((name) =>
      allVariants(name).flatMap((options) => {
        const { behaviour, draws } = methodNamed(name).prepare(options);
        return behaviour.kind === 'search'
          ? [{ name, evolves: behaviour.search === 'evolution' || behaviour.search === 'budgets', draws }]
          : [];
      }),
    );
    expect(new Set(searches.map(({ name }) => name))).toEqual(new Set(['naee', 'merge-moe', 'eep', 'evo-esap']));
    for (const { name, evolves, draws } of searches) expect(draws, name).toBe(evolves);
  });
});

describe('pages', () => {
  it('state when plans depend on the seed', () => {
    const random = (name: string) => /^Random: (.*)$/m.exec(methodPage(methodNamed(name)).text)?.[1];
    expect(random('reap')).toBe('no');
    expect(random('random')).toBe('plans depend on the seed; a sweep measures several draws');
    expect(random('uncurl')).toBe(
      'plans depend on the seed where assign is k-means or router is reinitialised; a sweep measures several draws',
    );
    expect(random('hc-smoe')).toBe(
      'plans depend on the seed where router is reinitialised; a sweep measures several draws',
    );
  });
});
