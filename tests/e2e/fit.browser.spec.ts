import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { axeFindings } from './axe-findings.ts';
import { openTaskFile, pageErrors, photograph, resources, tab } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('an own file of questions becomes a recommended and verified export in four actions', async ({ workbench }) => {
  const { page, workspace, exports } = workbench;
  const problems = pageErrors(page);
  const file = path.join(exports, 'my-sums.jsonl');
  await writeFile(file, await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl')));
  const models = page.getByRole('list', { name: 'Models' });
  // The search is on a small model, so that the test is quick; any model may be the one on screen.
  await models.getByText('uncurl-8', { exact: true }).click();
  const form = page.getByRole('form', { name: 'The best model that fits' });
  const answer = page.getByRole('region', { name: 'Answer' });
  const exported = answer.getByRole('status', { name: 'Export' });

  await test.step('one: open the file', async () => {
    await openTaskFile(workbench, file);
  });
  await test.step('two: use the items that are proposed; the search is what comes next', async () => {
    const dialog = page.getByRole('dialog', { name: 'Calibration items of my-sums' });
    await dialog.getByRole('button', { name: 'Use these items' }).click();
    await expect(page.getByRole('tab', { name: 'Fit', exact: true })).toHaveAttribute('aria-selected', 'true');
    await expect(form).toContainText('my-sums');
    await photograph(workbench, 'fit-before');
    await expect(page.getByRole('list', { name: 'What the search does' }).getByRole('listitem')).toHaveCount(3);
    await expect(page.getByRole('region', { name: 'Earlier searches' })).toHaveCount(0);
    expect(await axeFindings(page), 'the form').toEqual([]);
  });
  await test.step('three: name the size, and find the model; the answer is one sentence', async () => {
    await form.getByLabel('At most').fill('400 kB');
    await expect(form.getByRole('status')).toContainText('candidates fit, the largest with');
    await photograph(workbench, 'fit-asked');
    // A number that cannot be asked for starts nothing, and is not replaced by the one before.
    await form.getByLabel('It may lose (points)').fill('100');
    await form.getByLabel('It may lose (points)').press('Enter');
    await expect(form.getByRole('alert')).toContainText('0.05 to 50 points');
    await expect(form.getByRole('button', { name: 'Find it' })).toBeDisabled();
    await form.getByLabel('It may lose (points)').fill('2');
    await expect(form.getByRole('status')).toContainText('candidates fit, the largest with');
    await form.getByLabel('At most').press('Enter');
    // At work, or done already on a fast machine.
    await expect(answer).toBeVisible();
    await photograph(workbench, 'fit-working');
    await expect(answer.getByRole('status').first()).toContainText(/^Recommended: .* on 240 test items: /, {
      timeout: HANG_LIMIT_MS,
    });
    await expect(answer.getByRole('button', { name: 'Export and verify' })).toBeEnabled({ timeout: HANG_LIMIT_MS });
    // The answer stands in place of the form, and only the task was asked.
    await expect(form).toHaveCount(0);
    await expect(answer.getByRole('list', { name: 'On other tasks' })).toHaveCount(0);
    expect(await axeFindings(page), 'the answer').toEqual([]);
  });
  await test.step('four: export it into the proposed folder; the proof comes with it', async () => {
    await answer.getByRole('button', { name: 'Export and verify' }).click();
    await expect(exported).toContainText('Exported and verified', { timeout: HANG_LIMIT_MS });
    const [folder = ''] = await readdir(path.join(workspace, 'exports'));
    await expect(exported).toContainText(folder);
    expect(existsSync(path.join(workspace, 'exports', folder, 'config.json'))).toBe(true);
  });

  await test.step('nothing is wider than the window', async () => {
    for (const [width, height] of [
      [1440, 900],
      [1024, 700],
      [720, 800],
    ] as const) {
      await page.setViewportSize({ width, height });
      await photograph(workbench, `fit-after-${String(width)}`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(
        0,
      );
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await test.step('it leads to the details of the export, and to its plan on the map', async () => {
    await answer.getByRole('button', { name: 'Details of the export' }).click();
    const outcome = page.getByRole('region', { name: 'Outcome' });
    await expect(outcome).toContainText('Verified: the export equals the measured model');
    // Beside the proof stands what the search has measured, since no sweep has.
    await expect(outcome).toContainText(/Recommended: .* on 240 test items: /);
    await page.keyboard.press('Escape');
    await answer
      .getByRole('region', { name: 'Tested models' })
      .getByRole('button', { name: /of 8 experts/ })
      .first()
      .click();
    await expect(page.getByRole('tab', { name: 'Workbench', exact: true })).toHaveAttribute('aria-selected', 'true');
    await expect(page.getByRole('group', { name: 'Imported file' })).toContainText(/Plan fit-[-\w]+\.json/);
  });

  await test.step('another search is asked for; what fits nowhere is refused', async () => {
    await tab(page, 'Fit');
    await answer.getByRole('button', { name: 'Another search' }).click();
    await form.getByLabel('At most').fill('10 kB');
    await expect(form.getByRole('alert')).toContainText('Nothing of uncurl-8 fits into 10 kB');
  });
  expect(problems).toEqual([]);
});
