import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';
import { rememberJudgingPython } from '../../main/harness/judging-python.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { standInHarness } from '../e2e/stand-in-harness.ts';
import { openSweep, profileOn, resources, tab } from '../e2e/page-steps.ts';
import type { LoopbackHub } from '../integration/loopback-hub.ts';
import { choose, command, dialog, READING_MS, type Scene, type SceneFolders } from './scenes.ts';

/** A name whose files a loopback Hub serves. */
const HUB_ID = 'someone/uncurl-8';

/** Lets a loopback Hub serve one of the bundled models. */
export const publishModel = async (hub: LoopbackHub): Promise<void> => {
  const folder = path.join(resources, 'models', 'uncurl-8');
  const names = (await readdir(folder)).filter((name) => !name.endsWith('.jsonl'));
  const files = await Promise.all(names.map(async (name) => [name, await readFile(path.join(folder, name))] as const));
  hub.publish(HUB_ID, Object.fromEntries(files));
};

const nothingRuns = (page: Page): Promise<void> =>
  expect(page.getByText('No job is running.')).toBeVisible({ timeout: READING_MS });

/** Searches in the open door of models, until the Hub's are listed. */
const searchHub = async (page: Page): Promise<Locator> => {
  const door = dialog(page, 'Open a model');
  await door.getByText('On the Hub').click();
  await door.getByLabel('Name on the Hub').fill('uncurl');
  await door.getByRole('button', { name: 'Search' }).click();
  await door.getByRole('list', { name: 'Models on the Hub' }).getByText(HUB_ID).waitFor();
  return door;
};

/** The first hour in an empty workspace: doors, own files, jobs at work, the search for a size, the frontier. */
export const firstScenes = ({ workspace, settings, folder }: SceneFolders): readonly Scene[] => [
  { name: 'empty', open: (page) => page.getByRole('region', { name: 'Ways to begin' }).waitFor() },
  ...(['Thresholds', 'Compare', 'Runs', 'Side by side', 'Map of models', 'Fit'] as const).map((view) => ({
    name: `empty-${view.toLowerCase().replaceAll(' ', '-')}`,
    open: (page: Page) => tab(page, view),
  })),
  {
    name: 'connect',
    open: async (page) => {
      await tab(page, 'Workbench');
      await page.getByRole('button', { name: 'Connect to a machine…' }).click();
      await dialog(page, 'Connect to another machine').waitFor();
    },
  },
  {
    name: 'hub-door',
    open: async (page) => {
      await page.getByRole('button', { name: 'Open a model', exact: true }).click();
      await searchHub(page);
    },
  },
  {
    name: 'hub-model',
    open: async (page) => {
      await page.getByRole('button', { name: 'Open a model', exact: true }).click();
      const door = await searchHub(page);
      await door.getByRole('list', { name: 'Models on the Hub' }).getByText(HUB_ID).click();
      await door.getByRole('button', { name: /^Download/ }).waitFor();
    },
  },
  {
    name: 'open-task-without-python',
    open: async (page) => {
      await page.getByRole('button', { name: 'Open a task by name' }).click();
      await dialog(page, 'Open a task').getByRole('button', { name: 'Devices…' }).waitFor();
    },
  },
  {
    name: 'open-task',
    open: async (page) => {
      const tools = path.join(folder, 'tools');
      await mkdir(tools, { recursive: true });
      await writeFile(path.join(tools, 'python'), standInHarness);
      await chmod(path.join(tools, 'python'), 0o755);
      await rememberJudgingPython(stateFolder(settings), workspace, path.join(tools, 'python'));
      await page.reload();
      await page.getByRole('button', { name: 'Open a task by name' }).click();
      const door = dialog(page, 'Open a task');
      await door.getByRole('button', { name: 'List the tasks' }).click();
      await door.getByLabel('Name of a task').fill('river', { timeout: READING_MS });
      await door.getByRole('list', { name: 'Tasks of lm-evaluation-harness' }).getByText('river_names').waitFor();
    },
  },
  {
    name: 'open-task-chosen',
    open: async (page) => {
      await page.getByRole('button', { name: 'Open a task by name' }).click();
      const door = dialog(page, 'Open a task');
      await door.getByLabel('Name of a task').fill('river', { timeout: READING_MS });
      await door.getByRole('list', { name: 'Tasks of lm-evaluation-harness' }).getByText('river_code').click();
      await door.getByRole('button', { name: 'Import river_code' }).waitFor();
    },
  },
  {
    name: 'not-a-model',
    open: async (page) => {
      await command(page, 'open model folder');
      const field = dialog(page, 'Open a model').getByRole('textbox', { name: 'Path' });
      await expect(field).not.toHaveValue('');
      await field.fill(path.join(resources, 'tasks', 'add', 'test.jsonl'));
      await field.press('Enter');
      await page.getByRole('alert').first().waitFor();
    },
  },
  {
    name: 'not-profiled',
    open: async (page) => {
      await page.keyboard.press('Escape');
      await choose(page, 'uncurl-8', 'Sums', 'REAP');
      await page.getByRole('heading', { name: /is not profiled yet/ }).waitFor();
    },
  },
  {
    name: 'profiled',
    open: (page) => profileOn(page, ['Sums', 'Sorting']),
  },
  {
    name: 'fit-done',
    open: async (page) => {
      const file = path.join(folder, 'my-sums.jsonl');
      await copyFile(path.join(resources, 'tasks', 'add', 'test.jsonl'), file);
      await page.getByRole('button', { name: 'Open task folder' }).click();
      await dialog(page, 'Open a task').getByRole('list', { name: 'Entries' }).getByRole('listitem').first().waitFor();
      await page.getByRole('textbox', { name: 'Path' }).fill(file);
      await page.keyboard.press('Enter');
      await dialog(page, /^Calibration items of/)
        .getByRole('button', { name: 'Use these items' })
        .click();
      const form = page.getByRole('form', { name: 'The best model that fits' });
      await form.getByLabel('At most').fill('400 kB');
      await expect(form.getByRole('status')).toContainText('candidates fit', { timeout: READING_MS });
      await form.getByLabel('At most').press('Enter');
      const answer = page.getByRole('region', { name: 'Answer' });
      await expect(answer.getByRole('status').first()).toContainText(/^Recommended: /, { timeout: READING_MS });
      await expect(answer.getByRole('button', { name: 'Export and verify' })).toBeEnabled({ timeout: READING_MS });
    },
  },
  {
    name: 'fit-exported',
    open: async (page) => {
      const answer = page.getByRole('region', { name: 'Answer' });
      await answer.getByRole('button', { name: 'Export and verify' }).click();
      await expect(answer.getByRole('status', { name: 'Export' })).toContainText('Exported and verified', {
        timeout: READING_MS,
      });
    },
  },
  {
    name: 'fit-nothing',
    open: async (page) => {
      const answer = page.getByRole('region', { name: 'Answer' });
      await answer.getByRole('button', { name: 'Another search' }).click();
      const form = page.getByRole('form', { name: 'The best model that fits' });
      await form.getByLabel('At most').fill('10 kB');
      await form.getByRole('alert').waitFor();
    },
  },
  {
    name: 'sweep-running',
    open: async (page) => {
      await tab(page, 'Workbench');
      await choose(page, 'uncurl-8', 'Sums', 'REAP');
      await page.getByRole('button', { name: 'None', exact: true }).click();
      for (const task of ['Sums', 'Sorting'])
        await page.getByRole('checkbox', { name: `Use ${task}`, exact: true }).check();
      const sweep = await openSweep(page);
      for (const weights of ['q8_0', 'q5_1', 'q4_0'])
        await sweep.getByRole('group', { name: 'Weights' }).getByLabel(weights, { exact: true }).check();
      await sweep.getByRole('button', { name: 'Start sweep' }).click();
      await page.locator('.curve-point').first().waitFor({ timeout: READING_MS });
    },
  },
  {
    name: 'frontier',
    isOnPaper: true,
    open: async (page) => {
      await nothingRuns(page);
      await page.getByRole('button', { name: 'Sweep settings' }).click();
      await page.getByRole('button', { name: 'More', exact: true }).click();
      await page.getByRole('menuitem', { name: 'Frontier' }).click();
      const frontier = page.getByRole('region', { name: 'Accuracy against bytes' });
      await frontier.getByRole('list', { name: 'Curves' }).waitFor({ timeout: READING_MS });
    },
  },
  {
    name: 'frontier-comparisons',
    open: async (page) => {
      const frontier = page.getByRole('region', { name: 'Accuracy against bytes' });
      const summary = frontier.locator('summary', { hasText: 'Every comparison' });
      await summary.click();
      await summary.evaluate((element) => element.scrollIntoView());
    },
  },
  {
    name: 'model-map-weights',
    open: async (page) => {
      await tab(page, 'Map of models');
      await page.getByRole('region', { name: 'Map of models', exact: true }).waitFor({ timeout: READING_MS });
    },
  },
];
