import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { sweepSettings, type SweepSettings } from '../../../main/contract/sweep.ts';
import { checkSweep, methodWithoutTorch } from '../../../main/jobs/check-sweep.ts';
import { methodNames } from '../../../main/pruning/methods.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const torch = { engine: { name: 'torch', python: '/usr/bin/python3' } } as const;
const settingsOf = (own: Partial<SweepSettings>): SweepSettings =>
  sweepSettings.parse({ methods: ['frequency'], factors: [1, 2], ...own });

test('methods that PyTorch measures, and why not the others', () => {
  const merges = 'it merges experts';
  const counts = 'it keeps another number of experts in each layer, which transformers cannot load';
  const reasons = Object.fromEntries(methodNames.map((method) => [method, methodWithoutTorch(settingsOf({}), method)]));
  expect(reasons).toEqual({
    ...Object.fromEntries(['random', 'frequency', 'gate-mass', 'ean', 'reap'].map((method) => [method, null])),
    ...Object.fromEntries(['man', 'msan', 'unified', 'eep'].map((method) => [method, null])),
    'easy-ep': 'it needs how far layers turn tokens',
    mone: 'it replaces experts by constants',
    naee: 'it needs the effect of leaving out experts on each layer',
    tsep: counts,
    ...Object.fromEntries(
      ['uncurl', 'frequency-merging', 'm-smoe', 'hc-smoe', 'sub-moe', 'grape', 'merge-moe', 'ream'].map((method) => [
        method,
        merges,
      ]),
    ),
  });
});

test('sweeps with PyTorch that only onnxruntime measures are refused by name', async () => {
  const checkpoint = await openCheckpoint(`${resources}/models/uncurl-8`);
  const models = [{ name: 'uncurl-8', checkpoint }];
  const tasks = [{ name: 'add', task: await loadTask(`${resources}/tasks/add`, (path) => path) }];
  const checked = (own: Partial<SweepSettings>, device: Parameters<typeof checkSweep>[1] = torch): Promise<void> =>
    checkSweep({ models, tasks, settings: settingsOf(own) }, device);
  await checked({});
  await checked({ methods: ['hc-smoe'] }, {});
  await checked({ referee: 20 });
  await expect(checked({ referee: 20 }, {})).rejects.toMatchObject({ code: 'bad-usage' });
  const refused: readonly (readonly [Partial<SweepSettings>, string])[] = [
    [{ methods: ['hc-smoe'] }, 'the method hc-smoe, since it merges experts.'],
    [{ budget: 'global' }, 'the budget global'],
    [{ recovery: 'both' }, 'refitting plans (--recovery)'],
    [{ fidelity: true }, 'comparing distributions (--fidelity)'],
    [{ speed: true }, 'timing models (--speed)'],
    [{ weights: ['stored', 'q8_0'] }, 'rounding weights (--weights)'],
  ];
  for (const [own, said] of refused)
    await expect(checked(own)).rejects.toMatchObject({
      code: 'not-with-torch',
      message: expect.stringContaining(said),
    });
});
