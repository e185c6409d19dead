import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { K_MEANS_METHODS, withOptimiser } from '../../../main/contract/optimiser.ts';
import { sweepSettings } from '../../../main/contract/sweep.ts';
import { optionsOf } from '../../../main/jobs/sweep-stages.ts';
import { methodNamed, methods } from '../../../main/pruning/methods.ts';

const spec = { methods: ['uncurl', 'ean'], factors: [1, 2] };

const recordedIn = async (run: string) => {
  const text = await readFile(new URL(`../../../resources/${run}/manifest.json`, import.meta.url), 'utf8');
  return z.object({ spec: z.looseObject({}) }).parse(JSON.parse(text)).spec;
};

test('an unusable manifest is refused, and an option that a method does not have', () => {
  expect(sweepSettings.safeParse({ ...spec, factors: [] }).success).toBe(false);
  expect(sweepSettings.safeParse(null).success).toBe(false);
  const other = sweepSettings.parse({ ...spec, options: { uncurl: { seed: 3 } } });
  expect(() => methodNamed('uncurl').prepare(optionsOf(other, 'uncurl'))).toThrow('seed is unknown');
});

test('the bundled sweeps name their gates, draws and optimiser: no default decides what they were', async () => {
  for (const [run, gates] of [
    ['sample/run', 'folded'],
    ['frontier/run', 'folded'],
    ['frontier/renormalised', 'renormalised'],
  ] as const) {
    const recorded = await recordedIn(run);
    expect(recorded).toHaveProperty('seeds');
    expect(recorded).toHaveProperty('gates', gates);
    const { methods: swept, options } = sweepSettings.parse(recorded);
    expect(options).toEqual(withOptimiser(options, swept));
  }
});

test('a new run names the optimiser of each method that clusters by k-means', () => {
  expect(withOptimiser({ uncurl: { starts: 3 } }, ['uncurl', 'reap'])).toEqual({
    uncurl: { starts: 3, optimiser: 'hartigan' },
  });
  expect(withOptimiser({ uncurl: { optimiser: 'lloyd' } }, ['uncurl'])).toEqual({ uncurl: { optimiser: 'lloyd' } });
  expect(methods.filter(({ options: { shape } }) => 'optimiser' in shape).map(({ name }) => name)).toEqual(
    K_MEANS_METHODS,
  );
});

test("the sample's sweep uses uncurl's defaults", async () => {
  const settings = sweepSettings.parse(await recordedIn('sample/run'));
  expect(methodNamed('uncurl').prepare(optionsOf(settings, 'uncurl')).options).toEqual(
    methodNamed('uncurl').prepare({}).options,
  );
});
