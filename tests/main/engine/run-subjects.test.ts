import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { finetuneSettings, type FinetuneStage } from '../../../main/contract/finetune.ts';
import { type SweepRequest, sweepSettings } from '../../../main/contract/sweep.ts';
import type { Engine } from '../../../main/engine/engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const model = join(resources, 'models', 'uncurl-8');
const settings = sweepSettings.parse({ methods: ['random'], factors: [2], seeds: [0], limit: 40 });
const LIMIT_MS = 60_000;

const start = (
  engine: Engine,
  candidates: Readonly<Record<string, string>>,
  given: Partial<SweepRequest> = {},
): Promise<{ run: string }> =>
  engine.call('sweep.start', {
    models: [engine.grantPath(model)],
    tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
    settings,
    candidates: Object.entries(candidates).map(([name, folder]) => ({ name, folder: engine.grantPath(folder) })),
    ...given,
  });

test(
  'a folder is a candidate: an export has the results of its plan, a copy those of the model',
  async () => {
    const [workspace, folder] = [await temporaryFolder(), await temporaryFolder()];
    const engine = await openEngine(workspace);
    const { run: first } = await start(engine, {});
    await engine.finished(first);
    const [unpruned, pruned] = (await engine.call('sweep.read', { run: first })).results;
    if (unpruned === undefined || pruned === undefined) throw new Error('two points were measured');
    const { plan } = await engine.call('sweep.plan', {
      run: first,
      model: 'uncurl-8',
      task: 'add',
      method: 'random',
      seed: 0,
      factor: 2,
    });
    const { run: exported } = await engine.call('export.start', {
      model: engine.grantPath(model),
      plan,
      into: engine.grantPath(folder),
      name: 'half',
    });
    await engine.finished(exported);
    await cp(model, join(folder, 'twin'), { recursive: true });

    const { run } = await start(engine, { half: join(folder, 'half'), twin: join(folder, 'twin') });
    const manifest = await engine.finished(run);
    expect(manifest.spec['candidates']).toMatchObject([
      { name: 'half', path: join(folder, 'half') },
      { name: 'twin', path: join(folder, 'twin') },
    ]);
    const { results } = await engine.call('sweep.read', { run });
    expect(results.map(({ method }) => method)).toEqual(['unpruned', 'random', 'half', 'twin']);
    // A plan's kept experts follow from counts, a folder's contents from its files.
    const { cost } = results[2] ?? expect.fail('three points were measured');
    expect(results[2]).toEqual({ ...pruned, method: 'half', seed: null, cost });
    expect(cost).toEqual({ ...pruned.cost, bytes: cost?.bytes });
    expect((cost?.bytes ?? 0) / (pruned.cost?.bytes ?? 1)).toBeCloseTo(1, 1);
    expect(results[3]).toMatchObject({
      method: 'twin',
      factor: 1,
      kept: 8,
      value: unpruned.value,
      difference: 0,
      lost: 0,
      gained: 0,
    });
    expect(pruned.difference).toBeLessThan(0);
    await expect(
      engine.call('sweep.plan', { run, model: 'uncurl-8', task: 'add', method: 'half', seed: null, factor: 2 }),
    ).rejects.toMatchObject({ code: 'no-plan' });

    // The folder is part of the run: a changed one is another candidate.
    const weights = await readFile(join(folder, 'twin', 'model.safetensors'));
    weights[weights.length - 1] = (weights.at(-1) ?? 0) ^ 1;
    await writeFile(join(folder, 'twin', 'model.safetensors'), weights);
    await expect(engine.call('run.reproduce', { run })).rejects.toMatchObject({ code: 'changed-since' });
  },
  LIMIT_MS,
);

test(
  'written answers of a candidate are judged by the present rule of the task, not by that of an earlier sweep',
  async () => {
    const folder = await temporaryFolder();
    const engine = await openEngine(await temporaryFolder());
    for (const name of ['plural', 'plural-written'])
      await cp(join(resources, 'tasks', name), join(folder, name), { recursive: true });
    await cp(model, join(folder, 'twin'), { recursive: true });
    const task = join(folder, 'plural-written');
    const measured = async (): Promise<readonly number[]> => {
      const few = { ...settings, limit: 10 };
      const { run } = await start(
        engine,
        { twin: join(folder, 'twin') },
        { tasks: [engine.grantPath(task)], settings: few },
      );
      await engine.finished(run);
      const { results } = await engine.call('sweep.read', { run });
      return results.filter(({ factor }) => factor === 1).map(({ value }) => value);
    };
    const [own = 0, twin] = await measured();
    expect(own).toBeGreaterThan(0);
    expect(twin).toBe(own);
    // This rule accepts nothing.
    const metadata: unknown = JSON.parse(await readFile(join(task, 'task.json'), 'utf8'));
    const filter = [{ function: 'regex', regex_pattern: '(nothing says this)' }, { function: 'take_first' }];
    const strict = { ...Object(metadata), filters: [{ name: 'strict', filter }] };
    await writeFile(join(task, 'task.json'), JSON.stringify(strict));
    expect(await measured()).toEqual([0, 0]);
  },
  LIMIT_MS,
);

test(
  'refuses folders that cannot be paired with the model',
  async () => {
    const folder = await temporaryFolder();
    const engine = await openEngine(await temporaryFolder());
    const tokenizer = await readFile(join(model, 'tokenizer.json'), 'utf8');
    const changed = async (name: string, text: string): Promise<string> => {
      await cp(model, join(folder, name), { recursive: true });
      await writeFile(join(folder, name, 'tokenizer.json'), text);
      return join(folder, name);
    };
    const swapped = await changed(
      'swapped',
      tokenizer
        .replace(/"1": (\d+)/, '"1": 0x')
        .replace(/"2": (\d+)/, '"1": $1')
        .replace('"1": 0x', `"2": ${/"1": (\d+)/.exec(tokenizer)?.[1] ?? ''}`),
    );
    const small = fileURLToPath(new URL('../../fixtures/reference/checkpoints/mixtral', import.meta.url));
    await expect(start(engine, { other: swapped })).rejects.toMatchObject({
      code: 'candidate-tokenizer',
      kind: 'refused',
    });
    await expect(start(engine, { small })).rejects.toMatchObject({ code: 'candidate-vocabulary', kind: 'refused' });
    const larger = join(resources, 'models', 'uncurl-16');
    await expect(start(engine, { larger })).rejects.toMatchObject({ code: 'candidate-larger', kind: 'refused' });
    await expect(start(engine, { reap: model })).rejects.toMatchObject({ code: 'candidate-name', kind: 'refused' });
    await expect(start(engine, { unpruned: model })).rejects.toMatchObject({ code: 'candidate-name', kind: 'refused' });
    const two = [engine.grantPath(model), engine.grantPath(join(resources, 'models', 'uncurl-16'))];
    await expect(start(engine, { twin: model }, { models: two })).rejects.toMatchObject({
      code: 'bad-usage',
      kind: 'refused',
    });
    expect(await engine.call('runs.list', {})).toEqual([]);
  },
  LIMIT_MS,
);

test('a teacher of router distillation is another model with the same tokens, and has its stage', async () => {
  const [workspace, folder] = [await temporaryFolder(), await temporaryFolder()];
  const engine = await openEngine(workspace);
  const teach = (teacher: string | null, stages: readonly FinetuneStage[] = ['distil']): Promise<unknown> =>
    engine.call('finetune.start', {
      model: engine.grantPath(model),
      tasks: [engine.grantPath(join(resources, 'tasks', 'add'))],
      settings: finetuneSettings.parse({ stages }),
      into: engine.grantPath(folder),
      name: 'tuned',
      teacher: teacher === null ? null : engine.grantPath(teacher),
    });
  const other = (name: string): string => join(resources, 'models', name);
  await expect(teach(null)).rejects.toThrow('learns from the unpruned model, and none is named');
  await expect(teach(other('uncurl-16'), ['router'])).rejects.toThrow('No stage learns from the teacher');
  await expect(teach(model)).rejects.toMatchObject({ code: 'teacher-is-model' });
  await expect(teach(other('wordy-16'))).rejects.toMatchObject({ code: 'candidate-vocabulary' });
  // Another member of the family has the same tokens: all that is missing here is a Python.
  await expect(teach(other('uncurl-16'))).rejects.toThrow('No Python is named');
  expect(await engine.call('runs.list', {})).toEqual([]);
});
