import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { centerOf, chooseExportFolder, openSweep, openTaskFile, pageErrors, resources, tab } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('in the window, a task is opened, a model swept, and a point exported and opened, by native dialogs', async ({
  workbench,
}) => {
  const { page, exports } = workbench;
  const problems = pageErrors(page);
  const tasks = page.getByRole('list', { name: 'Tasks' });
  const jobs = page.getByRole('contentinfo', { name: 'Jobs' });

  await test.step('the address is that of the shell', () => {
    expect(page.url()).toMatch(/^uncurl:\/\/app\//);
  });

  await test.step('a task file is opened by its path, split, and still there after a reload', async () => {
    const file = path.join(exports, 'my-sums.jsonl');
    await writeFile(file, await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl')));
    await openTaskFile(workbench, file);
    const dialog = page.getByRole('dialog', { name: 'Calibration items of my-sums' });
    await expect(dialog).toContainText('60 calibration items, 240 test items.');
    await dialog.getByRole('button', { name: 'Use these items' }).click();
    await expect(dialog).toBeHidden();
    await page.reload();
    await expect(tasks.getByRole('listitem').filter({ hasText: 'my-sums' })).toContainText('240');
  });

  await test.step('a sweep is measured in the process beside the engine', async () => {
    await tab(page, 'Workbench');
    await page.getByRole('list', { name: 'Models' }).getByText('uncurl-16', { exact: true }).click();
    await page.getByRole('button', { name: 'None', exact: true }).click();
    await tasks.getByRole('checkbox', { name: 'Use Sorting', exact: true }).check();
    await page
      .getByRole('region', { name: 'What is on screen' })
      .getByLabel('Task', { exact: true })
      .selectOption({ label: 'Sorting' });
    const sweep = await openSweep(page);
    for (const method of ['Random', 'Frequency', 'UNCURL']) await sweep.getByLabel(method, { exact: true }).uncheck();
    for (const factor of ['×2', '×8']) await sweep.getByLabel(factor, { exact: true }).uncheck();
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    await expect(page.locator('.curve-point').first()).toBeVisible({ timeout: HANG_LIMIT_MS });
    await expect(jobs.getByText('No job is running.')).toBeVisible({ timeout: HANG_LIMIT_MS });
  });

  await test.step('its point is exported into a folder of the native dialog, verified, and opened', async () => {
    const center = await centerOf(page.locator(`.curve-point[data-point*='"reap"'][data-point$=',4]']`).first());
    await page.mouse.click(center.x, center.y);
    const point = page.getByRole('region', { name: 'Selected point' });
    await expect(point).toContainText('Sorting');
    await point.getByRole('button', { name: 'Export this plan' }).click();
    await chooseExportFolder(workbench);
    await page.getByLabel('Name of the new folder').fill('pruned-sorting');
    await expect(page.getByText(/^Measured: Sorting safe/).first()).toBeVisible({ timeout: HANG_LIMIT_MS });
    await page.getByRole('button', { name: 'Export and verify' }).click();
    const outcome = page.getByRole('region', { name: 'Outcome' });
    await expect(outcome.getByText('Verified: the export equals the measured model')).toBeVisible({
      timeout: HANG_LIMIT_MS,
    });
    await expect(outcome.getByText(path.join(exports, 'pruned-sorting'), { exact: true })).toBeVisible();
    await outcome.getByRole('button', { name: 'Open as model' }).click();
    const header = page.getByRole('region', { name: 'What is on screen' });
    await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText('pruned-sorting');
  });
  expect(problems).toEqual([]);
});
