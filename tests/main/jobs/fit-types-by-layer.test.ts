import { expect, it } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { dropPlan } from '../../../main/contract/plan.ts';
import { exportBytes } from '../../../main/export/export-bytes.ts';
import { withTaskTitles } from '../../../main/words/task-titles.ts';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { exportSettingsIn } from '../../open-model-runner.ts';
import { bundled, openEngine, searchedFit } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

it(
  'a search tries types of experts by layer within the limit, and such a model is exported and verified',
  async () => {
    const engine = await openEngine();
    const { model, task } = await bundled(engine, 'uncurl-16', 'add');
    const limit = 900_000;
    const { run } = await engine.call('fit.start', {
      model,
      task,
      limit: { kind: 'bytes', bytes: limit },
      format: 'gguf',
      methods: ['reap'],
      types: ['q8_0', 'q5_1', 'q4_1'],
      scoringItems: 32,
      finalists: 3,
      typesByLayer: true,
    });
    await engine.finished(run);
    // Lists show the task by its title, which is put in place of the name after "on".
    const title = (await engine.call('runs.list', {})).find(({ id }) => id === run)?.title ?? '';
    expect(withTaskTitles(title, ['add'], () => 'Sums')).toContain('Best of uncurl-16 on Sums in ');
    const found = await engine.call('fit.read', { run });
    const mixed = found.candidates.find(({ expertTypes }) => expertTypes !== undefined);
    expect(mixed?.name).toMatch(/^reap \d+ q8_0 by layer$/);
    expect(mixed?.expertTypes).toHaveLength(3);
    expect(new Set(mixed?.expertTypes).size).toBeGreaterThan(1);
    expect(mixed?.items).toBeGreaterThan(0);
    const name = mixed?.name ?? '';
    const { plan } = await engine.call('fit.plan', { run, name });
    expect(dropPlan.parse(plan).expertTypes).toEqual(mixed?.expertTypes);
    // Its bytes are known beforehand, fit, and are those of the export.
    const checkpoint = await openCheckpoint('resources/models/uncurl-16');
    const { overlays } = exportSettingsIn(await temporaryFolder());
    expect(await exportBytes(checkpoint, plan, 'gguf', 'q8_0', overlays)).toBe(mixed?.bytes);
    expect(mixed?.bytes).toBeLessThanOrEqual(limit);
    const [surrogate] = found.surrogates;
    expect(surrogate?.name).toBe(name);
    expect(surrogate?.bound).toBeLessThanOrEqual((surrogate?.predicted ?? 0) + 1e-9);
    // A sweep of weights as stored would measure another model under its name.
    const sweep = await engine.call('sweep.start', {
      models: [model],
      tasks: [task],
      settings: {
        methods: ['mixed'],
        files: { mixed: { name: 'mixed.json', text: JSON.stringify(plan) } },
        factors: [1],
        limit: 4,
      },
    });
    await expect(engine.finished(sweep.run)).rejects.toMatchObject({ code: 'types-by-layer' });
    const into = engine.grantPath(await temporaryFolder());
    const made = await engine.call('export.start', {
      model,
      plan,
      into,
      name: 'mixed',
      format: 'gguf',
      ggufType: 'q8_0',
    });
    expect(await engine.finished(made.run)).toMatchObject({ state: 'done' });
    expect(await engine.call('verify.read', { run: made.run })).toMatchObject({ ok: true, problems: [] });
  },
  TEST_LIMIT_MS,
);

it(
  'plans with different numbers of experts by layer keep the constants of their method',
  async () => {
    const engine = await openEngine();
    const { model, task } = await bundled(engine, 'uncurl-8', 'mood');
    const { run, candidates } = await searchedFit(engine, {
      model,
      task,
      limit: { kind: 'bytes', bytes: 1_249_000 },
      format: 'plan',
      methods: ['reap', 'mone'],
      types: ['stored'],
      scoringItems: 32,
      finalists: 3,
    });
    // Rows of the router and constants take room: MoNE keeps one expert less, with even and with uneven layers.
    expect(candidates.flatMap(({ name, kept, fits }) => (fits && typeof kept !== 'number' ? [name] : []))).toEqual([
      'reap uneven 6 stored',
      'mone uneven 5 stored',
    ]);
    for (const name of ['reap 6 stored', 'mone 5 stored'])
      expect(candidates.find((candidate) => candidate.name === name)?.fits).toBe(true);
    const uneven = candidates.find(({ name }) => name === 'mone uneven 5 stored');
    expect(uneven?.kept).toSatisfy((kept: number[]) => kept.reduce((sum, count) => sum + count, 0) === 15);
    const { plan } = await engine.call('fit.plan', { run, name: uneven?.name ?? '' });
    expect(dropPlan.parse(plan)).toMatchObject({ method: 'mone', constants: expect.anything() });
    expect(dropPlan.parse(plan).kept.map(({ length }) => length)).toEqual(uneven?.kept);
  },
  TEST_LIMIT_MS,
);

it(
  'no plan with different numbers of experts is tried where none is left to move from one layer to another',
  async () => {
    const engine = await openEngine();
    const { model, task } = await bundled(engine, 'uncurl-8', 'mood');
    const { candidates, surrogates } = await searchedFit(engine, {
      model,
      task,
      limit: { kind: 'bytes', bytes: 600_000 },
      format: 'plan',
      methods: ['reap'],
      types: ['stored'],
      scoringItems: 10,
      finalists: 0,
    });
    // Each layer keeps two experts, as many as a token chooses.
    expect(candidates.filter(({ fits }) => fits).map(({ name }) => name)).toEqual(['reap 2 stored']);
    expect(surrogates).toEqual([]);
  },
  TEST_LIMIT_MS,
);

it.each([
  ['hf', 'transformers decodes the experts of all layers by one scheme of compressed-tensors'],
  ['onnx', 'the format onnx keeps weights as stored'],
  ['plan', 'the format plan keeps weights as stored'],
] as const)('types by layer are refused for %s before a run exists', async (format, reason) => {
  const engine = await openEngine();
  const { model, task } = await bundled(engine, 'uncurl-8', 'mood');
  const limit = { kind: 'bytes', bytes: 450_000 } as const;
  const request = { model, task, limit, format, typesByLayer: true };
  const refusal = { code: 'types-by-layer', message: expect.stringContaining(reason) };
  await expect(engine.call('fit.predict', request)).rejects.toMatchObject(refusal);
  await expect(engine.call('fit.start', request)).rejects.toMatchObject(refusal);
});
