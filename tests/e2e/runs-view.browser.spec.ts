import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { putRuns } from './many-runs.ts';
import { axeFindings } from './axe-findings.ts';
import { download, pageErrors, photograph, tab } from './page-steps.ts';
import { present } from '../../main/contract/errors.ts';
import { expect, sampled as test } from './workbench.ts';

const table = (page: Page) => page.getByRole('region', { name: /^Runs(, sorted by .*)?$/ }).getByRole('table');
const rows = (page: Page) => table(page).locator('tbody tr[aria-rowindex]');
const names = async (page: Page, count: number): Promise<readonly string[]> =>
  (await rows(page).locator('.row-open').allTextContents()).slice(0, count);

test('all runs in one table: sorted, filtered, grouped, pinned, unfolded, charted, and in the address', async ({
  workbench,
}) => {
  const { page, workspace } = workbench;
  const problems = pageErrors(page);
  const size = present(page.viewportSize(), 'the page has no size');
  await putRuns(workspace, 120);
  await page.reload();
  await tab(page, 'Runs');
  await expect(page.getByRole('navigation', { name: 'Models, tasks and runs' })).toBeHidden();
  const status = page.getByRole('main').getByRole('status');

  await test.step('every run is counted, few rows are rendered, and the sample says what it measured', async () => {
    await expect(status).toHaveText('121 runs');
    expect(await rows(page).count()).toBeLessThan(60);
    // Paper has every row, and is not wider than the page.
    await page.emulateMedia({ media: 'print' });
    await page.setViewportSize({ width: 794, height: 1123 });
    await expect(rows(page)).toHaveCount(121);
    const frame = page.getByRole('region', { name: /^Runs(, sorted by .*)?$/ });
    const [box, last] = [await frame.boundingBox(), await rows(page).last().boundingBox()];
    expect((last?.y ?? Infinity) + (last?.height ?? 0)).toBeLessThanOrEqual((box?.y ?? 0) + (box?.height ?? 0) + 1);
    expect((last?.x ?? 0) + (last?.width ?? Infinity)).toBeLessThanOrEqual(794);
    await expect(page.getByRole('searchbox', { name: 'Filter the table of runs' })).toBeHidden();
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize(size);
    await expect.poll(() => rows(page).count()).toBeLessThan(60);
    await page.getByRole('searchbox', { name: 'Filter the table of runs' }).fill('uncurl-32');
    await expect(status).toHaveText('1 of 121 runs');
    await expect(rows(page).first()).toContainText(/\d+ safe, \d+ cannot tell, \d+ unsafe/);
    await expect(rows(page).first()).toContainText('uncurl-8, uncurl-16, uncurl-32, uncurl-64');
  });

  await test.step('its points are under it, also by the keyboard, and a sort orders them', async () => {
    const sample = rows(page).first().locator('.row-open');
    await sample.focus();
    await page.keyboard.press('ArrowRight');
    await expect(sample).toHaveAttribute('aria-expanded', 'true');
    await expect(rows(page).nth(1)).toContainText(/×|safe|unsafe|cannot tell/);
    await page.getByRole('button', { name: 'Sort by Factor' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await expect(table(page).getByRole('columnheader', { name: /^Factor/ })).toHaveAttribute('aria-sort', 'descending');
    await expect(rows(page).nth(1).locator('td').nth(6)).toHaveText('32');
    // The table has the whole height of the view.
    const box = await page.getByRole('region', { name: /^Runs, sorted by/ }).boundingBox();
    expect(box?.height).toBeGreaterThan(500);
    await photograph(workbench, 'runs-view-points');
  });

  await test.step('the address holds all of it', async () => {
    await expect(page).toHaveURL(/view=runs.*filter=uncurl-32&sort=-factor&unfolded=sample/);
    await page.reload();
    await expect(status).toHaveText('1 of 121 runs');
    await expect(rows(page).nth(1).locator('td').nth(6)).toHaveText('32');
  });

  await test.step('runs are sorted by name, one is pinned, groups have headings', async () => {
    await page.getByRole('searchbox', { name: 'Filter the table of runs' }).fill('sweep model-');
    await page.getByRole('button', { name: 'Sort by Run' }).click();
    await expect.poll(() => names(page, 2)).toEqual(['sweep 000 of model-00', 'sweep 004 of model-04']);
    const last = rows(page).filter({ hasText: 'sweep 012 of model-12' });
    await last.hover();
    await last.getByRole('button', { name: 'Pin sweep 012 of model-12 on top' }).click();
    await expect.poll(() => names(page, 2)).toEqual(['sweep 012 of model-12', 'sweep 000 of model-00']);
    await page.getByRole('main').getByLabel('Group by').selectOption('state');
    await expect(rows(page).nth(1)).toContainText(/^done, not measured here \d+ runs$/);
    await photograph(workbench, 'runs-view-groups');
    await page.getByRole('main').getByLabel('Group by').selectOption('nothing');
  });

  await test.step('columns are chosen', async () => {
    await page.locator('summary', { hasText: 'Columns' }).click();
    await page.getByRole('checkbox', { name: 'State', exact: true }).check();
    await page.getByRole('checkbox', { name: 'Command', exact: true }).uncheck();
    await page.keyboard.press('Escape');
    await expect(table(page).getByRole('columnheader', { name: /^State/ })).toHaveCount(1);
    await expect(table(page).getByRole('columnheader', { name: /^Command/ })).toHaveCount(0);
    // The answer stays in front, whatever is chosen beside it.
    const first = ['Run', 'Difference', '95 % interval', 'Verdict'];
    for (const [index, title] of first.entries())
      await expect(table(page).getByRole('columnheader').nth(index)).toContainText(title);
  });

  await test.step('chosen sweeps are in one chart, and saved as a figure and a table', async () => {
    await page.getByRole('searchbox', { name: 'Filter the table of runs' }).fill('');
    await page.getByRole('checkbox', { name: 'Choose sweep 012 of model-12' }).check();
    await page.getByRole('searchbox', { name: 'Filter the table of runs' }).fill('uncurl-32');
    await expect(status).toHaveText('1 of 121 runs');
    await rows(page).first().getByRole('checkbox').check();
    const chosen = page.getByRole('main').getByRole('region', { name: 'Chosen runs' });
    await expect(chosen).toContainText('2 runs chosen');
    await expect(chosen.getByRole('application', { name: /uncurl-\d+ on .*: difference to unpruned/ })).toBeVisible();
    await expect(chosen.getByRole('row', { name: 'models model-12 uncurl-8, uncurl-16' })).toBeVisible();
    // Curves of one run need not name it.
    await expect(chosen.getByRole('list', { name: 'Curves' }).getByRole('listitem')).toHaveText([
      'Random',
      'Frequency',
      'REAP',
      'UNCURL',
    ]);
    await photograph(workbench, 'runs-view-chosen');
    expect(await axeFindings(page)).toEqual([]);
    const saved = async (format: string): Promise<string> => {
      await chosen.getByRole('button', { name: 'Save figure' }).click();
      const file = download(page, `.${format.toLowerCase()}`);
      await page.getByRole('menuitem', { name: format, exact: true }).click();
      return readFile(await (await file).path(), 'utf8');
    };
    expect(await saved('SVG')).toContain('&quot;id&quot;:&quot;sample&quot;');
    expect(await saved('CSV')).toContain('\nNot measured here: sweep-20260101-012.,sample,');
    // At 200 % the curve keeps its height, and the view scrolls over it.
    await page.setViewportSize({ width: 720, height: 450 });
    await expect.poll(async () => (await chosen.boundingBox())?.height).toBeGreaterThan(250);
    await page.setViewportSize(size);
  });

  await test.step('Back returns to the view before, and Forward to the table as it was', async () => {
    const runs = page.getByRole('tab', { name: 'Runs' });
    await tab(page, 'Compare');
    // A step of the history is written two frames after its picture.
    await expect(page).toHaveURL(/view=compare/);
    await page.goBack();
    await expect(runs).toHaveAttribute('aria-selected', 'true');
    await expect(status).toHaveText('1 of 121 runs');
    await page.goForward();
    await expect(page.getByRole('tab', { name: 'Compare' })).toHaveAttribute('aria-selected', 'true');
  });
  expect(problems).toEqual([]);
});
