import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { present } from '../../main/contract/errors.ts';
import { openSweep, openTaskFile, photograph, resources, tab } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('a file without calibration items is split, profiled and measured; the choice persists', async ({ workbench }) => {
  const { page, exports } = workbench;
  const file = path.join(exports, 'my-sums.jsonl');
  await writeFile(file, await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl')));
  const dialog = page.getByRole('dialog', { name: 'Calibration items of my-sums' });

  await test.step('after opening, it asks for the source of calibration items', async () => {
    await openTaskFile(workbench, file);
    await expect(dialog).toContainText('60 calibration items, 240 test items.');
    await expect(dialog).toContainText('at a margin of 2 points 149 are the fewest');
    await photograph(workbench, 'calibration');
    // At 200 % the dialog scrolls, and its buttons stay in sight.
    const size = present(page.viewportSize(), 'the page has no size');
    await page.setViewportSize({ width: 720, height: 450 });
    await expect(dialog.getByRole('button', { name: 'Use these items' })).toBeInViewport({ ratio: 1 });
    await page.setViewportSize(size);
  });

  await test.step('a share that leaves too few items is reported', async () => {
    const share = dialog.getByRole('spinbutton', { name: 'Share for calibration' });
    await share.fill('60');
    await expect(dialog).toContainText('120 test items are too few');
    await share.fill('20');
    await dialog.getByRole('radio', { name: 'Another task’s' }).click();
    await dialog.getByRole('combobox', { name: 'Task' }).selectOption({ label: 'Plurals' });
    await expect(dialog).toContainText('300 calibration items, 300 test items.');
    await dialog.getByRole('radio', { name: 'Some of its own' }).click();
    await expect(dialog).toContainText('60 calibration items, 240 test items.');
  });

  const tasks = page.getByRole('list', { name: 'Tasks' });
  const row = tasks.getByRole('listitem').filter({ hasText: 'my-sums' });
  await test.step('it is profiled and measured like any other task', async () => {
    await dialog.getByRole('button', { name: 'Use these items' }).click();
    await expect(dialog).toBeHidden();
    // A model and a task of one's own begin with the search; the workbench is one click away.
    await tab(page, 'Workbench');
    await expect(row).toHaveCount(1);
    await expect(row).toHaveAttribute('aria-current', 'true');
    await expect(row).toContainText('240');
    await expect(row.getByText(', no calibration items')).toHaveCount(0);
    // It is ticked beside the tasks that were; one click leaves it alone.
    await expect(row.getByRole('checkbox')).toBeChecked();
    await expect(tasks.getByRole('checkbox', { checked: true })).not.toHaveCount(1);
    const sweep = page.getByRole('region', { name: 'Sweep', exact: true });
    await expect(sweep.getByRole('button', { name: /^Start sweep: .*10 tasks, 4 methods/ })).toBeVisible();
    await row.getByRole('checkbox').uncheck();
    await expect(sweep.getByRole('status').filter({ hasText: 'my-sums is on screen, but not ticked' })).toBeVisible();
    await expect(page.getByRole('region', { name: 'What is on screen' })).toContainText('not among 9 ticked');
    await sweep.getByRole('button', { name: 'Tick my-sums' }).click();
    await openSweep(page);
    await sweep.getByRole('button', { name: 'Only my-sums' }).click();
    await sweep.getByRole('button', { name: 'Sweep settings' }).click();
    await expect(tasks.getByRole('checkbox', { checked: true })).toHaveCount(1);
    await expect(row.getByRole('checkbox')).toBeChecked();
    await page.getByRole('button', { name: 'Profile', exact: true }).first().click();
    await expect(row.getByText(', profiled')).toHaveCount(1, { timeout: HANG_LIMIT_MS });
    await photograph(workbench, 'own-task');
  });

  await test.step('after a reload it is still there, and the choice can be changed', async () => {
    await page.reload();
    await row.hover();
    await row.getByRole('button', { name: 'Calibration items of my-sums' }).click();
    await expect(dialog.getByRole('spinbutton', { name: 'Share for calibration' })).toHaveValue('20');
    await dialog.getByRole('spinbutton', { name: 'Seed' }).fill('7');
    await dialog.getByRole('button', { name: 'Use these items' }).click();
    await expect(dialog).toBeHidden();
    await expect(row).toHaveCount(1);
    // A different task: the profile belongs to the earlier one.
    await expect(row.getByText(', not profiled')).toHaveCount(1);
  });
});
