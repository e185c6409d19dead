import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from '@playwright/test';
import type { Download, Locator, Page } from '@playwright/test';
import { createMadeEnvironments, environmentPython } from '../../main/finetune/made-environments.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import type { Workbench } from './workbench.ts';

export const resources = path.resolve(import.meta.dirname, '../../resources');
const screenshots = path.join(import.meta.dirname, 'screenshots');
const errorsOf = new WeakMap<Page, string[]>();
/** Uncaught errors of the page, collected from the first call on (by `workbench`, before it loads); tests expect none. */
export const pageErrors = (page: Page): string[] => {
  const known = errorsOf.get(page);
  if (known !== undefined) return known;
  const problems: string[] = [];
  errorsOf.set(page, problems);
  page.on('pageerror', (error) => problems.push(error.message));
  return problems;
};

/** Canvases are repainted after a change of theme. */
const PAINT_MS = 200;

/** Types a path into the folder dialog of a host without native dialogs, which then lists that folder. */
export const typeFolder = async (dialog: Locator, folder: string): Promise<void> => {
  const field = dialog.getByRole('textbox', { name: 'Path' });
  await expect(field).not.toHaveValue('');
  await field.fill(folder);
  await field.press('Enter');
  await expect(dialog.getByRole('list', { name: 'Entries' })).toHaveAttribute('data-folder', folder);
};

/**
 * The same with the keyboard only, if the dialog has the focus. The path of the first folder arrives late and would
 * reset the selected text.
 */
export const typePath = async (page: Page, typed: string): Promise<void> => {
  const field = page.getByRole('textbox', { name: 'Path' });
  await expect(field).toBeFocused();
  await expect(field).not.toHaveValue('');
  await page.keyboard.press('Control+a');
  await page.keyboard.type(typed);
  await page.keyboard.press('Enter');
};

/** Ticks only the tasks with these titles and profiles the model on screen with them, until its map is shown. */
export const profileOn = async (page: Page, titles: readonly string[]): Promise<void> => {
  await page.getByRole('button', { name: 'None', exact: true }).click();
  for (const title of titles) await page.getByRole('checkbox', { name: `Use ${title}`, exact: true }).check();
  await page.getByRole('button', { name: 'Profile ticked tasks' }).click();
  await expect(page.getByRole('application', { name: /3 layers by 8 experts/ })).toBeVisible({
    timeout: HANG_LIMIT_MS,
  });
};

/** The next download of a file with this ending: a table's manifest is saved beside it, in either order. */
export const download = (page: Page, ending: string): Promise<Download> =>
  page.waitForEvent('download', (each) => each.suggestedFilename().endsWith(ending));

/** Shows a view. */
export const tab = (page: Page, name: string): Promise<void> => page.getByRole('tab', { name, exact: true }).click();

/** Opens the settings of the sweep at the foot of the workbench, with its advanced part, and returns the section. */
export const openSweep = async (page: Page): Promise<Locator> => {
  const sweep = page.getByRole('region', { name: 'Sweep', exact: true });
  const settings = sweep.getByRole('button', { name: 'Sweep settings' });
  if ((await settings.getAttribute('aria-expanded')) !== 'true') await settings.click();
  const advanced = sweep.locator('details').filter({ hasText: /^Advanced/ });
  if ((await advanced.getAttribute('open')) === null) await advanced.locator('> summary').click();
  return sweep;
};

/** Opens a task file by the window's native dialog, or by its path in a browser. */
export const openTaskFile = async ({ page, answerFolderDialog }: Workbench, file: string): Promise<void> => {
  await expect(page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').first()).toBeVisible();
  if (answerFolderDialog === null) {
    await page.getByRole('button', { name: 'Open task folder' }).click();
    await typePath(page, file);
    return;
  }
  await answerFolderDialog(file);
  await page.keyboard.press('Control+K');
  await expect(page.getByRole('dialog', { name: 'Commands' }).getByRole('combobox')).toBeFocused();
  await page.keyboard.type('open task file');
  await page.keyboard.press('Enter');
};

/** Chooses the folder of an export: in the window's native dialog, or by its path in the folder browser. */
export const chooseExportFolder = async ({ page, exports, answerFolderDialog }: Workbench): Promise<void> => {
  await answerFolderDialog?.(exports);
  const form = page.getByRole('region', { name: 'Export', exact: true });
  await form.getByRole('button', { name: 'Choose the folder to write into' }).click();
  if (answerFolderDialog === null) {
    const dialog = page.getByRole('dialog', { name: 'Export into' });
    await typeFolder(dialog, exports);
    await dialog.getByRole('button', { name: 'Export into this folder' }).click();
  }
  await expect(form.getByText(exports)).toBeVisible();
};

/** Makes a Python the workspace's own environment. */
export const useOwnPython = async (
  { workspace, settings }: { readonly workspace: string; readonly settings: string },
  python: string,
): Promise<void> => {
  await createMadeEnvironments(stateFolder(settings)).make(workspace);
  const own = environmentPython(workspace);
  await mkdir(path.dirname(own), { recursive: true });
  await writeFile(own, `#!/bin/sh\nexec ${python} "$@"\n`);
  await chmod(own, 0o755);
};

/** Position of a drawn point in window coordinates (its bounding box would include the interval). */
export const centerOf = async (point: Locator): Promise<{ readonly x: number; readonly y: number }> => {
  await expect(point).toHaveAttribute('data-x', /\d/);
  return point.evaluate((dot) => {
    dot.scrollIntoView({ block: 'center' });
    const { left, top } = dot.closest('.curve-chart')?.getBoundingClientRect() ?? { left: 0, top: 0 };
    return { x: left + Number(dot.getAttribute('data-x')), y: top + Number(dot.getAttribute('data-y')) };
  });
};

/** Opens the panel of the threshold rule, whose margin the views share. */
export const openRule = async (page: Page): Promise<Locator> => {
  const panel = page.getByRole('group', { name: 'Threshold rule' });
  if (!(await panel.isVisible())) await page.getByRole('button', { name: /^loses at most/ }).click();
  return panel;
};

/** Opens the options of the routing map: what is subtracted, the order and the colours. */
export const openMapOptions = async (page: Page): Promise<Locator> => {
  const panel = page.getByRole('group', { name: 'Map options' });
  if (!(await panel.isVisible())) await page.getByRole('button', { name: 'Options', exact: true }).click();
  return panel;
};

/** Opens the ranks of the Compare view, task by task. */
export const openRanks = async (page: Page): Promise<Locator> => {
  const ranks = page.getByRole('main').getByRole('region', { name: 'Ranks by task' });
  const summary = page.getByRole('main').locator('summary', { hasText: /^Task by task/ });
  await expect(summary).toBeVisible();
  if (!(await ranks.isVisible())) await summary.click();
  await expect(ranks).toBeVisible();
  return ranks;
};

/** The engine reads a sweep for the first time: minutes of processor time on a busy machine. */
const firstReading = { timeout: HANG_LIMIT_MS } as const;

/** Shows a view of the sample, and waits for all of its engine answers. */
export const showWhole = async (page: Page, view: 'Workbench' | 'Thresholds' | 'Compare'): Promise<void> => {
  await tab(page, view);
  const main = page.getByRole('main');
  switch (view) {
    case 'Workbench':
      for (const plot of [0, 1])
        await expect(main.locator('.difference-plot').nth(plot).locator('.curve-point').first()).toBeVisible(
          firstReading,
        );
      await expect(main.getByRole('button', { name: 'Start sweep' })).toBeEnabled();
      return;
    case 'Thresholds':
      await expect(main.getByRole('region', { name: 'Best threshold of every model and task' })).toBeVisible(
        firstReading,
      );
      await expect(main.locator('.thresholds > details')).toHaveCount(5, firstReading);
      return;
    case 'Compare':
      await expect(main.locator('.compare[aria-busy="false"]')).toBeVisible(firstReading);
      await expect(main.getByRole('region', { name: 'Methods over tasks' })).toBeVisible();
      await openRanks(page);
  }
};

/** Opens the collapsed details of the Thresholds view. */
export const openDetails = async (page: Page): Promise<void> => {
  const details = page.getByRole('main').locator('.thresholds > details');
  // They depend on two engine answers.
  await expect(details).toHaveCount(5, firstReading);
  for (const each of await details.all())
    if ((await each.getAttribute('open')) === null) await each.locator('> summary').click();
  await expect(page.getByRole('main').locator('.thresholds > details[open]')).toHaveCount(5);
};

/**
 * Screenshots in both themes for a person to look at, if UNCURL_TEST_SCREENSHOTS is 1: nothing is asserted about them,
 * and each takes a second.
 */
export const photograph = async ({ page, host }: Workbench, view: string): Promise<void> => {
  if (process.env['UNCURL_TEST_SCREENSHOTS'] !== '1') return;
  await mkdir(screenshots, { recursive: true });
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.waitForTimeout(PAINT_MS);
    await page.screenshot({ path: path.join(screenshots, `${host}-${view}-${theme}.png`) });
  }
};
