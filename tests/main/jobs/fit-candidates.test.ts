import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { CancelledError, refuse, WorkbenchError } from '../../../main/contract/errors.ts';
import { fitSettings } from '../../../main/contract/fit.ts';
import { dropPlan } from '../../../main/contract/plan.ts';
import { halvingRungs } from '../../../main/evaluation/fit.ts';
import { exportBytes } from '../../../main/export/export-bytes.ts';
import { planCandidates, workGroups } from '../../../main/jobs/fit-candidates.ts';
import { FitSearch } from '../../../main/jobs/fit-search.ts';
import { RoundedModels } from '../../../main/jobs/rounded-models.ts';
import { planCost } from '../../../main/pruning/plan-cost.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { untriedWords } from '../../../main/words/fit.ts';
import { TEST_LIMIT_MS } from '../../hang-limit.ts';
import { exportSettingsIn } from '../../open-model-runner.ts';
import { bundled, openEngine, searchedFit } from '../engine/open-engine.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { contextOfNothing } from './nothing-runs.ts';

test(
  'what is recommended takes the bytes that its export has, and what has no form is not tried',
  async () => {
    const engine = await openEngine();
    const { model, task } = await bundled(engine, 'uncurl-8', 'mood');
    const searched = async (bytes: number, methods: ('mone' | 'm-smoe')[], types: ('stored' | 'fp8')[]) => {
      const limit = { kind: 'bytes', bytes } as const;
      const order = { model, task, limit, format: 'hf', methods, types, scoringItems: 20, finalists: 1 } as const;
      return searchedFit(engine, order);
    };
    const quantised = await searched(600_000, ['mone'], ['stored', 'fp8']);
    expect(quantised.recommended).toBe('mone 2 stored');
    expect(quantised.untried).toContainEqual(
      expect.stringMatching(/^mone \d fp8: .* constants in place of experts have no form in it\.$/),
    );
    // To the byte what MoNE takes with 4 experts of 8: the vectors of the other experts and their rows of the router.
    const bytes = 919_128;
    const { run, candidates, untried, recommended } = await searched(bytes, ['mone', 'm-smoe'], ['stored']);
    expect(candidates.find(({ name }) => name === 'mone 4 stored')).toMatchObject({ bytes, fits: true });
    expect(recommended).toBe('mone 4 stored');
    expect(untried).toEqual([
      expect.stringMatching(/^m-smoe 4 stored: The router treatment mapped-rows keeps a row for every unpruned expert/),
    ]);
    const { plan } = await engine.call('fit.plan', { run, name: recommended ?? '' });
    expect(dropPlan.parse(plan).constants).toBeDefined();
    const folder = await temporaryFolder();
    const into = engine.grantPath(folder);
    const made = await engine.call('export.start', { model, plan, into, name: 'fitted', format: 'hf' });
    await engine.finished(made.run);
    expect((await stat(path.join(folder, 'fitted', 'model.safetensors'))).size).toBe(bytes);
  },
  TEST_LIMIT_MS,
);

test(
  'plans that only the workbench runs are counted with all that they keep',
  async () => {
    const engine = await openEngine();
    const { model, task } = await bundled(engine, 'uncurl-8', 'mood');
    const { run, recommended, finalists, candidates } = await searchedFit(engine, {
      model,
      task,
      limit: { kind: 'bytes', bytes: 1_000_000 },
      format: 'plan',
      methods: ['m-smoe', 'merge-moe'],
      scoringItems: 10,
      finalists: 3,
    });
    const { info } = await openCheckpoint('resources/models/uncurl-8');
    const tested = [recommended ?? '', ...finalists];
    expect(tested.filter((name) => name.startsWith('m-smoe'))).not.toEqual([]);
    expect(tested.filter((name) => name.startsWith('merge-moe'))).not.toEqual([]);
    for (const name of tested) {
      const { plan } = await engine.call('fit.plan', { run, name });
      expect(candidates.find((candidate) => candidate.name === name)?.bytes, name).toBe(planCost(info, plan).sizeBytes);
    }
  },
  TEST_LIMIT_MS,
);

test('where nothing fits, the smallest form is that of the methods', async () => {
  const checkpoint = await openCheckpoint('resources/models/uncurl-8');
  const { overlays } = exportSettingsIn(await temporaryFolder());
  const searched = (bytes: number, method: 'mone' | 'reap') =>
    planCandidates(
      checkpoint,
      {
        ...fitSettings.parse({ limit: { kind: 'bytes', bytes }, methods: [method], types: ['stored'] }),
        format: 'hf',
      },
      overlays,
    );
  const { smallestBytes: plain } = await searched(2_000_000, 'reap');
  const { smallestBytes } = await searched(2_000_000, 'mone');
  expect(smallestBytes).toBeGreaterThan(plain);
  expect((await searched(smallestBytes, 'mone')).candidates.map(({ kept, bytes }) => [kept, bytes])).toEqual([
    [2, smallestBytes],
  ]);
  await expect(searched(plain, 'mone')).rejects.toMatchObject({ code: 'nothing-fits' });
  expect((await searched(plain, 'reap')).candidates).toHaveLength(1);
});

test('rows of a router that stay are counted where the default gates keep them', async () => {
  const checkpoint = await openCheckpoint(path.join(process.env['CHECKPOINTS'] ?? '', 'longcat_flash'));
  const { overlays } = exportSettingsIn(await temporaryFolder());
  const { experts } = checkpoint.info;
  const kept = Array.from({ length: checkpoint.info.moeLayers }, () =>
    Array.from({ length: experts - 1 }, (_, e) => e),
  );
  const limit = await exportBytes(checkpoint, { kept, gates: { kind: 'trained' } }, 'hf', null, overlays);
  const searched = (bytes: number, gates: 'folded' | 'renormalised') =>
    planCandidates(
      checkpoint,
      {
        ...fitSettings.parse({ limit: { kind: 'bytes', bytes }, methods: ['reap'], gates: [gates], types: ['stored'] }),
        format: 'hf',
      },
      overlays,
    );
  const keptOf = async (bytes: number, gates: 'folded' | 'renormalised') =>
    (await searched(bytes, gates)).candidates.map(({ kept: count, bytes: size }) => [count, size]);
  expect(await keptOf(limit, 'folded')).toEqual([[experts - 1, limit]]);
  expect((await keptOf(limit - 1, 'folded'))[0]?.[0]).toBeLessThan(experts - 1);
  // Without these rows the same experts take less.
  const cut = await exportBytes(checkpoint, { kept }, 'hf', null, overlays);
  expect(cut).toBeLessThan(limit);
  expect(await keptOf(cut, 'renormalised')).toEqual([[experts - 1, cut]]);
});

test(
  'little time is spent on the whole model of a smaller type, and what no time was left for is named',
  async () => {
    const engine = await openEngine();
    const { model, task } = await bundled(engine, 'uncurl-8', 'mood');
    const { candidates, untried, recommended } = await searchedFit(engine, {
      model,
      task,
      limit: { kind: 'bytes', bytes: 1_000_000 },
      format: 'hf',
      types: ['stored', 'int4'],
      scoringItems: 40,
      minutes: 0.001,
    });
    expect(recommended).toBe('whole int4');
    const [stored = ''] = candidates.map(({ name }) => name).filter((name) => /^reap \d stored$/.test(name));
    expect(candidates.find(({ name }) => name === stored)).toMatchObject({ fits: true, items: 0 });
    expect(untried).toContain(`${stored}: the time was used up.`);
    expect(untriedWords(untried).join(' ')).toMatch(
      /^[^:]*reap \d stored[^:]*, scoring items after the first \d+ of 40 and [^:]*: the time was used up\.$/,
    );
  },
  TEST_LIMIT_MS,
);

test('what refuses one candidate leaves it out with its reason, and any other error ends the search', async () => {
  const checkpoint = await openCheckpoint('resources/models/uncurl-8');
  const parsed = fitSettings.parse({ limit: { kind: 'bytes', bytes: 1e6 }, methods: ['evo-esap'], types: ['stored'] });
  const settings = { ...parsed, format: 'plan' as const, earlierLooks: 0 };
  const { overlays } = exportSettingsIn(await temporaryFolder());
  const planned = await planCandidates(checkpoint, settings, overlays);
  const candidate = planned.candidates.find(({ method }) => method === 'evo-esap') ?? expect.fail('no candidate');
  const task = { name: 'mood', task: await loadTask('resources/tasks/mood') };
  const source = {
    model: { name: 'm', checkpoint },
    task,
    statistics: null,
    calibration: { profiling: 1, scoring: 1 },
  };
  const searchWith = async (error: WorkbenchError): Promise<FitSearch> => {
    const nothing = await contextOfNothing();
    // The search of this method runs the model.
    const context = { ...nothing, runners: { ...nothing.runners, open: () => Promise.reject(error) } };
    const subject = { context, settings, source, scoring: [], planned, roundings: new RoundedModels(context) };
    return new FitSearch(
      subject,
      () => false,
      () => Promise.resolve(),
    );
  };
  const refused = await searchWith(refuse('odd-model', 'The model is odd.', 'Take another one.'));
  expect(await refused.madePlan(candidate)).toBeNull();
  expect(refused.untried).toEqual([...planned.untried, `${candidate.name}: The model is odd.`]);
  for (const error of [
    new CancelledError('The search'),
    new WorkbenchError('model-changed', 'failed', 'The model was changed.', 'Start again.'),
  ]) {
    const ended = await searchWith(error);
    await expect(ended.madePlan(candidate)).rejects.toBe(error);
    expect(ended.untried).toEqual(planned.untried);
  }
});

test(
  'a search on texts foretells nothing of written answers',
  async () => {
    const engine = await openEngine();
    const folder = path.join(await temporaryFolder(), 'texts');
    await mkdir(folder);
    const contexts = (await loadTask('resources/tasks/mood')).calibration.flatMap((item) =>
      'context' in item ? [item.context] : [],
    );
    for (const [name, from, to] of [
      ['calibration', 0, 60],
      ['test', 60, 80],
    ] as const) {
      const lines = contexts.slice(from, to).map((text, index) => JSON.stringify({ id: `${name} ${index}`, text }));
      await writeFile(path.join(folder, `${name}.jsonl`), lines.join('\n'));
    }
    await writeFile(path.join(folder, 'task.json'), JSON.stringify({ name: 'texts', metric: 'perplexity' }));
    const { model } = await bundled(engine, 'uncurl-8', 'mood');
    const found = await searchedFit(engine, {
      model,
      task: engine.grantPath(folder),
      limit: { kind: 'bytes', bytes: 600_000 },
      format: 'plan',
      methods: ['reap'],
      scoringItems: 50,
      finalists: 0,
    });
    expect(found).toMatchObject({ state: 'done', metric: 'perplexity' });
    expect(found).not.toHaveProperty('forecast');
  },
  TEST_LIMIT_MS,
);

test(
  'a candidate that is shown to lose more than the best one answers no further items',
  async () => {
    const engine = await openEngine();
    const { model, task } = await bundled(engine, 'uncurl-8', 'add');
    const { candidates, recommended } = await searchedFit(engine, {
      model,
      task,
      limit: { kind: 'bytes', bytes: 850_000 },
      format: 'gguf',
      methods: ['reap', 'frequency'],
      types: ['stored', 'q8_0'],
      scoringItems: 100,
      finalists: 0,
    });
    const [best, ...pruned] = ['whole q8_0', 'reap 3 stored', 'frequency 3 stored'].map(
      (name) => candidates.find((candidate) => candidate.name === name) ?? expect.fail(name),
    );
    expect(recommended).toBe(best?.name);
    // The first items show it of both, though the next rung has room for two of the three.
    expect(halvingRungs(3, 100).slice(0, 2)).toMatchObject([{ items: 16 }, { candidates: 2 }]);
    for (const { loss, items } of pruned) {
      expect(loss?.low).toBeGreaterThan(best?.loss?.high ?? Infinity);
      expect(items).toBe(16);
    }
    expect(best?.items).toBeGreaterThan(16);
  },
  TEST_LIMIT_MS,
);

test('whole models are asked first and long searches last, each type together', async () => {
  const checkpoint = await openCheckpoint('resources/models/uncurl-8');
  const { overlays } = exportSettingsIn(await temporaryFolder());
  const limit = { kind: 'bytes', bytes: 650_000 } as const;
  const order = { limit, methods: ['evo-esap', 'reap'], types: ['stored', 'int8', 'int4'], refit: true };
  const { candidates } = await planCandidates(checkpoint, { ...fitSettings.parse(order), format: 'hf' }, overlays);
  const asked = (made: readonly string[]) =>
    workGroups(candidates, ({ name }) => made.includes(name)).map((group) => group.map(withoutCount));
  const withoutCount = ({ name }: { readonly name: string }): string => name.replace(/ \d+ /, ' ');
  const long = ['stored', 'int8'].flatMap((type) => [
    [`evo-esap ${type}`],
    [`evo-esap +recovery ${type}`],
    [`reap +recovery ${type}`],
  ]);
  expect(asked([])).toEqual([['whole int4'], ['reap stored'], ['reap int8'], ...long]);
  // Later rungs ask plans that exist, which share what is opened for a type.
  const byType = Map.groupBy(candidates, ({ weights }) => weights);
  expect(asked(candidates.map(({ name }) => name))).toEqual(
    [...byType.values()].map((group) => group.map(withoutCount)),
  );
});
