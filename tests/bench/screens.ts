/**
 * Screenshots of every view and dialog in both themes at 1440 x 900, 1920 x 1080 and 1024 x 700, and of the sample's
 * report on paper, for a person to look at. Prints texts that are cut without an ellipsis or a scroll bar, and pages
 * that are wider than the window.
 *
 * Method: `uncurl serve` on a workspace with the sample and the recorded experiment, and Chromium on the built page
 * (`npm run build` first). Writes `SCENE-WIDTH-THEME.png`, two sheets of each scene (`sheets/`) and `report.pdf`.
 * Usage: npx node tests/bench/screens.ts FOLDER [WORD ...]: only scenes whose names contain one of the words.
 */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, expect, type Locator, type Page } from '@playwright/test';
import { makeReport } from '../../main/report/report-page.ts';
import { openRunSource } from '../../main/runs/run-source.ts';
import { addRecordedExperiment } from '../../main/sample/recorded-experiment.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { putRuns } from '../e2e/many-runs.ts';
import { openDetails, resources, showWhole, tab } from '../e2e/page-steps.ts';
import { startServer, stopServer } from '../e2e/workbench.ts';

const SIZES = [
  [1440, 900],
  [1920, 1080],
  [1024, 700],
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
      const modes = page.getByRole('radiogroup', { name: 'Chart below the map' });
      await modes.getByRole('radio', { name: 'Table' }).click();
      await page.getByRole('region', { name: 'Every measured point of this sweep' }).waitFor();
    },
  },
  {
    name: 'workbench-all-tasks',
    open: async (page) => {
      await page.getByRole('radiogroup', { name: 'Map or table' }).getByRole('radio', { name: 'Map' }).click();
      const modes = page.getByRole('radiogroup', { name: 'Chart below the map' });
      await modes.getByRole('radio', { name: 'All tasks' }).click();
      await page.locator('.curve-panel').first().waitFor();
    },
  },
  {
    name: 'workbench-scrolled',
    open: async (page) => {
      const modes = page.getByRole('radiogroup', { name: 'Chart below the map' });
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
      const point = page.locator('.difference-plot .curve-point[data-method="frequency"][data-factor="4"]').first();
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
      await page.locator('.thresholds > details').first().scrollIntoViewIfNeeded();
    },
  },
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
      await page.getByRole('region', { name: 'Ranks by task' }).waitFor({ timeout: READING_MS });
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
      await form.getByLabel('Prompt', { exact: true }).press('Control+Enter');
      await page
        .getByRole('region', { name: /^First difference of/ })
        .first()
        .waitFor();
    },
  },
  byKeys('palette', 'Control+k', 'Commands'),
  byKeys('export', 'Control+Shift+E', 'Export'),
  byKeys('methods', 'Control+Shift+M', 'Methods'),
  byKeys('devices', 'Control+Shift+D', 'Devices'),
  byKeys('settings', 'Control+,', 'Settings'),
  byKeys('shortcuts', 'Shift+?', 'Keyboard shortcuts'),
  byCommand('documentation', 'documentation', 'Documentation'),
  byCommand('experiment', 'recorded experiment', 'Experiment'),
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
const { server, address } = await startServer({ workspace, settings: path.join(base, 'settings.json') });
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

/** The sample, added as a person adds it, so that its profiles are there too; then the experiment and other runs. */
const fillWorkspace = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Add the sample sweep' }).click();
  await page.getByRole('list', { name: 'Runs' }).getByText('Sample').waitFor({ timeout: READING_MS });
  await addRecordedExperiment(await openWorkspace(workspace), resources);
  await putRuns(workspace, 40);
  await page.reload();
  await page.getByRole('list', { name: 'Runs' }).getByText('Sample').waitFor({ timeout: READING_MS });
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
  await page.getByRole('list', { name: 'Models' }).getByRole('listitem').first().waitFor();
  if (words.length === 0) await page.screenshot({ path: path.join(folder, 'empty.png') });
  await fillWorkspace(page);
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
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    if (isWanted) {
      await makeSheet(`${name}-1440`, [`${name}-1440-light.png`, `${name}-1440-dark.png`]);
      await makeSheet(`${name}-other`, [`${name}-1920-dark.png`, `${name}-1024-light.png`]);
    }
    if ((await page.getByRole('dialog').count()) > 0 || name === 'full-screen' || name === 'run-menu')
      await page.keyboard.press('Escape');
  }
} finally {
  await browser.close();
  await stopServer(server);
  await rm(base, { recursive: true, force: true });
}
