/**
 * Screenshots of every view and dialog in both themes at 1440 x 900, 1920 x 1080, 1024 x 768 and 720 x 450, and of the
 * sample's report on paper, for a person to look at. Prints texts that are cut without an ellipsis or a scroll bar, and pages
 * that are wider than the window, and what axe-core finds in both themes.
 *
 * Method: `uncurl serve` on a workspace with the sample and the recorded experiment, and Chromium on the built page
 * (`npm run build` first). Writes `SCENE-WIDTH-THEME.png`, two sheets of each scene (`sheets/`) and `report.pdf`.
 * Usage: npx node tests/bench/screens.ts FOLDER [WORD ...]: only scenes whose names contain one of the words.
 */
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, expect, type Locator, type Page } from '@playwright/test';
import { createSubmissions } from '../../main/cluster/submissions.ts';
import { clusterRequest, type ClusterWork } from '../../main/contract/cluster.ts';
import { type RunManifest, runManifest } from '../../main/contract/run.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { makeReport } from '../../main/report/report-page.ts';
import { openRunSource } from '../../main/runs/run-source.ts';
import { addRecordedExperiment } from '../../main/sample/sample-run.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { axeFindings } from '../e2e/axe-findings.ts';
import { putRuns } from '../e2e/many-runs.ts';
import { openDetails, openSweep, resources, showWhole, tab } from '../e2e/page-steps.ts';
import { startServer, stopServer } from '../e2e/workbench.ts';

const SIZES = [
  [1440, 900],
  [1920, 1080],
  [1024, 768],
  [720, 450],
] as const;
const THEMES = ['light', 'dark'] as const;
/** Canvases are repainted after a change of theme or size. */
const PAINT_MS = 350;
/** The first reading of the sample takes seconds on a busy machine. */
const READING_MS = 120_000;
/** A4 at 96 dots an inch. */
const PAPER = { width: 794, height: 1123 };

const base = await mkdtemp(path.join(os.tmpdir(), 'uncurl-screens-'));

interface Scene {
  readonly name: string;
  /** Shows it; it stays shown while the window changes its size. */
  readonly open: (page: Page) => Promise<void>;
}

const header = (page: Page): Locator => page.getByRole('region', { name: 'What is on screen' });
const dialog = (page: Page, name: string | RegExp): Locator => page.getByRole('dialog', { name });

const choose = async (page: Page, model: string, task: string, method: string): Promise<void> => {
  await header(page).getByLabel('Model', { exact: true }).selectOption({ label: model });
  await header(page).getByLabel('Task', { exact: true }).selectOption({ label: task });
  await header(page).getByLabel('Method', { exact: true }).selectOption({ label: method });
};

const command = async (page: Page, typed: string): Promise<void> => {
  await page.keyboard.press('Control+k');
  await expect(dialog(page, 'Commands').getByRole('combobox')).toBeFocused();
  await page.keyboard.type(typed);
  await page.keyboard.press('Enter');
};

const showPanels = async (page: Page): Promise<void> => {
  for (const panel of ['sidebar', 'inspector']) {
    const toggle = page.getByRole('button', { name: `Show or hide the ${panel}` });
    if ((await toggle.getAttribute('aria-pressed')) === 'false') await toggle.click();
  }
};

const inInspector = async (page: Page, name: string): Promise<void> => {
  await showPanels(page);
  await page.getByRole('complementary', { name: 'Inspector' }).getByRole('tab', { name, exact: true }).click();
};

const byKeys = (name: string, keys: string, title: string | RegExp): Scene => ({
  name,
  open: async (page) => {
    // A text field that has the focus would take the keys.
    await page.getByRole('main').focus();
    await page.keyboard.press(keys);
    await dialog(page, title).waitFor();
  },
});

const byCommand = (name: string, typed: string, title: string | RegExp): Scene => ({
  name,
  open: async (page) => {
    await command(page, typed);
    await dialog(page, title).waitFor();
  },
});

const ofRun = (name: string, item: string | RegExp, title: string | RegExp): Scene => ({
  name,
  open: async (page) => {
    await showPanels(page);
    const run = page.getByRole('list', { name: 'Runs' }).getByRole('listitem').filter({ hasText: 'Sample' }).first();
    await run.hover();
    await run.getByRole('button', { name: /^More for/ }).click();
    await page.getByRole('menuitem', { name: item }).click();
    await dialog(page, title).waitFor();
  },
});

/** The first run with a text, alone in the list. */
const rowOf = async (page: Page, text: string): Promise<Locator> => {
  await showPanels(page);
  await page.getByRole('searchbox', { name: 'Filter runs' }).fill(text);
  return page.getByRole('list', { name: 'Runs' }).getByRole('listitem').filter({ hasText: text }).first();
};

const scenes: readonly Scene[] = [
  {
    name: 'workbench',
    open: async (page) => {
      await choose(page, 'uncurl-32', 'Sorting', 'REAP');
      await page.getByRole('application', { name: /3 layers by 32 experts/ }).waitFor();
      await showWhole(page, 'Workbench');
    },
  },
  {
    name: 'workbench-table',
    open: async (page) => {
      await page.getByRole('radiogroup', { name: 'Map or table' }).getByRole('radio', { name: 'Table' }).click();
      const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
      await modes.getByRole('radio', { name: 'Table' }).click();
      await page.getByRole('region', { name: 'Every measured point of this sweep' }).waitFor();
    },
  },
  {
    name: 'workbench-all-tasks',
    open: async (page) => {
      await page.getByRole('radiogroup', { name: 'Map or table' }).getByRole('radio', { name: 'Map' }).click();
      const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
      await modes.getByRole('radio', { name: 'All tasks' }).click();
      await page.locator('.curve-panel').first().waitFor();
    },
  },
  {
    name: 'workbench-scrolled',
    open: async (page) => {
      const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
      await modes.getByRole('radio', { name: 'Difference' }).click();
      await page.getByRole('button', { name: 'Start sweep' }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'expert',
    open: async (page) => {
      await page.getByRole('application', { name: /3 layers by 32 experts/ }).focus();
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown']) await page.keyboard.press(key);
      await page.getByRole('region', { name: /^Layer 1, expert/ }).waitFor();
    },
  },
  {
    name: 'point',
    open: async (page) => {
      await page.keyboard.press('Escape');
      const point = page.locator('.difference-plot .curve-point[data-series="frequency"][data-at="4"]').first();
      await point.scrollIntoViewIfNeeded();
      const box = await point.boundingBox();
      if (box === null) throw new Error('the point is not on the page');
      await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      await page.getByRole('region', { name: 'Selected point' }).waitFor();
      await page.mouse.move(2, 2);
    },
  },
  { name: 'model', open: (page) => inInspector(page, 'Model') },
  {
    name: 'full-screen',
    open: async (page) => {
      await page
        .getByRole('button', { name: /full screen/i })
        .first()
        .click();
    },
  },
  {
    name: 'thresholds',
    open: async (page) => {
      await tab(page, 'Thresholds');
      await page.locator('.thresholds > details').nth(4).waitFor({ timeout: READING_MS });
      await showWhole(page, 'Thresholds');
    },
  },
  {
    name: 'thresholds-details',
    open: async (page) => {
      await openDetails(page);
      await page
        .locator('.thresholds > details')
        .first()
        .evaluate((element) => element.scrollIntoView());
    },
  },
  ...[1, 2, 3, 4].map((index) => ({
    name: `thresholds-details-${String(index + 1)}`,
    open: (page: Page) =>
      page
        .locator('.thresholds > details')
        .nth(index)
        .evaluate((element) => element.scrollIntoView()),
  })),
  {
    name: 'thresholds-tables',
    open: async (page) => {
      await page.getByRole('radio', { name: 'Tables' }).click();
    },
  },
  {
    name: 'compare',
    open: async (page) => {
      await tab(page, 'Compare');
      await showWhole(page, 'Compare');
      await page.getByRole('combobox', { name: 'Model', exact: true }).selectOption('uncurl-32');
      await page.getByRole('combobox', { name: 'Factor', exact: true }).selectOption('4');
    },
  },
  {
    name: 'compare-ranks',
    open: (page) => page.getByRole('region', { name: 'Ranks by task' }).scrollIntoViewIfNeeded(),
  },
  {
    name: 'compare-table',
    open: async (page) => {
      await page.getByRole('main').getByRole('radio', { name: 'Table' }).click();
    },
  },
  {
    name: 'runs',
    open: async (page) => {
      await tab(page, 'Runs');
      await page.getByRole('searchbox', { name: 'Filter the table of runs' }).fill('');
      const sample = page.locator('.run-table tr').filter({ hasText: 'Sample' }).first();
      await sample.getByRole('button', { name: /^Show the points of/ }).click();
    },
  },
  {
    name: 'runs-chosen',
    open: async (page) => {
      await page.locator('.run-table tr').filter({ hasText: 'Sample' }).first().getByRole('checkbox').check();
      await page.getByRole('main').getByRole('region', { name: 'Chosen runs' }).waitFor();
    },
  },
  {
    name: 'beside',
    open: async (page) => {
      await choose(page, 'uncurl-8', 'Sorting', 'Random');
      await header(page).getByLabel('Factor', { exact: true }).selectOption({ label: '×2' });
      await tab(page, 'Side by side');
      const form = page.getByRole('form', { name: 'Prompt and plans' });
      await form.getByRole('button', { name: 'Keep for a second text' }).click();
      await page.waitForTimeout(1_000);
      await header(page).getByLabel('Factor', { exact: true }).selectOption({ label: '×4' });
      await form.getByLabel(/^Item of/).selectOption({ index: 1 });
      await expect(form.getByRole('button', { name: 'Write' })).toBeEnabled({ timeout: READING_MS });
      await form.getByLabel('Prompt', { exact: true }).press('Control+Enter');
      await page
        .getByRole('region', { name: /^First difference of/ })
        .first()
        .waitFor({ timeout: READING_MS });
    },
  },
  {
    name: 'model-map',
    open: async (page) => {
      await choose(page, 'uncurl-64', 'Sums', 'REAP');
      await tab(page, 'Map of models');
      await page.getByRole('region', { name: 'Map of models', exact: true }).waitFor({ timeout: READING_MS });
    },
  },
  { name: 'fit', open: (page) => tab(page, 'Fit') },
  byKeys('palette', 'Control+k', 'Commands'),
  byKeys('export', 'Control+Shift+E', 'Export'),
  byKeys('methods', 'Control+Shift+M', 'Methods'),
  byKeys('devices', 'Control+Shift+D', 'Devices'),
  byKeys('settings', 'Control+,', 'Settings'),
  byKeys('shortcuts', 'Shift+?', 'Keyboard shortcuts'),
  byCommand('documentation', 'documentation', 'Documentation'),
  {
    name: 'experiment',
    open: async (page) => {
      await command(page, 'recorded experiment');
      await dialog(page, 'Experiment').getByRole('img').first().waitFor({ timeout: READING_MS });
    },
  },
  ...(['Against unpruned', 'The paper’s table'] as const).map((name, index) => ({
    name: `experiment-${String(index + 2)}`,
    open: async (page: Page) => {
      await command(page, 'recorded experiment');
      await dialog(page, 'Experiment').getByRole('radio', { name }).click();
      await page.waitForTimeout(1_000);
    },
  })),
  byCommand('new-experiment', 'new experiment', 'New experiment'),
  byCommand('finetune', 'fine-tune', 'Fine-tune'),
  byCommand('trash', 'trash of runs', 'Trash of runs'),
  byCommand('open-model', 'open model folder', 'Open a model'),
  {
    name: 'calibration',
    open: async (page) => {
      const file = path.join(base, 'my-sums.jsonl');
      await copyFile(path.join(resources, 'tasks', 'add', 'test.jsonl'), file);
      await command(page, 'open task folder');
      await dialog(page, 'Open a task').getByRole('list', { name: 'Entries' }).getByRole('listitem').first().waitFor();
      await page.getByRole('textbox', { name: 'Path' }).fill(file);
      await page.keyboard.press('Enter');
      await dialog(page, /^Calibration items of/).waitFor();
    },
  },
  ofRun('run', 'Note, tags, details…', /sweep/),
  {
    name: 'sweeps-compared',
    open: async (page) => {
      await tab(page, 'Workbench');
      await showPanels(page);
      await page.getByRole('button', { name: 'Clear the choice' }).first().click();
      for (const text of ['Sums again', 'Sums first'])
        await (await rowOf(page, text)).locator('.row-main').click({ modifiers: ['Control'] });
      await page.getByRole('group', { name: 'Chosen runs' }).getByRole('button', { name: 'Compare' }).click();
      await dialog(page, 'Sweeps compared').getByRole('table').first().waitFor({ timeout: READING_MS });
    },
  },
  {
    name: 'reproduction',
    open: async (page) => {
      await (await rowOf(page, 'Reproduction')).locator('.row-main').click();
      await dialog(page, 'Reproduction').waitFor();
      await page.waitForTimeout(1_500);
    },
  },
  {
    name: 'exported',
    open: async (page) => {
      await (await rowOf(page, 'Export of')).locator('.row-main').click();
      await dialog(page, 'Export').waitFor();
      await page.waitForTimeout(1_500);
    },
  },
  {
    name: 'cluster-tasks',
    open: async (page) => {
      await page.getByRole('button', { name: /^Tasks of .* on the cluster$/ }).click();
      await dialog(page, 'Tasks on the cluster').waitFor();
    },
  },
  {
    name: 'cluster-fields',
    open: async (page) => {
      await tab(page, 'Workbench');
      await openSweep(page);
      await page.getByRole('radio', { name: 'Slurm cluster' }).click();
      await page.getByRole('button', { name: 'Submit sweep' }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'strange-run',
    open: async (page) => {
      await page.getByRole('radio', { name: 'This machine' }).click();
      const row = await rowOf(page, 'made elsewhere');
      await row.hover();
      await row.getByRole('button', { name: /^Resume/ }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'trash-full',
    open: async (page) => {
      await (await rowOf(page, 'verify 039')).locator('.row-main').press('Delete');
      await command(page, 'trash of runs');
      await dialog(page, 'Trash of runs').getByRole('listitem').first().waitFor();
    },
  },
  {
    name: 'save-menu',
    open: async (page) => {
      await page.getByRole('searchbox', { name: 'Filter runs' }).fill('');
      await tab(page, 'Thresholds');
      await page.getByRole('button', { name: 'Save figure' }).first().click();
      await page.getByRole('menuitem').first().waitFor();
    },
  },
  {
    name: 'columns',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await tab(page, 'Runs');
      await page.getByRole('main').getByText('Columns', { exact: true }).click();
    },
  },
  {
    name: 'definition',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await tab(page, 'Workbench');
      await showPanels(page);
      await header(page).getByText('Method', { exact: true }).hover();
      await page.getByRole('tooltip').waitFor();
    },
  },
  {
    name: 'drop',
    open: async (page) => {
      await page.mouse.move(2, 2);
      const data = await page.evaluateHandle(() => {
        const held = new DataTransfer();
        held.items.add(new File(['{}'], 'plan.json'));
        return held;
      });
      await page.dispatchEvent('body', 'dragenter', { dataTransfer: data });
    },
  },
  {
    name: 'task',
    open: async (page) => {
      await showPanels(page);
      const row = page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').first();
      await row.hover();
      await row.getByRole('button', { name: /^Items of/ }).click();
      await dialog(page, 'Sums').waitFor();
    },
  },
  {
    name: 'items-of-point',
    open: async (page) => {
      await inInspector(page, 'Point');
      await page.getByRole('button', { name: 'Show all items' }).click();
      await dialog(page, /^Items of/).waitFor();
    },
  },
  {
    name: 'run-menu',
    open: async (page) => {
      await page.mouse.move(3, 3);
      await showPanels(page);
      const run = page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first();
      await run.click({ button: 'right' });
      await page.getByRole('menuitem').first().waitFor();
    },
  },
];

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

const [folder, ...words] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name the folder to write into.');
await mkdir(path.join(folder, 'sheets'), { recursive: true });
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

await makeRuns();
await addRecordedExperiment(await openWorkspace(workspace), resources);
await putRuns(workspace, 40);
const { server, address } = await startServer({ workspace, settings });
const browser = await chromium.launch({
  executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});

/** A picture of several screenshots under each other, for one look. */
const makeSheet = async (name: string, files: readonly string[]): Promise<void> => {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const images = await Promise.all(
    files.map(async (file) => `data:image/png;base64,${(await readFile(path.join(folder, file))).toString('base64')}`),
  );
  await page.setContent(images.map((source) => `<img style="display:block;width:100%" src="${source}">`).join(''));
  await page.screenshot({ path: path.join(folder, 'sheets', `${name}.png`), fullPage: true });
  await page.close();
};

const report = async (): Promise<void> => {
  const { html } = await makeReport(await openRunSource(await openWorkspace(workspace), resources), 'sample');
  const file = path.join(base, 'report.html');
  await writeFile(file, html);
  const page = await browser.newPage({ viewport: PAPER });
  await page.goto(pathToFileURL(file).href);
  await page.pdf({ path: path.join(folder, 'report.pdf'), format: 'A4', printBackground: true });
  await page.close();
};

try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => console.log(`page error: ${error.message}`));
  await page.goto(address);
  await page.getByRole('list', { name: 'Models' }).getByRole('listitem').first().waitFor({ timeout: READING_MS });
  await page.getByRole('list', { name: 'Runs' }).getByText('Sample').waitFor({ timeout: READING_MS });
  if (words.length === 0 || words.includes('report')) await report();
  for (const { name, open } of scenes) {
    try {
      await open(page);
    } catch (error) {
      console.log(`${name}: not shown: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''}`);
      process.exitCode = 1;
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      continue;
    }
    const isWanted = words.length === 0 || words.some((word) => name.includes(word));
    for (const [width, height] of isWanted ? SIZES : []) {
      await page.setViewportSize({ width, height });
      for (const theme of THEMES) {
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForTimeout(PAINT_MS);
        await page.screenshot({ path: path.join(folder, `${name}-${String(width)}-${theme}.png`) });
      }
      for (const fault of await faults(page)) console.log(`${name} at ${String(width)}: ${fault}`);
      if (width === 1440) for (const found of await axeFindings(page)) console.log(`${name}: ${found}`);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    if (isWanted) {
      await makeSheet(`${name}-1440`, [`${name}-1440-light.png`, `${name}-1440-dark.png`]);
      await makeSheet(`${name}-other`, [
        `${name}-1920-dark.png`,
        `${name}-1024-light.png`,
        `${name}-720-light.png`,
        `${name}-720-dark.png`,
      ]);
    }
    if ((await page.getByRole('dialog').count()) > 0 || name === 'full-screen' || name === 'run-menu')
      await page.keyboard.press('Escape');
  }
} finally {
  await browser.close();
  await stopServer(server);
  await rm(base, { recursive: true, force: true });
}
