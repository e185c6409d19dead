/**
 * Screenshots of every view and dialog in both themes at 1440 x 900, 1920 x 1080, 1024 x 768 and 720 x 450, and of
 * views and reports on paper, for a person to look at. Prints texts that are cut without an ellipsis or a scroll bar,
 * and pages that are wider than the window, and what axe-core finds in both themes.
 *
 * Method: `uncurl serve` on an empty workspace (first-scenes.ts), then on one with the sample and the recorded
 * experiment (scenes.ts), and Chromium on the built page (`npm run build` first). Writes `SCENE-WIDTH-THEME.png`, two
 * sheets of each scene (`sheets/`), and views as printed (`SCENE.pdf`, `SCENE-paper.png`). With `--before`, a folder
 * that this script of another revision has written: both pictures of each scene side by side (`pairs/`, shown by
 * `pairs.html`), and why a scene is in no pair. With `--against`, that revision is built in a worktree, and its own
 * script writes that folder first, with the names of controls and the sizes that it knows. Scenes of the comparison
 * with transformers need UNCURL_INTEROP_PYTHON.
 * Usage: npx node tests/bench/screens.ts FOLDER [--before FOLDER | --against REVISION] [--width 1440] [WORD ...]: only
 * scenes whose names contain one of the words.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, type Page } from '@playwright/test';
import { createSubmissions } from '../../main/cluster/submissions.ts';
import { clusterRequest, type ClusterWork } from '../../main/contract/cluster.ts';
import { type RunManifest, runManifest } from '../../main/contract/run.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { escapeHtml } from '../../main/figures/escape.ts';
import { fileErrorCode } from '../../main/files/file-errors.ts';
import { makeExperimentReport } from '../../main/report/experiment-page.ts';
import { makeReport } from '../../main/report/report-page.ts';
import { openRunSource, type RunSource } from '../../main/runs/run-source.ts';
import { addRecordedExperiment, RECORDED_EXPERIMENT, SAMPLE_RUN } from '../../main/sample/sample-run.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { axeFindings } from '../e2e/axe-findings.ts';
import { putRuns } from '../e2e/many-runs.ts';
import { resources } from '../e2e/page-steps.ts';
import { startServer, stopServer } from '../e2e/workbench.ts';
import { startLoopbackHub } from '../integration/loopback-hub.ts';
import { firstScenes, publishModel } from './first-scenes.ts';
import { measuredScenes, READING_MS, type Scene } from './scenes.ts';
import { addWorktree, removeWorktree } from './worktree.ts';

const SIZES = [
  [1440, 900],
  [1920, 1080],
  [1024, 768],
  [720, 450],
] as const;
const THEMES = ['light', 'dark'] as const;
/** Canvases are repainted after a change of theme or size. */
const PAINT_MS = 350;
/** A4 at 96 dots an inch. */
const PAPER = { width: 794, height: 1123 };

const base = await mkdtemp(path.join(os.tmpdir(), 'uncurl-screens-'));

/** Texts that are cut off without a sign, and the width by which the page is too wide. */
const faults = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    const found: string[] = [];
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide > 0) found.push(`the page is ${String(wide)} px too wide`);
    for (const element of document.querySelectorAll<HTMLElement>('body *')) {
      if (element.scrollWidth <= element.clientWidth + 1 || element.clientWidth < 4) continue;
      if (!element.checkVisibility({ visibilityProperty: true }) || element.closest('.visually-hidden')) continue;
      const { overflowX, textOverflow } = getComputedStyle(element);
      if (overflowX !== 'hidden' && overflowX !== 'clip') continue;
      if (textOverflow === 'ellipsis' || element.querySelector('canvas, svg') !== null) continue;
      const text = element.textContent.trim().slice(0, 50);
      if (text !== '') found.push(`cut: ${element.className}: “${text}”`);
    }
    return found;
  });

const {
  values: { before: written, against, width: widths },
  positionals: [folder, ...words],
} = parseArgs({
  options: { before: { type: 'string' }, against: { type: 'string' }, width: { type: 'string', multiple: true } },
  allowPositionals: true,
});
const sizes = SIZES.filter(([width]) => widths === undefined || widths.includes(String(width)));
if (folder === undefined) throw new Error('Name the folder to write into.');
for (const each of ['sheets', 'pairs']) await mkdir(path.join(folder, each), { recursive: true });
const before = against === undefined ? written : path.resolve(folder, 'before');
const workspace = path.join(base, 'workspace');
await openWorkspace(workspace);
const settings = path.join(base, 'settings.json');
const SUBMITTED = 'sweep-20260102-000000-cluster';

/** A submission to a cluster of which one task failed, as an engine of this user stores it. */
const submittedWork = (run: string): ClusterWork => ({
  run,
  title: 'Sweep on a cluster',
  request: clusterRequest.parse({ workers: 2 }),
  array: 712,
  join: 713,
  script: path.join(workspace, 'runs', run, 'slurm.sh'),
  submittedAt: '2026-11-28T10:00:00.000Z',
  state: 'failed',
  error: 'Task 1 of the array 712 failed (exit code 1)',
  away: false,
  tasks: [
    {
      task: 0,
      state: 'COMPLETED',
      reason: null,
      node: 'node-1',
      exitCode: 0,
      signal: 0,
      elapsedMs: 250_000,
      parts: 3,
      log: null,
    },
    {
      task: 1,
      state: 'FAILED',
      reason: null,
      node: 'node-2',
      exitCode: 1,
      signal: 0,
      elapsedMs: 12_000,
      parts: 0,
      log: null,
    },
  ],
  parts: { done: 3, of: 8 },
});

/** Runs of the engine itself: two small sweeps, a reproduction and an export; then one as if it came from elsewhere. */
const makeRuns = async (): Promise<void> => {
  const engine = await createEngine({ workspace, resources, commandLine: 'uncurl', settingsFile: settings });
  try {
    await engine.call('sample.add', {});
    const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8');
    const task = (await engine.call('tasks.list', {})).find(({ name }) => name === 'add');
    if (model === undefined || task === undefined) throw new Error('nothing is bundled');
    const runs: string[] = [];
    for (const [name, limit] of [
      ['Sums first', 40],
      ['Sums again', 30],
    ] as const) {
      const { run } = await engine.call('sweep.start', {
        models: [model.handle],
        tasks: [task.handle],
        settings: { methods: ['random', 'frequency'], factors: [2, 4], limit },
      });
      await engine.finished(run);
      await engine.call('runs.label', { run, change: { name } });
      runs.push(run);
    }
    const [first = '', again = ''] = runs;
    await engine.finished((await engine.call('run.reproduce', { run: again })).run);
    const { plan } = await engine.call('plan.make', {
      model: model.handle,
      tasks: [task.handle],
      method: 'frequency',
      factor: 2,
    });
    const into = path.join(base, 'exports');
    await mkdir(into);
    const exported = await engine.call('export.start', {
      model: model.handle,
      plan,
      into: engine.grantPath(into),
      name: 'sums-4',
      format: 'hf',
    });
    await engine.finished(exported.run);
    const copy = async (id: string, changes: Partial<RunManifest>): Promise<void> => {
      const made = path.join(workspace, 'runs', id);
      await cp(path.join(workspace, 'runs', first), made, { recursive: true });
      const file = path.join(made, 'manifest.json');
      const manifest = runManifest.parse(JSON.parse(await readFile(file, 'utf8')));
      await writeFile(file, JSON.stringify({ ...manifest, ...changes, id }));
      await rm(path.join(made, 'label.json'), { force: true });
    };
    await copy('sweep-20260101-000000-strange', { title: 'Sweep made elsewhere', state: 'interrupted' });
    await copy(SUBMITTED, { title: 'Sweep on a cluster', state: 'failed', error: 'Task 1 failed.' });
    await createSubmissions(stateFolder(settings), workspace).write(submittedWork(SUBMITTED));
  } finally {
    await engine.dispose();
  }
};

const browser = await chromium.launch({
  executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});

/** A picture of several screenshots, in so many columns, for one look. */
const makeSheet = async (name: string, files: readonly string[], columns = 1): Promise<void> => {
  const page = await browser.newPage({ viewport: { width: 1440 * columns, height: 900 } });
  const images = await Promise.all(
    files.map(async (file) => `data:image/png;base64,${(await readFile(file)).toString('base64')}`),
  );
  const width = String(100 / columns);
  await page.setContent(
    images.map((source) => `<img style="float:left;width:${width}%" src="${source}">`).join('') +
      '<div style="clear:both"></div>',
  );
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  await page.close();
};

/** Whether a scene is asked for. */
const isWanted = (name: string): boolean => words.length === 0 || words.some((word) => name.includes(word));

/** Scenes that could not be shown, and why. */
const notShown = new Map<string, string>();
/** How that is printed, which the script of another revision does too. */
const NOT_SHOWN = /^(\S+): not shown: (.*)$/gm;
/** What that script has printed, in the folder that it wrote. */
const PRINTED = 'printed.txt';

const pictureOf = (name: string, width: number, theme: string): string => `${name}-${String(width)}-${theme}.png`;

/** Puts the pictures of a scene that another revision has written before those of this one. */
const makePairs = async (name: string, earlier: string): Promise<void> => {
  const had = new Set(await readdir(earlier));
  for (const [width] of sizes)
    for (const theme of THEMES) {
      const picture = pictureOf(name, width, theme);
      if (!had.has(picture)) continue;
      await makeSheet(`pairs/${picture.slice(0, -4)}`, [path.join(earlier, picture), path.join(folder, picture)], 2);
    }
};

/** Writes the page of all pairs, and says which scenes have none. `unseen`: scenes that were not shown here, and why. */
const listPairs = async (earlier: string, unseen: ReadonlyMap<string, string>): Promise<void> => {
  const pictured = async (of: string): Promise<ReadonlySet<string>> =>
    new Set((await readdir(of)).flatMap((name) => /^(.+)-\d+-(?:light|dark)\.png$/.exec(name)?.[1] ?? []));
  const pairs = (await readdir(path.join(folder, 'pairs'))).filter((name) => name.endsWith('.png')).sort();
  const [had, have] = [await pictured(earlier), await pictured(folder)];
  const printed = await readFile(path.join(earlier, PRINTED), 'utf8').catch((error: unknown) => {
    if (fileErrorCode(error) === 'ENOENT') return '';
    throw error;
  });
  const unseenThere = new Map([...printed.matchAll(NOT_SHOWN)].map(([, name = '', why = '']) => [name, why]));
  const alone = [...had.union(have).union(unseenThere).union(unseen)].filter(
    (name) => !had.has(name) || !have.has(name),
  );
  const sentences = alone.sort().map((name) => {
    const sides = [
      ['before', had, unseenThere],
      ['after', have, unseen],
    ] as const;
    const reasons = sides.flatMap(([side, seen, failed]) =>
      seen.has(name) ? [] : [`${side}: ${failed.get(name) ?? 'its script has no such scene'}`],
    );
    return `${name} is in no pair (${reasons.join('; ')})`;
  });
  for (const sentence of sentences) console.log(sentence);
  const figures = pairs.map((name) => `<h2>${name.slice(0, -4)}</h2><img src="pairs/${name}">`);
  const notes = sentences.map((sentence) => `<li>${escapeHtml(sentence)}`);
  const style = '<style>body{font-family:sans-serif}img{width:100%}</style>';
  await writeFile(
    path.join(folder, 'pairs.html'),
    `<!doctype html><meta charset="utf-8"><title>Pairs</title>${style}<ul>${notes.join('')}</ul>${figures.join('')}`,
  );
  console.log(`${String(pairs.length)} pairs: ${path.join(folder, 'pairs.html')}`);
};

/** The view as it is printed from the dark theme: as PDF, and as a picture of its whole length. */
const onPaper = async (page: Page, name: string): Promise<void> => {
  await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
  await page.setViewportSize(PAPER);
  await page.waitForTimeout(PAINT_MS);
  await page.pdf({ path: path.join(folder, `${name}.pdf`), format: 'A4' });
  await page.screenshot({ path: path.join(folder, `${name}-paper.png`), fullPage: true });
  await page.emulateMedia({ media: 'screen' });
  await page.setViewportSize({ width: 1440, height: 900 });
};

const take = async (page: Page, { name, isOnPaper, isWhole = false, again }: Scene): Promise<void> => {
  for (const [width, height] of sizes) {
    await page.setViewportSize({ width, height });
    await again?.(page);
    for (const theme of THEMES) {
      await page.emulateMedia({ colorScheme: theme });
      await page.waitForTimeout(PAINT_MS);
      await page.screenshot({ path: path.join(folder, pictureOf(name, width, theme)), fullPage: isWhole });
    }
    for (const fault of await faults(page)) console.log(`${name} at ${String(width)}: ${fault}`);
    if (width === 1440) for (const found of await axeFindings(page)) console.log(`${name}: ${found}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  if (isOnPaper === true) await onPaper(page, name);
  // Whole pages are too long for a sheet.
  if (isWhole) return;
  const files = (pictures: readonly (readonly [number, string])[]): readonly string[] =>
    pictures
      .filter(([width]) => sizes.some(([taken]) => taken === width))
      .map(([width, theme]) => path.join(folder, pictureOf(name, width, theme)));
  const first = files([
    [1440, 'light'],
    [1440, 'dark'],
  ]);
  const others = files([
    [1920, 'dark'],
    [1024, 'light'],
    [720, 'light'],
    [720, 'dark'],
  ]);
  if (first.length > 0) await makeSheet(`sheets/${name}-1440`, first);
  if (others.length > 0) await makeSheet(`sheets/${name}-other`, others);
  if (before !== undefined) await makePairs(name, before);
};

const REPORTS = [
  { name: 'report', make: (source: RunSource) => makeReport(source, SAMPLE_RUN) },
  {
    name: 'report-experiment',
    make: (source: RunSource) => makeExperimentReport(source, RECORDED_EXPERIMENT, undefined),
  },
] as const;

/** Reports as pages on screen in their whole length, and on paper. */
const reports = async (): Promise<void> => {
  const source = await openRunSource(await openWorkspace(workspace), resources);
  for (const { name, make } of REPORTS.filter((each) => isWanted(each.name))) {
    const { html } = await make(source);
    const file = path.join(base, `${name}.html`);
    await writeFile(file, html);
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    await take(page, { name, isOnPaper: true, isWhole: true, open: () => Promise.resolve() });
    await page.close();
  }
};

/** Shows scenes one after the other, and takes the pictures of those that are wanted. */
const show = async (folders: Parameters<typeof startServer>[0], scenes: readonly Scene[]): Promise<void> => {
  const { server, address } = await startServer(folders);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  try {
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => console.log(`page error: ${error.message}`));
    await page.goto(address);
    await page.getByRole('list', { name: 'Models' }).getByRole('listitem').first().waitFor({ timeout: READING_MS });
    for (const scene of scenes) {
      try {
        await scene.open(page);
      } catch (error) {
        const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
        console.log(`${scene.name}: not shown: ${why}`);
        notShown.set(scene.name, why);
        process.exitCode = 1;
        await page.keyboard.press('Escape');
        await page.keyboard.press('Escape');
        continue;
      }
      if (isWanted(scene.name)) await take(page, scene);
      if ((await page.getByRole('dialog').count()) > 0 || scene.name === 'full-screen' || scene.name === 'run-menu')
        await page.keyboard.press('Escape');
    }
  } finally {
    await page.close();
    await stopServer(server);
  }
};

/**
 * Lets another revision take its pictures, and keeps what its script prints: it goes on after a scene that it cannot
 * show, and then ends with an error.
 */
const takeBefore = (revision: string, into: string): void => {
  const clone = path.join(base, 'revision');
  mkdirSync(into, { recursive: true });
  addWorktree(revision, clone);
  try {
    execFileSync('npm', ['run', 'build'], { cwd: clone, stdio: ['ignore', 2, 2] });
    const script = path.join(clone, 'tests', 'bench', 'screens.ts');
    const knowsWidths = readFileSync(script, 'utf8').includes('--width');
    const asked = knowsWidths ? (widths ?? []).flatMap((width) => ['--width', width]) : [];
    const { stdout } = spawnSync(process.execPath, [script, into, ...asked, ...words], {
      cwd: clone,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 2],
    });
    console.log(stdout.replaceAll(/^(?=.)/gm, `${revision}: `));
    writeFileSync(path.join(into, PRINTED), stdout);
  } finally {
    removeWorktree(clone);
  }
};

/** Whether one of the scenes is asked for. */
const areWanted = (scenes: readonly Pick<Scene, 'name'>[]): boolean => scenes.some(({ name }) => isWanted(name));

try {
  if (against !== undefined && before !== undefined) takeBefore(against, before);
  const first = { workspace: path.join(base, 'first'), settings: path.join(base, 'first.json'), folder: base };
  const begin = firstScenes(first);
  if (areWanted(begin)) {
    const hub = await startLoopbackHub();
    await publishModel(hub);
    Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_HOME: path.join(base, 'hub') });
    try {
      await show(first, begin);
    } finally {
      await hub.close();
    }
  }
  const measured = measuredScenes({ workspace, settings, folder: base });
  if (areWanted([...measured, ...REPORTS])) {
    await makeRuns();
    await addRecordedExperiment(await openWorkspace(workspace), resources);
    await putRuns(workspace, 40);
    await reports();
    if (areWanted(measured)) await show({ workspace, settings }, measured);
  }
  if (before !== undefined) await listPairs(before, notShown);
} finally {
  await browser.close();
  await rm(base, { recursive: true, force: true });
}
