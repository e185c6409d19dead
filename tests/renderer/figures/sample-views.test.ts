import { answerKind } from '../../../main/contract/task.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FEW_SAMPLED } from '../../../main/contract/profile.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import type { SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { createEngine, type Engine } from '../../../main/engine/engine.ts';
import { figures } from '../../../main/figures/figures.ts';
import { profileMetrics } from '../../../main/figures/profile-table.ts';
import type { Drawing } from '../../../main/figures/svg.ts';
import {
  bestThresholdsView,
  compareView,
  expertTrendView,
  modelChartView,
  routingView,
  shareView,
  sizePairView,
  thresholdsView,
  type ViewFiles,
} from '../../../main/figures/views.ts';
import { readFigureSource } from '../../../main/runs/read-run.ts';
import { openRunSource } from '../../../main/runs/run-source.ts';
import { SAMPLE_RUN } from '../../../main/sample/sample-run.ts';
import { openExistingWorkspace } from '../../../main/workspace/open-workspace.ts';
import { comparisonChoice } from '../../../renderer/features/compare/comparison.ts';
import { measuredTasks, sweepMethods } from '../../../renderer/features/curves/curves-tables.tsx';
import { profileSource } from '../../../renderer/profile/profile-source.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { type Download, pictureDownload, tableDownload } from '../../../renderer/figures/save-figure.tsx';

const resources = fileURLToPath(new URL('../../../resources', import.meta.url));
const theme = 'light';
/** Reading the bundled run takes seconds; many on a busy machine. */
const LIMIT_MS = 300_000;

/** The engine's answers for the window, and the files of `uncurl figures`, both from the bundled run. */
let folder: string;
let engine: Engine;
let written: ReadonlyMap<string, string | Uint8Array>;
let manifest: RunManifest;
let document: SweepDocument;
let sizeTrend: SizeTrendDocument;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'uncurl-test-'));
  const workspace = join(folder, 'workspace');
  engine = await createEngine({ workspace, resources, commandLine: 'test', threads: 1, offerSample: true });
  // As of a user, who gets the answers that come with the sample; structure/recorded-tables.test.ts computes them.
  const state = join(folder, 'state');
  const source = await readFigureSource(
    await openRunSource(await openExistingWorkspace(workspace), resources, { state }),
    SAMPLE_RUN,
  );
  written = new Map(figures({ ...source, deflate: deflateSync }, theme).map(({ name, contents }) => [name, contents]));
  manifest = (await engine.call('runs.list', {}))[0] ?? expect.fail('no run');
  document = await engine.call('sweep.read', { run: SAMPLE_RUN });
  sizeTrend = await engine.call('sweep.sizeTrend', { run: SAMPLE_RUN });
}, LIMIT_MS);
afterAll(async () => {
  await engine.dispose();
  await rm(folder, { recursive: true, force: true });
}, LIMIT_MS);

const noRaster = (): Promise<never> => Promise.reject(new Error('an SVG needs no rasteriser'));
const textOf = ({ bytes }: Download): string => new TextDecoder().decode(bytes);

/** Saves a view like the window, and compares the bytes with the files of the same names. */
const expectSame = async (view: ViewFiles): Promise<void> => {
  const downloads = [
    tableDownload(view, SAMPLE_RUN),
    ...(view.picture === null ? [] : [await pictureDownload(view, SAMPLE_RUN, 'SVG', noRaster)]),
  ];
  for (const download of downloads) {
    const name = download.suggestedName.replace(`${SAMPLE_RUN}-`, '');
    expect(textOf(download) === written.get(name), name).toBe(true);
  }
};

test('curves of every model are saved as by `uncurl figures`, with every column', async () => {
  const { manifest: beside } = tableDownload(thresholdsView({ manifest, document }), SAMPLE_RUN);
  expect(JSON.parse(new TextDecoder().decode(beside))).toMatchObject({ id: SAMPLE_RUN, kind: 'sweep' });
  const methods = sweepMethods(document);
  for (const model of manifest.models.map(({ name }) => name)) {
    const tasks = measuredTasks(document, model, []).map(({ task }) => task);
    await expectSame(modelChartView({ manifest, document, theme }, model, 'absolute', { tasks, methods }));
  }
  const table = tableDownload(modelChartView({ manifest, document, theme }, '', 'absolute'), SAMPLE_RUN);
  expect(textOf(table).split('\n')[0]).toMatch(/,value,acc,acc_norm,perplexity,/);
});

test('the same for thresholds, trends over sizes and pairs of sizes', async () => {
  const shown = { tasks: sizeTrend.tasks, methods: sizeTrend.methods };
  await expectSame(thresholdsView({ manifest, document }));
  await expectSame(expertTrendView({ manifest, sizeTrend, theme }, shown));
  await expectSame(sizePairView({ manifest, sizeTrend, theme }, shown));
});

test('the same for comparisons of methods', { timeout: LIMIT_MS }, async () => {
  const model = manifest.models.at(-1)?.name ?? expect.fail('no model');
  for (const answers of answerKind.options) {
    const choice = comparisonChoice(document.results, { model, factor: 8, answers, reference: 'best' });
    const comparison = await engine.call('sweep.compare', { run: SAMPLE_RUN, ...choice });
    expect(comparison).toMatchObject({ model, answers });
    await expectSame(compareView({ manifest, comparison, theme }));
  }
});

test('the same for routing maps of every model, task and statistic', async () => {
  const [models, tasks] = [await engine.call('models.list', {}), await engine.call('tasks.list', {})];
  const runs = await engine.call('runs.list', {});
  const profiled = models.filter(({ fingerprint }) => manifest.models.some((one) => one.fingerprint === fingerprint));
  expect(profiled).toHaveLength(manifest.models.length);
  for (const model of profiled) {
    const profiles = await engine.call('profile.read', {
      model: model.handle,
      tasks: tasks.map(({ handle }) => handle),
    });
    // The panel of an expert needs tokens of its profile.
    const [task = expect.fail('no task')] = tasks.filter(({ name }) => name === profiles[0]?.task);
    const asked = { model: model.handle, task: task.handle, layer: 0, expert: 0 };
    const { found } = await engine.call('expert.read', asked);
    expect(found?.takes?.sampled, model.name).toBe(FEW_SAMPLED);
    for (const profile of profiles) {
      const { names, ...origin } = profileSource(runs, model, profile, profiles);
      for (const { name: metric } of profileMetrics) {
        await expectSame(routingView({ ...origin, profile, metric, theme }, names));
      }
    }
  }
});

test('with the titles of tasks, as the window shows them, no picture calls a task by its name', async () => {
  const tasks = await engine.call('tasks.list', {});
  const title = titlesOf(tasks);
  const model = manifest.models.at(-1)?.name ?? expect.fail('no model');
  const [profiled = expect.fail('no such model')] = (await engine.call('models.list', {})).filter(
    ({ name }) => name === model,
  );
  const profiles = await engine.call('profile.read', {
    model: profiled.handle,
    tasks: tasks.map(({ handle }) => handle),
  });
  const [profile, minus] = [profiles[0] ?? expect.fail('no profile'), profiles[1] ?? expect.fail('one profile')];
  const { names, ...origin } = profileSource([manifest], profiled, profile, profiles);
  // The answer to this one comes with the sample.
  const choice = comparisonChoice(document.results, { model, factor: 2, answers: 'chosen', reference: 'best' });
  const comparison = await engine.call('sweep.compare', { run: SAMPLE_RUN, ...choice });
  const [view, size] = [
    { manifest, document, theme },
    { manifest, sizeTrend, theme },
  ] as const;
  const drawn = [
    ...[
      modelChartView(view, model, 'absolute'),
      modelChartView(view, model, 'bytes'),
      compareView({ manifest, comparison, theme }),
    ],
    ...[bestThresholdsView(size), expertTrendView(size), sizePairView(size), shareView(size)],
    routingView({ ...origin, profile, metric: 'share', theme }, names),
    routingView(
      { ...origin, profile, metric: 'share', theme, minus: { name: minus.task, profile: minus, indices: null } },
      names,
    ),
  ].map(({ picture }) => picture?.draw(title) ?? expect.fail('no picture'));
  const named = tasks.filter((task) => task.name !== task.title).map(({ name }) => name);
  const texts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].flatMap(([, text]) => text ?? []);
  const isName = (text: string): boolean =>
    named.some((name) => text === name || new RegExp(`\\b(on|minus) ${name}\\b`).test(text));
  for (const { svg, title: of } of drawn) expect(texts(svg).filter(isName), of).toEqual([]);
  expect(texts(drawn[0]?.svg ?? '')).toContain('Sums');
});

test('a PNG made of it contains the same texts as the SVG, under the standard PNG keywords', async () => {
  const view = sizePairView({ manifest, sizeTrend, theme });
  const drawn: Drawing[] = [];
  const download = await pictureDownload(view, SAMPLE_RUN, 'PNG', (drawing) => {
    drawn.push(drawing);
    return Promise.resolve(new TextEncoder().encode(drawing.title));
  });
  expect(download.suggestedName).toBe(`${SAMPLE_RUN}-pruned-against-scratch.png`);
  expect(drawn.map(({ svg }) => svg)).toEqual([written.get('pruned-against-scratch.svg')]);
  expect(drawn[0]?.manifest).toEqual(manifest);
});
