import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { recordedExperimentSettings } from '../../../main/contract/experiment.ts';
import { K_MEANS_METHODS, OPTIMISER, withOptimiser } from '../../../main/contract/optimiser.ts';
import { recordedSweepSettings, sweepSettings } from '../../../main/contract/sweep.ts';
import { optionsOf } from '../../../main/jobs/sweep-stages.ts';
import { methodNamed, methods } from '../../../main/pruning/methods.ts';

const spec = { methods: ['uncurl', 'ean'], factors: [1, 2] };

test('a current manifest is read unchanged, and an unusable one is refused', () => {
  const current = { ...spec, seeds: [0, 1], gates: 'folded', options: { uncurl: { optimiser: 'hartigan' } } };
  expect(recordedSweepSettings.parse(current)).toEqual(sweepSettings.parse(current));
  expect(recordedSweepSettings.safeParse({ ...spec, factors: [] }).success).toBe(false);
  expect(recordedSweepSettings.safeParse(null).success).toBe(false);
});

test('a manifest that does not name its gates has those of a plain deletion, and a new sweep folds them', async () => {
  expect([recordedSweepSettings.parse(spec).gates, sweepSettings.parse(spec).gates]).toEqual([
    'renormalised',
    'folded',
  ]);
  for (const [run, gates] of [
    ['sample/run', 'folded'],
    ['frontier/run', 'folded'],
    ['frontier/renormalised', 'renormalised'],
  ]) {
    const text = await readFile(new URL(`../../../resources/${run}/manifest.json`, import.meta.url), 'utf8');
    const manifest = z.object({ spec: z.looseObject({}) }).parse(JSON.parse(text));
    expect(recordedSweepSettings.parse(manifest.spec).gates).toBe(gates);
  }
});

test('a manifest from before methods had several draws keeps its single draw', () => {
  expect([recordedSweepSettings.parse(spec).seeds, sweepSettings.parse(spec).seeds]).toEqual([[0], [0, 1, 2]]);
  // A draw chosen by an option is not mistaken for another: the method refuses the option by name.
  const other = recordedSweepSettings.parse({ ...spec, options: { uncurl: { seed: 3 } } });
  expect(() => methodNamed('uncurl').prepare(optionsOf(other, 'uncurl'))).toThrow('seed is unknown');
});

test('a run without an optimiser had the only one of its time, whatever is the default today', () => {
  const of = (given: object) => recordedSweepSettings.parse({ ...spec, ...given }).options;
  expect(of({ methods: ['uncurl', 'sub-moe', 'reap'] })).toEqual({
    uncurl: { optimiser: 'lloyd' },
    'sub-moe': { optimiser: 'lloyd' },
  });
  expect(of({ methods: ['reap'] })).toEqual({});
  const named = withOptimiser({ uncurl: { starts: 3 } }, ['uncurl', 'reap'], OPTIMISER);
  expect(named).toEqual({ uncurl: { starts: 3, optimiser: 'hartigan' } });
  expect(of({ options: named })).toEqual(named);
  expect(recordedExperimentSettings.parse({ training: { rate: 0.001, epochs: 1 } }).options).toEqual({
    uncurl: { optimiser: 'lloyd' },
  });
  expect(methods.filter(({ options: { shape } }) => 'optimiser' in shape).map(({ name }) => name)).toEqual(
    K_MEANS_METHODS,
  );
});

test("the sample's sweep uses uncurl's defaults", async () => {
  const text = await readFile(new URL('../../../resources/sample/run/manifest.json', import.meta.url), 'utf8');
  const manifest = z.object({ spec: z.looseObject({}) }).parse(JSON.parse(text));
  const settings = recordedSweepSettings.parse(manifest.spec);
  expect(methodNamed('uncurl').prepare(optionsOf(settings, 'uncurl')).options).toEqual(
    methodNamed('uncurl').prepare({}).options,
  );
});
