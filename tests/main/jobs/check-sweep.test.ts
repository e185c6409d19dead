import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { budgetName, refitName, superExpertProtection } from '../../../main/contract/plan.ts';
import { sweepSettings, type SweepSettings } from '../../../main/contract/sweep.ts';
import { checkSweep, methodWithoutTorch } from '../../../main/jobs/check-sweep.ts';
import { methodNames } from '../../../main/pruning/methods.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import type { Task } from '../../../main/tasks/task.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const torch = { engine: { name: 'torch', python: '/usr/bin/python3' } } as const;
const settingsOf = (own: Partial<SweepSettings>): SweepSettings =>
  sweepSettings.parse({ methods: ['frequency'], factors: [1, 2], ...own });

test('methods that PyTorch measures, and why not the others', () => {
  const sums = 'it chooses experts by sums of probabilities, which no class of transformers does';
  const reasonOf = (method: string, options: SweepSettings['options'] = {}): string | null =>
    methodWithoutTorch(settingsOf({ options }), method);
  for (const method of methodNames) expect([method, reasonOf(method)]).toEqual([method, null]);
  expect(reasonOf('hc-smoe', { 'hc-smoe': { router: 'summed-probabilities' } })).toBe(sums);
  expect(reasonOf('eep', { eep: { stage: 'merge' } })).toBe(sums);
  expect(reasonOf('merge-moe', { 'merge-moe': { router: 'summed-probabilities' } })).toBe(sums);
});

test('sweeps with PyTorch that only onnxruntime measures are refused by name', async () => {
  const checkpoint = await openCheckpoint(`${resources}/models/uncurl-8`);
  const models = [{ name: 'uncurl-8', checkpoint }];
  const tasks = [{ name: 'add', task: await loadTask(`${resources}/tasks/add`, (path) => path) }];
  const checked = (own: Partial<SweepSettings>, device: Parameters<typeof checkSweep>[1] = torch): Promise<void> =>
    checkSweep({ models, tasks, settings: settingsOf(own) }, device);
  await checked({});
  await checked({ methods: ['easy-ep', 'reap'], calibration: 'answers' });
  await checked({ methods: ['hc-smoe', 'frequency'], recovery: 'both', fidelity: true });
  await checked({ methods: ['mone', 'naee', 'tsep'] });
  await checked({ budget: 'global', calibrationDraws: 2 });
  for (const budget of budgetName.exclude(['manual']).options) await checked({ budget });
  for (const protect of superExpertProtection.options) await checked({ protect });
  for (const recovery of ['both', 'only'] as const) await checked({ recovery, refits: [...refitName.options] });
  await checked({ adaptive: true, stop: 'early' });
  await checked({ weights: ['stored', 'q8_0'] });
  await checked({ referee: 20 });
  await expect(checked({ referee: 20 }, {})).rejects.toMatchObject({ code: 'bad-usage' });
  const summed: SweepSettings['options'] = { 'hc-smoe': { router: 'summed-probabilities' } };
  const refused: readonly (readonly [Partial<SweepSettings>, string])[] = [
    [{ methods: ['hc-smoe'], options: summed }, 'the method hc-smoe, since it chooses experts by sums'],
    [{ speed: true }, 'timing models (--speed)'],
  ];
  for (const [own, said] of refused)
    await expect(checked(own)).rejects.toMatchObject({
      code: 'not-with-torch',
      message: expect.stringContaining(said),
    });
});

test('methods whose plans no file of rounded weights holds are refused before a run exists', async () => {
  const checkpoint = await openCheckpoint(`${resources}/models/uncurl-8`);
  const models = [{ name: 'uncurl-8', checkpoint }];
  const tasks = [{ name: 'add', task: await loadTask(`${resources}/tasks/add`, (path) => path) }];
  const checked = (methods: readonly string[], options: SweepSettings['options'] = {}): Promise<void> =>
    checkSweep({ models, tasks, settings: settingsOf({ methods: [...methods], weights: ['q8_0'], options }) }, {});
  await checked(['frequency', 'reap', 'uncurl', 'eep', 'tsep']);
  await checked(['hc-smoe', 'merge-moe'], {
    'hc-smoe': { router: 'mean-row' },
    'merge-moe': { router: 'reference-row' },
  });
  for (const method of ['hc-smoe', 'm-smoe', 'grape', 'merge-moe', 'evo-esap'])
    await expect(checked(['reap', method]), method).rejects.toMatchObject({
      code: 'weights-without-file',
      message: expect.stringContaining(`the method ${method}: it`),
    });
  await expect(checked(['eep'], { eep: { stage: 'merge' } })).rejects.toMatchObject({ code: 'weights-without-file' });
});

test('a missing chat template, and searches without labels or in groups, are refused before a run exists', async () => {
  const checkpoint = await openCheckpoint(`${resources}/models/uncurl-8`);
  const task = await loadTask(`${resources}/tasks/add`, (path) => path);
  const texts = {
    ...task,
    metric: 'perplexity',
    calibration: [{ id: 'a', text: 'one' }],
    test: [{ id: 'b', text: 'two' }],
  } as const;
  const grouped = { ...checkpoint, info: { ...checkpoint.info, expertGroups: { count: 2, kept: 1, least: 1 } } };
  const checked = (own: Partial<SweepSettings>, asked: Task = task, model = checkpoint): Promise<void> =>
    checkSweep(
      { models: [{ name: 'm', checkpoint: model }], tasks: [{ name: 't', task: asked }], settings: settingsOf(own) },
      {},
    );
  await checked({ methods: ['eep', 'evo-esap'] });
  await checked({ methods: ['evo-esap'] }, texts);
  await expect(checked({ chat: true })).rejects.toMatchObject({ code: 'no-chat-template' });
  await expect(checked({ methods: ['eep'] }, texts)).rejects.toMatchObject({ code: 'no-labels' });
  for (const method of ['eep', 'evo-esap'])
    await expect(checked({ methods: [method] }, task, grouped)).rejects.toMatchObject({ code: 'groups-uneven' });
});

test('plans are measured on other tasks of the sweep, every item, with stored weights', async () => {
  const checkpoint = await openCheckpoint(`${resources}/models/uncurl-8`);
  const task = await loadTask(`${resources}/tasks/add`, (path) => path);
  const checked = (own: Partial<SweepSettings>, names: readonly string[] = ['one', 'two']): Promise<void> =>
    checkSweep(
      {
        models: [{ name: 'm', checkpoint }],
        tasks: names.map((name) => ({ name, task })),
        settings: settingsOf({ elsewhere: true, ...own }),
      },
      {},
    );
  await checked({});
  await checked({ weights: ['stored'] });
  await expect(checked({}, ['one'])).rejects.toThrow('so there is no other task to measure its plans on');
  await expect(checked({ stop: 'early' })).rejects.toThrow('does not measure every item');
  await expect(checked({ weights: ['stored', 'q8_0'] })).rejects.toThrow('with stored weights only, not with q8_0');
});

test('a refit is refused of plans that put constants in place of experts, or fit matrices already', async () => {
  const checkpoint = await openCheckpoint(`${resources}/models/uncurl-8`);
  const task = await loadTask(`${resources}/tasks/add`, (path) => path);
  const checked = (method: string): Promise<void> =>
    checkSweep(
      {
        models: [{ name: 'm', checkpoint }],
        tasks: [{ name: 't', task }],
        settings: settingsOf({ methods: ['reap', method], recovery: 'both' }),
      },
      {},
    );
  await checked('frequency');
  for (const method of ['mone', 'merge-moe'])
    await expect(checked(method), method).rejects.toMatchObject({
      code: 'no-recovery',
      message: expect.stringContaining(method),
    });
});

test('trained gates are refused where files are written or experts merged, and only where gates grow', async () => {
  const named = async (name: string) => ({ name, checkpoint: await openCheckpoint(`${resources}/models/${name}`) });
  const [growing, other] = [await named('switch-8'), await named('uncurl-8')];
  const tasks = [{ name: 'add', task: await loadTask(`${resources}/tasks/add`, (path) => path) }];
  const checked = (own: Partial<SweepSettings>, models = [growing]): Promise<void> =>
    checkSweep({ models, tasks, settings: settingsOf({ gates: 'trained', ...own }) }, {});
  await checked({});
  await checked({ weights: ['stored'], methods: ['reap', 'mone'] });
  await checked({ gates: 'folded', speed: true });
  const refused: readonly (readonly [Partial<SweepSettings>, string])[] = [
    [{ weights: ['stored', 'q8_0'] }, 'no q8_0 file holds the whole router.'],
    [{ speed: true }, 'speeds are those of exported folders, which do not hold the whole router.'],
    [
      { methods: ['reap', 'hc-smoe'], options: { 'hc-smoe': { router: 'mean-row' } } },
      'hc-smoe merges experts, and a merged one has no gate of the unpruned model.',
    ],
  ];
  for (const [own, reason] of refused) {
    const message = `Plans of switch-8 cannot have trained gates here: ${reason}`;
    await expect(checked(own)).rejects.toMatchObject({ code: 'gates-not-trained', message });
    await expect(checked(own, [other, growing])).rejects.toMatchObject({ code: 'gates-not-trained', message });
  }
  // Where no gate grows, or rows of identities keep the whole router, there is nothing that a file could not hold.
  const { checkpoint } = growing;
  const identities = { ...growing, checkpoint: { ...checkpoint, info: { ...checkpoint.info, identityRows: true } } };
  for (const model of [other, identities]) await checked({ speed: true }, [model]);
});
