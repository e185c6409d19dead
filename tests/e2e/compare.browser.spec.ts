import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { download, openRanks, pageErrors, photograph, tab } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

test('the methods of the sample are ranked per task, against the best method or a chosen reference', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await tab(page, 'Compare');
  const overview = page.getByRole('region', { name: 'Methods over tasks' });
  await page.getByLabel('Model', { exact: true }).selectOption('uncurl-32');
  await page.getByLabel('Factor', { exact: true }).selectOption('4');

  await test.step('ranks, differences and undecided comparisons are shown', async () => {
    await expect(overview.getByRole('heading')).toContainText('uncurl-32 at ×4');
    await expect(overview.getByRole('row', { name: /Mean rank/ })).toContainText(/1\.56.*2\.11.*2\.33.*4/);
    await expect(overview.getByRole('row', { name: /Best, or =/ })).toContainText('8 of 9');
    const ranks = await openRanks(page);
    const capitals = ranks.getByRole('table').filter({ hasText: 'Capitals' }).getByRole('row');
    await expect(capitals.nth(1)).toContainText(/1 =.*Frequency.*92\.0.*reference/);
    await expect(capitals.nth(2)).toContainText(/^2UNCURL62\.7−29\.3▼ worse/);
    await expect(page.getByRole('region', { name: 'Findings' })).toContainText(
      '27 comparisons with the best method of each task: in 20',
    );
    await photograph(workbench, 'compare');
  });

  await test.step('a panel of ranks sorts like every table', async () => {
    const capitals = (await openRanks(page)).getByRole('table').filter({ hasText: 'Capitals' });
    const firstMethod = capitals.getByRole('row').nth(1).getByRole('rowheader');
    await capitals.getByRole('button', { name: 'Sort by Value' }).click();
    await expect(firstMethod).toHaveText('Random');
    await capitals.getByRole('button', { name: 'Sort by Value' }).click();
    await expect(firstMethod).toHaveText('Frequency');
    await capitals.getByRole('button', { name: 'Sort by Value' }).click();
    await expect(capitals.getByRole('columnheader', { name: /^Value/ })).toHaveAttribute('aria-sort', 'none');
  });

  await test.step('another factor and reference can be chosen', async () => {
    await page.getByLabel('Factor', { exact: true }).selectOption('2');
    await expect(overview.getByRole('heading')).toContainText('at ×2');
    await page.getByLabel('Reference', { exact: true }).selectOption({ label: 'unpruned' });
    await expect(page.getByRole('region', { name: 'Findings' })).toContainText(
      '36 comparisons with the unpruned model',
    );
    await page.getByLabel('Reference', { exact: true }).selectOption({ label: 'Random' });
    await expect(page.getByRole('region', { name: 'Findings' })).toContainText('27 comparisons with random');
    await expect(overview.getByRole('button', { name: /^Random, Sums: .*mean of 5 draws/ })).toContainText('reference');
  });

  await test.step('arrow keys move between cells, and a cell selects its point', async () => {
    const first = overview.locator('[data-line="0"][data-column="0"]');
    await first.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const focused = page.locator('[data-line="1"][data-column="1"]');
    await expect(focused).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(focused).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByRole('region', { name: 'Selected point' })).toContainText('uncurl-32');
    await expect(page.getByRole('region', { name: 'Selected point' })).toContainText('CPU, float32');
  });

  await test.step('the numbers are available as a table and as a file', async () => {
    await page.getByRole('radio', { name: 'Table' }).click();
    await expect(page.getByRole('region', { name: /^Every method on every task/ }).getByRole('row')).toHaveCount(
      1 + 4 * 9,
    );
    await page.getByRole('radio', { name: 'Charts' }).click();
    const saved = download(page, '.csv');
    await page.getByRole('button', { name: 'Save figure' }).click();
    await page.getByRole('menuitem', { name: 'CSV' }).click();
    const csv = await readFile(await (await saved).path(), 'utf8');
    expect(csv.trimEnd().split('\n')).toHaveLength(1 + 4 * 9);
    const drawn = download(page, '.png');
    await page.getByRole('button', { name: 'Save figure' }).click();
    await page.getByRole('menuitem', { name: 'PNG' }).click();
    const picture = await readFile(await (await drawn).path());
    expect(picture.subarray(1, 4).toString('latin1')).toBe('PNG');
    expect(picture.includes('Manifest\0\0\0\0\0{"id":"sample"')).toBe(true);
    expect((await drawn).suggestedFilename()).toMatch(/^sample-methods-compared-.*\.png$/);
  });
  expect(problems).toEqual([]);
});

test('the devices dialog lists devices, probe results and missing parts', async ({ workbench }) => {
  const { page } = workbench;
  // A page may be of an engine on another machine: the status bar says of which.
  await expect(page.getByRole('button', { name: /for weights/ })).toContainText(`${hostname()} · CPU · float32`);
  await page.keyboard.press('Control+Shift+D');
  const devices = page.getByRole('dialog', { name: 'Devices' });
  const processor = devices.getByRole('listitem', { name: 'Processor' });
  await expect(processor).toContainText('in use');
  await processor.getByRole('button', { name: 'Probe: Processor' }).click();
  await expect(processor.getByText('Deviation from the processor')).toBeVisible({ timeout: HANG_LIMIT_MS });
  await expect(processor).toContainText('float32');
  await expect(devices.getByRole('listitem', { name: 'Core ML' })).toContainText(/only on macOS|In the package/);
  await photograph(workbench, 'devices');
  await page.keyboard.press('Escape');
  await expect(devices).toBeHidden();
});
