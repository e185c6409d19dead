import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { startUncurl } from './command-line.ts';
import { axeFindings } from './axe-findings.ts';
import { chooseExportFolder, pageErrors, photograph, resources, typePath, openSweep } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('a GGUF file is swept over factor and weights, exported as stored, verified, and opened', async ({
  workbench,
}) => {
  const { page, exports } = workbench;
  const problems = pageErrors(page);
  const models = page.getByRole('list', { name: 'Models' });
  const card = page.getByRole('region', { name: 'Selected model' });
  const sweep = page.getByRole('region', { name: 'Sweep', exact: true });
  const form = page.getByRole('region', { name: 'Export', exact: true });

  await test.step('it opens as a model, and its card names the types of its weights', async () => {
    const plan = path.join(exports, 'plan.json');
    await writeFile(plan, JSON.stringify({ kept: Array.from({ length: 3 }, () => [0, 1, 2, 3, 4, 5]) }));
    const made = path.join(exports, 'small');
    const model = path.join(resources, 'models', 'uncurl-8');
    await startUncurl(['export', model, '--plan', plan, '--out', made, '--format', 'gguf', '--gguf-type', 'q8_0']);
    const file = path.join(made, 'model.gguf');
    await page.keyboard.press('Control+K');
    await expect(page.getByRole('dialog', { name: 'Commands' }).getByRole('combobox')).toBeFocused();
    await page.keyboard.type('open gguf');
    await page.keyboard.press('Enter');
    await typePath(page, file);
    await expect(card).toContainText('q8_0, 656\u202fkB');
    await expect(card).toContainText('float32, 9.6\u202fkB');
  });

  await test.step('every plan is measured at every type, and the frontier says what is better', async () => {
    await page.getByRole('button', { name: 'None', exact: true }).click();
    await page.getByRole('checkbox', { name: 'Use Sums', exact: true }).check();
    await openSweep(page);
    for (const method of ['Random', 'Frequency', 'UNCURL']) await sweep.getByLabel(method, { exact: true }).uncheck();
    await sweep.getByLabel('Item limit').fill('60');
    await sweep.getByRole('group', { name: 'Weights' }).getByLabel('q5_1').check();
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    await page.getByRole('button', { name: 'More', exact: true }).click({ timeout: HANG_LIMIT_MS });
    await page.getByRole('menuitem', { name: 'Frontier' }).click();
    const frontier = page.getByRole('region', { name: 'Accuracy against bytes' });
    await expect(page.getByText('No job is running.')).toBeVisible({ timeout: HANG_LIMIT_MS });
    // Curves are types of weights; marks of methods have their names beside them.
    await expect(frontier.getByRole('list', { name: 'Curves' })).toHaveText(/stored.*q5_1.*REAP/);
    // The chart calls the task by the title that lists and tables show.
    const chart = frontier.getByRole('application', { name: /^Sums: accuracy \(%\) against weights \(MB\)/ });
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    await expect(chart.locator('.chart-tip')).toContainText('Difference to unpruned: ');
    await page.keyboard.press('Escape');
    await expect(chart.locator('.chart-tip')).toHaveCount(0);
    await expect(frontier.locator('.findings').getByRole('listitem').first()).toContainText(
      'of 1 comparison of the unpruned model at q5_1',
    );
    await frontier.getByText('Every comparison').click();
    const compared = frontier.getByRole('region', { name: 'Every comparison of a pruned and a quantised model' });
    await expect(compared.getByRole('row').nth(1)).toContainText(/^Sums.*REAP ×2/);
    await photograph(workbench, 'frontier');
    expect(await axeFindings(page), 'the frontier').toEqual([]);
  });

  await test.step('it is exported as stored, verified by bytes and by running both, and opened', async () => {
    await page.keyboard.press('Control+Shift+E');
    await expect(form.getByRole('radiogroup', { name: 'Format of the export' })).toHaveText('GGUF, as stored');
    await chooseExportFolder(workbench);
    await form.getByRole('button', { name: 'Export and verify' }).click();
    await form.getByRole('button', { name: 'Export all the same' }).click();
    await expect(page.getByText('Verified: the export equals the measured model')).toBeVisible({
      timeout: HANG_LIMIT_MS,
    });
    await expect(page.getByText('0 (bit-equal)')).toBeVisible();
    await photograph(workbench, 'export-as-stored');
    await page.getByRole('button', { name: 'Open as model' }).click();
    await expect(card.getByText(/model-add-reap-x2.model\.gguf$/)).toBeVisible();
    await expect(models.getByRole('listitem').filter({ hasText: '3 × 3, top-2' })).toHaveCount(1);
  });
  expect(problems).toEqual([]);
});
