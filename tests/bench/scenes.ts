/** What screens.ts takes pictures of, in the order in which it is shown: each scene goes on from the one before. */
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';
import {
  openDetails,
  openMapOptions,
  openRule,
  openSweep,
  resources,
  showWhole,
  tab,
  typeFolder,
  useOwnPython,
} from '../e2e/page-steps.ts';

/** The first reading of the sample takes seconds on a busy machine. */
export const READING_MS = 120_000;

export interface Scene {
  readonly name: string;
  /** Shows it; it stays shown while the window changes its size. */
  readonly open: (page: Page) => Promise<void>;
  /** Shows anew what a change of the window's size closes. */
  readonly again?: (page: Page) => Promise<void>;
  /** Whether it is also printed. */
  readonly isOnPaper?: boolean;
  /** Whether its pictures show the whole page, not only what the window shows of it. */
  readonly isWhole?: boolean;
}

/** Folders of the server that shows the scenes. */
export interface SceneFolders {
  readonly workspace: string;
  readonly settings: string;
  /** For files to open and a stand-in for a Python. */
  readonly folder: string;
}

const header = (page: Page): Locator => page.getByRole('region', { name: 'What is on screen' });
export const dialog = (page: Page, name: string | RegExp): Locator => page.getByRole('dialog', { name });

export const choose = async (page: Page, model: string, task: string, method: string): Promise<void> => {
  await header(page).getByLabel('Model', { exact: true }).selectOption({ label: model });
  await header(page).getByLabel('Task', { exact: true }).selectOption({ label: task });
  await header(page).getByLabel('Method', { exact: true }).selectOption({ label: method });
};

export const command = async (page: Page, typed: string): Promise<void> => {
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

/** Shows a definition as the keyboard does: its word has the focus. */
const showDefinition = async (word: Locator): Promise<void> => {
  await word.blur();
  await word.focus();
  await word.page().getByRole('tooltip').waitFor();
};

const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';

/** The form of an export that is compared with transformers, filled in: of a plan that was never measured. */
const openReferee = async (page: Page, { workspace, settings, folder }: SceneFolders): Promise<Locator> => {
  if (python === '') throw new Error('UNCURL_INTEROP_PYTHON names no Python with PyTorch and transformers');
  await useOwnPython({ workspace, settings }, python);
  const into = path.join(folder, 'referee');
  await mkdir(into, { recursive: true });
  await page.reload();
  await choose(page, 'uncurl-8', 'Sums', 'Random');
  await page.getByRole('main').focus();
  await page.keyboard.press('Control+Shift+E');
  const form = page.getByRole('region', { name: 'Export', exact: true });
  const compare = form.getByRole('checkbox', { name: 'Compare with transformers' });
  await expect(compare).toBeEnabled({ timeout: READING_MS });
  await compare.check();
  await form.getByRole('button', { name: 'Choose the folder to write into' }).click();
  const door = dialog(page, 'Export into');
  await typeFolder(door, into);
  await door.getByRole('button', { name: 'Export into this folder' }).click();
  await form.getByLabel('Name of the new folder').fill('compared');
  await form.getByRole('button', { name: 'Export and verify' }).click();
  await form.getByRole('button', { name: 'Export all the same' }).waitFor();
  return form;
};

/** Scenes of a workspace with the sample, the recorded experiment and runs of the engine. */
export const measuredScenes = (folders: SceneFolders): readonly Scene[] => [
  {
    name: 'workbench',
    isOnPaper: true,
    open: async (page) => {
      await page.getByRole('list', { name: 'Runs' }).getByText('Sample').waitFor({ timeout: READING_MS });
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
    name: 'rule',
    open: async (page) => {
      await openRule(page);
    },
  },
  {
    name: 'map-options',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await openMapOptions(page);
    },
  },
  {
    name: 'more-charts',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'More', exact: true }).click();
      await page.getByRole('menuitem').first().waitFor();
    },
  },
  {
    name: 'area',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await page.getByRole('application', { name: /3 layers by 32 experts/ }).focus();
      for (const key of ['ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowDown'])
        await page.keyboard.press(key);
      await page.getByRole('region', { name: 'Experts of the area' }).waitFor();
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
    isOnPaper: true,
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
    isOnPaper: true,
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
    name: 'definition-in-table',
    open: () => Promise.resolve(),
    again: (page) =>
      showDefinition(page.getByRole('main').getByRole('columnheader').getByText('Difference', { exact: true }).first()),
  },
  {
    name: 'runs',
    isOnPaper: true,
    open: async (page) => {
      await tab(page, 'Runs');
      await page.getByRole('searchbox', { name: 'Filter the table of runs' }).fill('');
      await page.locator('.run-table tr').filter({ hasText: 'Sample' }).first().waitFor();
    },
  },
  {
    name: 'runs-points',
    open: async (page) => {
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
    isOnPaper: true,
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
    isOnPaper: true,
    open: async (page) => {
      await choose(page, 'uncurl-64', 'Sums', 'REAP');
      await tab(page, 'Map of models');
      await page.getByRole('region', { name: 'Map of models', exact: true }).waitFor({ timeout: READING_MS });
    },
  },
  {
    name: 'two-models',
    open: async (page) => {
      const map = page.getByRole('region', { name: 'Map of models', exact: true });
      await page.getByRole('button', { name: 'Compare two' }).click();
      await map.getByRole('button', { name: /^REAP ×4: / }).click();
      await map.getByRole('button', { name: /^Frequency ×4: / }).click();
      await page
        .getByRole('region', { name: /^Slices by/ })
        .first()
        .waitFor({ timeout: READING_MS });
    },
  },
  {
    name: 'model-map-trained',
    open: async (page) => {
      await page.getByRole('button', { name: 'Close the comparison' }).click();
      await header(page).getByLabel('Model', { exact: true }).selectOption({ label: 'switch-32' });
      await page.getByRole('region', { name: /^Map of models of the experiment/ }).waitFor({ timeout: READING_MS });
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
      const file = path.join(folders.folder, 'my-sums.jsonl');
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
    name: 'trash-confirmed',
    open: async (page) => {
      await command(page, 'trash of runs');
      await dialog(page, 'Trash of runs').getByRole('button', { name: 'Empty the trash…' }).click();
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
    },
    again: (page) => showDefinition(header(page).getByText('Method', { exact: true })),
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
  {
    name: 'referee',
    open: async (page) => {
      await openReferee(page, folders);
    },
    again: (page) =>
      page
        .getByRole('checkbox', { name: 'Compare with transformers' })
        .evaluate((element) => element.scrollIntoView({ block: 'center' })),
  },
  {
    name: 'referee-outcome',
    open: async (page) => {
      const form = await openReferee(page, folders);
      await form.getByRole('button', { name: 'Export all the same' }).click();
      const outcome = page.getByRole('region', { name: 'Outcome' });
      await expect(outcome).toContainText(/compared.*Verified: /s, { timeout: READING_MS });
    },
    again: async (page) => {
      const outcome = page.getByRole('region', { name: 'Outcome' });
      await outcome.evaluate((element) => element.scrollIntoView());
    },
  },
];
