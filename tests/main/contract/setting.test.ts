import { expect, test } from 'vitest';
import { z } from 'zod';
import { clusterRequest } from '../../../main/contract/cluster.ts';
import { decisiveSettings, finetuneSettings } from '../../../main/contract/finetune.ts';
import { describedExperimentSettings } from '../../../main/contract/experiment.ts';
import { describedPlanSettings } from '../../../main/contract/plan.ts';
import {
  defaultText,
  isDefault,
  refusedSettings,
  settingsOf,
  setting,
  valueText,
} from '../../../main/contract/setting.ts';
import { describedSweepSettings } from '../../../main/contract/sweep.ts';

const texts = (flag: string) => ({ label: flag, flag, help: 'Help.' });

test('a setting combines its schema and its texts: kind, range, choices and default', () => {
  const schema = z.object({
    steps: setting(z.number().int().positive().default(20), texts('steps')),
    seed: setting(z.number().int().nonnegative().max(9).default(0), texts('seed')),
    rate: setting(z.number().positive().max(1).default(1e-6), texts('rate')),
    balance: setting(z.number().nonnegative().default(0.01), texts('balance')),
    warmUp: setting(z.number().int().nonnegative().nullable().default(null), {
      ...texts('warm-up'),
      otherwise: 'a tenth',
    }),
    device: setting(z.enum(['cpu', 'cuda']).default('cpu'), texts('device')),
    kind: setting(z.enum(['full', 'half']).optional(), texts('kind')),
    early: setting(z.enum(['yes']).optional(), texts('early')),
    speed: setting(z.boolean().optional(), texts('speed')),
    note: setting(z.string().max(8).optional(), texts('note')),
    stages: setting(z.array(z.enum(['a', 'b'])).default(['a', 'b']), texts('stage')),
    freeze: setting(z.array(z.string()).default([]), texts('freeze')),
    seeds: setting(z.array(z.number().int()).default([0, 1]), { ...texts('seeds'), control: 'count' }),
  });
  expect(
    settingsOf(schema).map((setting) => [setting.name, setting.kind, setting.range, defaultText(setting)]),
  ).toEqual([
    ['steps', 'whole', 'a whole number of at least 1', '20'],
    ['seed', 'whole', 'a whole number from 0 to 9', '0'],
    ['rate', 'real', 'a number above 0 and at most 1', '0.000001'],
    ['balance', 'real', 'a number of at least 0', '0.01'],
    ['warmUp', 'whole', 'a whole number of at least 0', 'a tenth'],
    ['device', 'choice', 'one of cpu, cuda', 'cpu'],
    ['kind', 'choice', 'one of full, half', 'full'],
    ['early', 'choice', 'yes', 'off'],
    ['speed', 'switch', 'on or off', 'off'],
    ['note', 'text', 'text of up to 8 characters', 'none'],
    ['stages', 'list', 'one or more of a, b, each once', 'a,b'],
    ['freeze', 'list', 'values separated by commas', 'none'],
    ['seeds', 'count', 'a list of whole numbers', '0,1'],
  ]);
  expect(settingsOf(schema).flatMap(({ name, isOptional }) => (isOptional ? [name] : []))).toEqual([
    'warmUp',
    'kind',
    'early',
    'speed',
    'note',
  ]);
  const refused = refusedSettings(schema, { steps: 0, rate: 2, seed: 3, device: 'tpu' });
  expect(refused.map(({ name }) => name)).toEqual(['steps', 'rate', 'device']);
});

test('a setting is its default where it is left out, and words say any other value', () => {
  const [kind, speed] = settingsOf(
    z.object({
      kind: setting(z.enum(['full', 'half']).optional(), { ...texts('kind'), words: { half: 'one half' } }),
      speed: setting(z.boolean().optional(), texts('speed')),
    }),
  );
  if (kind === undefined || speed === undefined) throw new Error('no settings');
  expect([undefined, 'full', 'half'].map((value) => isDefault(kind, value))).toEqual([true, true, false]);
  expect([undefined, false, true].map((value) => isDefault(speed, value))).toEqual([true, true, false]);
  expect([valueText(kind, 'half'), valueText(kind, undefined), valueText(speed, true)]).toEqual([
    'one half',
    'full',
    'on',
  ]);
});

test('a field without texts is a mistake of whoever added it', () => {
  expect(() => settingsOf(z.object({ bare: z.number().default(1) }))).toThrow('the setting bare has no texts');
});

test.each([
  ['a fine-tuning', finetuneSettings, []],
  ['a cluster', clusterRequest, []],
  ['a plan', describedPlanSettings, []],
  ['a sweep', describedSweepSettings, ['recovery', 'refits']],
  ['an experiment', describedExperimentSettings, []],
])('every setting of %s has texts, and a flag of its own', (_, schema, flagless) => {
  const settings = settingsOf(schema);
  expect(settings.flatMap(({ name, flag }) => (flag === undefined ? [name] : []))).toEqual(flagless);
  const flags = settings.flatMap(({ flag }) => flag ?? []);
  expect(new Set(flags).size).toBe(flags.length);
  for (const { name, help, about = help } of settings)
    for (const text of [help, about]) expect(text, name).toMatch(/\.$|\.\)$/);
});

test('a training without a general stage keeps the key from before there was one', () => {
  expect(decisiveSettings(finetuneSettings.parse({ saveEvery: 7, generalSteps: 5, generalRate: 1 }))).toEqual({
    stages: ['router', 'all'],
    routerSteps: 20,
    epochs: 50,
    batch: 64,
    length: 128,
    rate: 1e-6,
    warmUp: null,
    weightDecay: 0.001,
    clip: 1,
    balance: 0.01,
    freeze: [],
    seed: 0,
    device: 'cpu',
  });
});

test("a general stage's steps and rate enter the key; its rate defaults to that of the others", () => {
  const settings = finetuneSettings.parse({ stages: ['router', 'general', 'all'], generalSteps: 5, rate: 0.5 });
  expect(decisiveSettings(settings)).toMatchObject({ generalSteps: 5, generalRate: 0.5 });
  expect(decisiveSettings({ ...settings, generalRate: 0.1 })).toMatchObject({ generalRate: 0.1, rate: 0.5 });
});

test('lists are read in words with spaces; their defaults are shown as a user types them', () => {
  const schema = z.object({
    sizes: setting(z.array(z.number()).default([30, 300]), { label: 'Sizes', flag: 'sizes', help: '' }),
  });
  const [sizes] = settingsOf(schema);
  if (sizes === undefined) throw new Error('no settings');
  expect([valueText(sizes, [30, 300]), valueText(sizes, []), defaultText(sizes)]).toEqual([
    '30, 300',
    'none',
    '30,300',
  ]);
});
