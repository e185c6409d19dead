import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { openTaskFile, pageErrors, photograph, resources, tab, typeFolder } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('an own file of questions becomes a recommended, tested and verified export in the view Fit', async ({
  workbench,
}) => {
  const { page, exports, answerFolderDialog } = workbench;
  const problems = pageErrors(page);
  const file = path.join(exports, 'my-sums.jsonl');
  await writeFile(file, await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl')));
  const models = page.getByRole('list', { name: 'Models' });
  const tasks = page.getByRole('list', { name: 'Tasks' });
  await models.getByText('uncurl-8', { exact: true }).click();

  await test.step('one: open the file', async () => {
    await openTaskFile(workbench, file);
    const dialog = page.getByRole('dialog', { name: 'Calibration items of my-sums' });
    await dialog.getByRole('button', { name: 'Use these items' }).click();
    await expect(tasks.getByRole('listitem').filter({ hasText: 'my-sums' })).toHaveAttribute('aria-current', 'true');
    // Only the new task: each other that is ticked would be tried too, after the choice.
    await page.getByRole('button', { name: 'None', exact: true }).click();
  });

  await tab(page, 'Fit');
  const form = page.getByRole('form', { name: 'The best model that fits' });
  const answer = page.getByRole('region', { name: 'Answer' });
  await test.step('two: name the size; what would be tried is said at once', async () => {
    await expect(form).toContainText('my-sums');
    await form.getByLabel('At most').fill('10 kB');
    await expect(form.getByRole('alert')).toContainText('Nothing of uncurl-8 fits into 10 kB');
    await form.getByLabel('At most').fill('400 kB');
    await expect(form.getByRole('status')).toContainText('candidates fit, the largest with');
    await photograph(workbench, 'fit-asked');
  });

  await test.step('three: find it; the answer is one sentence', async () => {
    await form.getByRole('button', { name: 'Find it' }).click();
    await expect(answer.getByRole('status')).toContainText(/^Recommended: .* on 240 test items: /, {
      timeout: HANG_LIMIT_MS,
    });
    await expect(answer.getByRole('button', { name: 'Export and verify' })).toBeVisible({ timeout: HANG_LIMIT_MS });
    await photograph(workbench, 'fit-found');
    for (const [width, height] of [
      [1024, 700],
      [720, 800],
    ] as const) {
      await page.setViewportSize({ width, height });
      await photograph(workbench, `fit-found-${String(width)}`);
      // Nothing is wider than the window.
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(
        0,
      );
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await test.step('its plan is shown on the map', async () => {
    await answer.getByRole('button', { name: 'Show its plan on the map' }).click();
    await expect(page.getByRole('tab', { name: 'Workbench', exact: true })).toHaveAttribute('aria-selected', 'true');
    await expect(page.getByRole('group', { name: 'Imported file' })).toContainText(/Plan fit-[-\w]+\.json/);
    await tab(page, 'Fit');
  });

  await test.step('four: export and verify it', async () => {
    const parent = path.join(exports, 'fitted');
    await mkdir(parent);
    // The window's engine runs as another user.
    await chmod(parent, 0o777);
    if (answerFolderDialog) await answerFolderDialog(parent);
    await answer.getByRole('button', { name: 'Choose the folder to write into' }).click();
    if (!answerFolderDialog) {
      const dialog = page.getByRole('dialog', { name: 'Export into' });
      await typeFolder(dialog, parent);
      await dialog.getByRole('button', { name: 'Export into this folder' }).click();
    }
    await answer.getByRole('button', { name: 'Export and verify' }).click();
    await expect(page.getByText('Verified: the export equals the measured model')).toBeVisible({
      timeout: HANG_LIMIT_MS,
    });
    // Beside the proof stands what the search has measured, since no sweep has.
    await expect(page.getByRole('region', { name: 'Outcome' })).toContainText(/Recommended: .* on 240 test items: /);
    await photograph(workbench, 'fit-exported');
    const [folder = ''] = await readdir(parent);
    expect(existsSync(path.join(parent, folder, 'config.json'))).toBe(true);
  });
  expect(problems).toEqual([]);
});
