import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from '@playwright/test';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { axeFindings } from './axe-findings.ts';
import { openDetails, openMapOptions, openRule, openSweep, resources, showWhole, tab } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

test('axe-core finds no violation in any view or dialog, in either theme', async ({ workbench }) => {
  const { page, exports } = workbench;
  /** With `part`: what has opened over a page that was checked before. */
  const isClean = async (what: string, part?: Locator): Promise<void> => {
    expect.soft(await axeFindings(page, part), what).toEqual([]);
  };
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
  await page.getByRole('button', { name: 'None', exact: true }).click();
  await page.getByRole('checkbox', { name: 'Use Sums', exact: true }).check();

  await test.step('the workbench before and after a profile', async () => {
    await expect(page.getByRole('heading', { name: /is not profiled yet/ })).toBeVisible();
    await expect(page.locator('.difference-plot')).toHaveCount(2);
    await isClean('not profiled');
    await page.getByRole('button', { name: 'Profile ticked tasks' }).click();
    const map = page.getByRole('application', { name: /3 layers by 8 experts/ });
    await expect(map).toBeVisible({ timeout: HANG_LIMIT_MS });
    await isClean('the plan');
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('region', { name: 'Layer 0, expert 0', exact: true })).toBeVisible();
    await isClean('an expert');
    await page.getByRole('radiogroup', { name: 'Map or table' }).getByRole('radio', { name: 'Table' }).click();
    const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
    await modes.getByRole('radio', { name: 'All tasks' }).click();
    await expect(page.locator('.curve-panel')).toHaveCount(18);
    await isClean('absolute curves and the table of the map');
    await modes.getByRole('radio', { name: 'Table' }).click();
    await page.getByRole('region', { name: 'Every measured point of this sweep' }).getByRole('row').nth(2).click();
    await expect(page.getByRole('region', { name: 'Selected point' })).toBeVisible();
    await isClean('every point, and one in full');
    await page.getByRole('tab', { name: 'Model', exact: true }).click();
    await expect(page.getByRole('region', { name: 'Selected model' })).toContainText('mixtral');
    await isClean('the model');
  });

  await test.step('what lies over the workbench: panels, menus, an area, the full screen, a tip', async () => {
    await page.getByRole('radiogroup', { name: 'Map or table' }).getByRole('radio', { name: 'Map' }).click();
    await page.getByRole('application', { name: /3 layers by 8 experts/ }).focus();
    await page.keyboard.press('Shift+ArrowRight');
    await expect(page.getByRole('region', { name: 'Experts of the area' })).toBeVisible();
    await isClean('an area');
    await page.keyboard.press('Escape');
    for (const open of [openRule, openMapOptions]) {
      const panel = await open(page);
      await isClean(open.name, panel);
      await page.keyboard.press('Escape');
      await expect(panel).toBeHidden();
    }
    await page.getByRole('button', { name: 'More', exact: true }).click();
    const more = page.getByRole('menuitem', { name: 'Loss' });
    await expect(more).toBeVisible();
    await isClean('more charts', page.getByRole('menu'));
    // A narrower window hides the button, and the focus with it.
    await page.setViewportSize({ width: 1024, height: 768 });
    await expect(more).toBeHidden();
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.keyboard.press('Escape');
    await expect(more).toBeHidden();
    await page
      .getByRole('button', { name: /full screen/i })
      .first()
      .click();
    await isClean('the full screen');
    await page.keyboard.press('Escape');
    await header.getByText('Method', { exact: true }).hover();
    await expect(page.getByRole('tooltip')).toBeVisible();
    await isClean('a tip', page.getByRole('tooltip'));
    await page.mouse.move(2, 2);
  });

  await test.step('the other views', async () => {
    await showWhole(page, 'Thresholds');
    await openDetails(page);
    await expect(page.getByRole('region', { name: 'Thresholds by REAP' })).toBeVisible();
    await isClean('thresholds');
    await page.getByRole('button', { name: 'Save figure' }).first().click();
    const saving = page.getByRole('menuitem', { name: 'SVG' });
    await expect(saving).toBeVisible();
    await isClean('ways to save', page.getByRole('menu'));
    await page.keyboard.press('Escape');
    await expect(saving).toBeHidden();
    await page.getByRole('radio', { name: 'Tables' }).click();
    await expect(page.getByRole('region', { name: /^Pruned large models compared with small ones/ })).toBeVisible();
    await isClean('thresholds as tables');
    await showWhole(page, 'Compare');
    await isClean('compare');
    await tab(page, 'Workbench');
  });

  await test.step('dialogs', async () => {
    for (const [keys, title] of [
      ['Control+k', 'Commands'],
      ['Control+Shift+E', 'Export'],
      ['Control+Shift+M', 'Methods'],
      ['Control+Shift+D', 'Devices'],
      ['Control+,', 'Settings'],
      ['Shift+?', 'Keyboard shortcuts'],
    ] as const) {
      await page.keyboard.press(keys);
      const dialog = page.getByRole('dialog', { name: title, exact: true });
      await expect(dialog).toBeVisible();
      await isClean(title);
      await page.keyboard.press('Escape');
      await expect(dialog).toBeHidden();
    }
    const row = page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').first();
    await row.hover();
    await row.getByRole('button', { name: 'Items of Sums', exact: true }).click();
    const items = page.getByRole('dialog', { name: 'Sums', exact: true });
    await expect(items.getByText('(right answer)').first()).toBeAttached();
    await isClean('items of a task');
    await page.keyboard.press('Escape');
    await expect(items).toBeHidden();
    for (const [button, content] of [
      ['Trash of runs', page.getByText('The trash is empty.')],
      ['Open task folder', page.getByRole('list', { name: 'Entries' }).getByRole('listitem').first()],
    ] as const) {
      await page.getByRole('button', { name: button, exact: true }).click();
      await expect(content).toBeVisible();
      await isClean(button);
      await page.keyboard.press('Escape');
      await expect(page.getByRole('dialog')).toBeHidden();
    }
    const run = page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first();
    await run.hover();
    await run.getByRole('button', { name: /^More for/ }).click();
    const details = page.getByRole('menuitem', { name: 'Note, tags, details…' });
    await expect(details).toBeVisible();
    await isClean('commands of a run', page.getByRole('menu'));
    await details.click();
    await expect(page.getByRole('dialog').getByText(/^Log \(\d+ lines?\)/)).toBeVisible();
    await isClean('a run and its log');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
  });

  await test.step('a point, a comparison of two sweeps, an experiment, and the fine-tuning form', async () => {
    // A second sweep beside the sample: the current plan, started by keyboard.
    await page.keyboard.press('Control+Shift+Enter');
    const runs = page.getByRole('list', { name: 'Runs' }).getByRole('listitem');
    const sweeps = runs.filter({ hasText: /^(?:Sample: s|S)weep of / });
    await expect(sweeps).toHaveCount(2, { timeout: HANG_LIMIT_MS });
    await expect(runs.filter({ hasText: /waiting|running/ })).toHaveCount(0, { timeout: HANG_LIMIT_MS });
    for (const index of [0, 1]) {
      const row = sweeps.nth(index).getByRole('button').first();
      await row.focus();
      await row.press(' ');
    }
    await page.getByRole('group', { name: 'Chosen runs' }).getByRole('button', { name: 'Compare' }).click();
    const compared = page.getByRole('dialog', { name: 'Sweeps compared' });
    await expect(compared).toContainText(/comparisons?: \d+ better/, { timeout: HANG_LIMIT_MS });
    await isClean('two sweeps compared');
    await page.keyboard.press('Escape');
    await expect(compared).toBeHidden();
    for (const [typed, title] of [
      ['recorded experiment', 'Experiment'],
      ['fine-tune', 'Fine-tune'],
      ['new experiment', 'New experiment'],
      ['open model folder', 'Open a model'],
      ['documentation', 'Documentation'],
    ] as const) {
      await page.keyboard.press('Control+k');
      await expect(page.getByRole('dialog', { name: 'Commands' }).getByRole('combobox')).toBeFocused();
      await page.keyboard.type(typed);
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: title, exact: true });
      await expect(dialog.getByRole('button').nth(1)).toBeVisible({ timeout: HANG_LIMIT_MS });
      await isClean(title);
      await page.keyboard.press('Escape');
      await expect(dialog).toBeHidden();
    }
    await page.getByRole('tab', { name: 'Point', exact: true }).click();
    await page.getByRole('button', { name: 'Show all items' }).click();
    await expect(page.getByRole('dialog').getByRole('list', { name: 'Items and answers' })).toBeVisible();
    await isClean('items of a point');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
  });

  await test.step('cluster fields, and the source of calibration items for an own task', async () => {
    const launcher = await openSweep(page);
    await launcher.getByRole('radio', { name: 'Slurm cluster' }).click();
    await launcher.getByText('Batch script').click();
    await expect(launcher.locator('.cluster-script')).toContainText('#SBATCH');
    await isClean('the fields of a cluster');
    await launcher.getByLabel('Workers').fill('0');
    await expect(launcher.getByLabel('Workers')).toHaveAttribute('aria-invalid', 'true');
    await isClean('a field of a cluster that cannot be passed on', launcher);
    await launcher.getByRole('radio', { name: 'This machine' }).click();

    const file = path.join(exports, 'my-sums.jsonl');
    await writeFile(file, await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl')));
    await page.getByRole('button', { name: 'Open task folder', exact: true }).click();
    await page.getByRole('textbox', { name: 'Path' }).fill(file);
    await page.keyboard.press('Enter');
    const calibration = page.getByRole('dialog', { name: 'Calibration items of my-sums' });
    await expect(calibration).toContainText('60 calibration items, 240 test items.');
    await isClean('a split of its own');
    for (const [origin, shown] of [
      ['A second file', 'Choose file…'],
      ['Another task’s', 'Choose…'],
    ] as const) {
      await calibration.getByRole('radio', { name: origin }).click();
      await expect(calibration.getByText(shown)).toBeAttached();
      await isClean(origin);
    }
    await page.keyboard.press('Escape');
    await expect(calibration).toBeHidden();
  });
});
