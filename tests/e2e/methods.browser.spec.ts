import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { methodNames } from '../../main/pruning/methods.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { pageErrors, photograph, openSweep } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('every method has a page, states its needs, and is compared with its recovered twin', async ({ workbench }) => {
  const { page, exports } = workbench;
  const problems = pageErrors(page);
  const jobs = page.getByRole('contentinfo', { name: 'Jobs' });
  const settings = page.getByRole('region', { name: 'Plan settings' });
  const left = page.getByRole('region', { name: 'Result of the plan' });
  const sweep = page.getByRole('region', { name: 'Sweep' });
  await page.getByRole('list', { name: 'Models' }).getByText('uncurl-8').click();
  await page.getByRole('tab', { name: 'Plan', exact: true }).click();

  await test.step('the page of a method is read and closed by keyboard', async () => {
    const about = page.getByRole('region', { name: 'What is on screen' }).getByRole('button', { name: 'About REAP' });
    await about.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Methods' });
    await expect(dialog.getByRole('article')).toContainText('Lasby et al. 2025');
    await expect(dialog.getByRole('option')).toHaveCount(methodNames.length);
    await dialog.getByRole('option', { name: 'REAP', exact: true }).focus();
    await page.keyboard.press('ArrowUp');
    await expect(dialog.getByRole('article', { name: 'Expert activation norm (ean)' })).toContainText(
      'uncurl methods ean',
    );
    await photograph(workbench, 'method');
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  });

  await test.step('an option that needs more than routing says so in advance, and is then measured', async () => {
    await page.getByLabel('Method', { exact: true }).selectOption({ label: 'EAN' });
    await settings.getByText('EAN options').click();
    await settings.getByLabel('form').selectOption({ label: 'ca' });
    await expect(settings.getByText('EAN options, 1 changed')).toBeVisible();
    await expect(left).toContainText(/not yet profiled on Sums for the method ean, which needs mean outputs/);
    await left.getByRole('button', { name: 'Profile Sums for EAN now' }).click();
    await expect(left.getByRole('row', { name: /Experts per layer/ })).toBeVisible({ timeout: HANG_LIMIT_MS });
  });

  await test.step('a search method has no immediate plan', async () => {
    await page.getByLabel('Method', { exact: true }).selectOption({ label: 'EEP' });
    await expect(left.getByRole('button', { name: 'Search and measure at ×2' })).toBeEnabled();
    await page.getByLabel('Method', { exact: true }).selectOption({ label: 'EAN' });
  });

  await test.step('experts are pinned on the map, and each layer can keep its own number of experts', async () => {
    const map = page.getByRole('application', { name: /3 layers by 8 experts/ });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const fate = page.getByRole('region', { name: 'Layer 0, expert 1', exact: true });
    const kept = fate.locator('dd').filter({ hasText: /^(?:dropped|kept)$/ });
    const isKept = (await kept.textContent()) === 'kept';
    await page.keyboard.press(isKept ? 'g' : 's');
    await expect(kept).toHaveText(isKept ? 'dropped' : 'kept');
    await page.getByRole('tab', { name: 'Plan', exact: true }).click();
    const pins = settings.getByRole('group', { name: 'Pins' });
    await expect(pins.getByRole('listitem')).toHaveText(`0:1 ${isKept ? 'goes' : 'stays'}`);
    await settings.getByLabel('Budget').selectOption({ label: 'by hand' });
    await settings.getByLabel('Layer 2: kept experts').fill('7');
    await expect(left.getByRole('row', { name: /Experts per layer/ })).toContainText('4–7');
    await photograph(workbench, 'pins');
    await pins.getByRole('button', { name: 'Remove the pin of layer 0, expert 1' }).click();
    await expect(pins).toContainText('none');
    await settings.getByLabel('Budget').selectOption({ label: 'uniform' });
  });

  await test.step('a ranking replaces the method until it is removed', async () => {
    const file = path.join(exports, 'ranking.json');
    await writeFile(
      file,
      JSON.stringify(
        [
          [7, 6],
          [5, 4],
          [3, 2],
        ].map((first) => [...first, ...[0, 1, 2, 3, 4, 5, 6, 7].filter((e) => !first.includes(e))]),
      ),
    );
    const chooser = page.waitForEvent('filechooser');
    await settings.getByRole('button', { name: 'Import a plan…' }).click();
    await (await chooser).setFiles(file);
    await expect(settings.getByRole('group', { name: 'Imported file' })).toContainText('ranking.json');
    await page.getByRole('button', { name: 'Factor 4' }).click();
    await left.getByText('Kept experts by layer').click();
    await expect(left.locator('.kept-list')).toHaveText('layer 026, 7layer 124, 5layer 222, 3');
    await settings.getByRole('button', { name: 'Back to methods' }).click();
    await page.getByRole('button', { name: 'Factor 2' }).click();
  });

  await test.step('two methods are swept with and without recovery, and the cost says so', async () => {
    await page.getByRole('button', { name: 'None', exact: true }).click();
    await page.getByRole('checkbox', { name: 'Use Sums', exact: true }).check();
    await openSweep(page);
    for (const method of ['Random', 'REAP', 'UNCURL']) await sweep.getByLabel(method, { exact: true }).uncheck();
    await sweep.getByText('More methods').click();
    await sweep.getByLabel('EAN', { exact: true }).check();
    await sweep.getByLabel('×4', { exact: true }).uncheck();
    await sweep.getByLabel('Item limit').fill('40');
    await sweep.getByLabel('Recovery').selectOption({ label: 'beside each plan' });
    await expect(sweep.getByText(/4 candidates on 1 task: 5 evaluations/)).toContainText('Recovery refits 2 plans.');
    await photograph(workbench, 'recovery-sweep');
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    await page.getByRole('radio', { name: 'All tasks' }).click();
    await expect(page.locator('.curve-point')).toHaveCount(4, { timeout: HANG_LIMIT_MS });
    await expect(jobs.getByText('No job is running.')).toBeVisible({ timeout: HANG_LIMIT_MS });
  });

  await test.step('both curves are distinguishable, and the notes state the effect of recovery', async () => {
    for (const name of ['Frequency', 'Frequency, recovered', 'EAN', 'EAN, recovered'])
      await expect(page.getByRole('button', { name, exact: true })).toBeVisible();
    const dots = page.locator('.curve-chart circle[r="1.37"]');
    await expect(dots).toHaveCount(2);
    await expect(page.getByRole('region', { name: 'Thresholds', exact: true })).toContainText(
      /uncurl-8 on Sums: recovery is better than the same plan without it at \d of 2 points/,
    );
    await photograph(workbench, 'recovered');
  });
  expect(problems).toEqual([]);
});

test('the documentation opens from the palette and by its key, and links lead from page to page', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await page.keyboard.press('ControlOrMeta+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('documentation exports');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Documentation' });
  await expect(dialog.getByRole('article', { name: 'Exports' }).getByRole('row', { name: /^OLMoE/ })).toHaveCount(2);
  await photograph(workbench, 'documentation');
  await page.keyboard.press('Escape');
  await page.keyboard.press('ControlOrMeta+/');
  await expect(dialog.getByRole('article', { name: 'The best model that fits' })).toBeVisible();
  await dialog.getByRole('option', { name: 'Your first real model' }).click();
  await expect(dialog.getByRole('article', { name: 'Your first real model' })).toContainText(
    'Name it as its makers do',
  );
  await dialog.getByRole('option', { name: 'Devices' }).click();
  await dialog.getByRole('button', { name: 'Clusters' }).click();
  await expect(dialog.getByRole('option', { name: 'Clusters' })).toHaveAttribute('aria-selected', 'true');
  await expect(dialog.getByRole('article', { name: 'Clusters' })).toContainText('--array 4');
  expect(problems).toEqual([]);
});
