import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { openDetails, pageErrors, photograph, tab, openSweep, openRule } from './page-steps.ts';
import { expect, sampled, test } from './workbench.ts';

sampled('the sample shows how far each model can be pruned, by which rule, how certainly', async ({ workbench }) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await expect(page.getByRole('note').getByText(/This is the sample/)).toBeVisible();
  await tab(page, 'Thresholds');

  await test.step('rule, margin and items are shown', async () => {
    const rule = page.getByRole('region', { name: 'How a threshold is defined' });
    // The engine reads the sweep for the first time: minutes of processor time on a busy machine.
    await expect(rule).toContainText(
      'The threshold is the largest tested factor such that it and every smaller tested factor are safe',
      { timeout: HANG_LIMIT_MS },
    );
    await expect(rule).toContainText('2 points');
    await expect(rule).toContainText('149');
  });

  await test.step('one matrix shows first how far each model can be pruned, and with which method', async () => {
    const best = page.getByRole('region', { name: 'Best threshold of every model and task' });
    await expect(best.getByRole('row')).toHaveCount(10);
    await expect(
      best.getByRole('button', { name: /Best for Sorting: .*uncurl-32 \(E 32\), Sorting: threshold ×4/ }),
    ).toContainText(/(REAP|Frequency|UNCURL).*×4/);
    await photograph(workbench, 'best');
    const first = best.getByRole('row').nth(1);
    await expect(first).toContainText('Sums');
    await best.getByRole('button', { name: 'Sort by uncurl-64' }).click();
    await best.getByRole('button', { name: 'Sort by uncurl-64' }).click();
    await expect(first).toContainText('×4');
    await best.getByRole('button', { name: 'Sort by Task' }).click();
    await expect(first).toContainText('Brackets');
    await best.getByRole('button', { name: 'Sort by Task' }).click();
    await best.getByRole('button', { name: 'Sort by Task' }).click();
    await expect(first).toContainText('Sums');
    await openDetails(page);
  });

  await test.step('every method has its matrix; undecided cells say how many items they need', async () => {
    for (const method of ['Random', 'Frequency', 'REAP', 'UNCURL'])
      await expect(page.getByRole('region', { name: `Thresholds by ${method}` })).toBeVisible();
    const capitals = page
      .getByRole('region', { name: 'Thresholds by REAP' })
      .getByRole('row', { name: /^Capitals \d/ });
    await photograph(workbench, 'sizes');
    await openRule(page);
    await page.getByLabel('Margin δ').fill('0.01');
    await expect(capitals).toContainText('n ≥ 299');
    await (await openRule(page)).getByRole('button', { name: 'Reset' }).click();
    await expect(capitals).not.toContainText('n ≥ 299');
  });

  await test.step('each chart has its finding, with explained p values', async () => {
    const trends = page.getByRole('region', { name: 'Threshold against experts before pruning' });
    await trends.getByText('In words').first().click();
    await expect(trends).toContainText(/pretraining experts grows/);
    // One panel per method; one thin line per task, chosen and written.
    await expect(trends.locator('.curve-chart')).toHaveCount(4);
    await expect(trends.locator('#trend-reap path[stroke-width="0.8"]')).toHaveCount(18);
    const pairs = page.getByRole('region', { name: /compared with trained from scratch/ });
    await expect(pairs.locator('.curve-chart')).toHaveCount(18);
    await trends
      .getByText(/^p [=<] /)
      .first()
      .hover();
    await expect(page.getByRole('tooltip')).toContainText('relabelled models');
    const shares = page.getByRole('region', { name: 'Loss against the dropped share' });
    await expect(shares.getByRole('application').first()).toBeVisible();
    await shares.getByText('In words').first().click();
    await expect(shares).toContainText('At an equal dropped share of the routed choices, a larger E');
    await shares.scrollIntoViewIfNeeded();
    await photograph(workbench, 'shares');
    await photograph(workbench, 'scratch');
  });

  await test.step('the margin moves thresholds without inference', async () => {
    const matrix = page.getByRole('region', { name: 'Thresholds by REAP' });
    const before = await matrix.innerText();
    await openRule(page);
    await page.getByLabel('Margin δ').fill('0.15');
    await expect(page.getByRole('region', { name: 'How a threshold is defined' })).toContainText(
      'at least -15 percentage points',
    );
    await expect.poll(() => matrix.innerText()).not.toBe(before);
    await (await openRule(page)).getByRole('button', { name: 'Reset' }).click();
  });

  await test.step('the numbers behind the charts are available as a table', async () => {
    await page.getByRole('radio', { name: 'Tables' }).click();
    const pairs = page.getByRole('region', { name: /^Pruned large models compared with small ones/ });
    await expect(pairs.getByRole('row')).toHaveCount(1 + 25);
    const fold = pairs.getByRole('row').filter({ hasText: '5 draws' }).first();
    await fold.getByRole('button').press('Enter');
    await expect(fold.getByRole('button')).toHaveAttribute('aria-expanded', 'true');
    await expect(pairs.getByRole('row')).toHaveCount(1 + 25 + 5);
    // Tables of 18 tasks with every section open, and of the findings (some 350 of the elements).
    expect(await page.locator('.thresholds *').count()).toBeLessThan(3900);
    // Wide tables scroll in their own frame, so that no sentence is cut.
    const cut = await page.locator('#view').evaluate((view) => {
      const right = view.getBoundingClientRect().right;
      return [...view.querySelectorAll('section, p')].filter((part) => part.getBoundingClientRect().right > right)
        .length;
    });
    expect(cut).toBe(0);
    await pairs.getByRole('button', { name: 'Show 25 more' }).click();
    await expect(pairs.getByRole('row')).toHaveCount(1 + 50 + 5);
    await page.getByRole('radio', { name: 'Charts' }).click();
  });

  await test.step('arrow keys move between points of charts and rows of tables, and Enter opens one', async () => {
    const pairs = page.getByRole('application', {
      name: /^Sums: difference of accuracy \(points\)\. Arrow/,
    });
    await pairs.focus();
    await page.keyboard.press('ArrowRight');
    const first = await pairs.locator('.chart-tip').innerText();
    await page.keyboard.press('ArrowRight');
    await expect(pairs.locator('.chart-tip')).not.toHaveText(first);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('tab', { name: 'Workbench' })).toHaveAttribute('aria-selected', 'true');
    await expect(page.getByRole('region', { name: 'Selected point' })).toContainText('Sums');
    await tab(page, 'Thresholds');
    await page.getByRole('radio', { name: 'Tables' }).click();
    await openDetails(page);
    const rows = page.getByRole('region', { name: 'Thresholds by task, method and number of experts' });
    await rows.locator('.row-open').first().focus();
    await page.keyboard.press('ArrowDown');
    await expect(rows.locator('.row-open').nth(1)).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('tab', { name: 'Workbench' })).toHaveAttribute('aria-selected', 'true');
    await tab(page, 'Thresholds');
    await page.getByRole('radio', { name: 'Charts' }).click();
    await openDetails(page);
  });

  await test.step('the report is one page', async () => {
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save report' }).click();
    const html = await readFile(await (await saved).path(), 'utf8');
    expect(html).toContain('The threshold is the largest tested factor');
    expect(html).toContain('aria-label="How far each model can be pruned');
    expect(html).not.toMatch(/<script[^>]+src=|<link[^>]+href="http/);
  });

  await test.step('a threshold opens its curve', async () => {
    const cell = { name: /REAP, uncurl-32 \(E 32\), Sorting:/ };
    await page.getByRole('region', { name: 'Thresholds by REAP' }).getByRole('button', cell).click();
    await expect(page.getByRole('tab', { name: 'Workbench' })).toHaveAttribute('aria-selected', 'true');
    await expect(page.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText('uncurl-32');
    await expect(page.getByLabel('Task', { exact: true }).locator('option:checked')).toHaveText('Sorting');
    await expect(page.getByRole('region', { name: 'Selected point' })).toContainText('uncurl-32');
    await expect(page.getByRole('application', { name: /^Sorting, answers chosen/ })).toBeVisible();
  });
  expect(problems).toEqual([]);
});

test('a sweep of one model says what to do, and is reproduced exactly', async ({ workbench }) => {
  const { page, workspace } = workbench;
  await tab(page, 'Thresholds');
  await expect(page.getByRole('heading', { name: 'No sweep yet' })).toBeVisible();
  await page.getByRole('button', { name: 'Set up a sweep' }).click();
  await page.getByRole('button', { name: 'None', exact: true }).click();
  await page.getByRole('checkbox', { name: 'Use Plurals', exact: true }).check();
  const sweep = await openSweep(page);
  for (const method of ['Random', 'REAP', 'UNCURL']) await sweep.getByLabel(method, { exact: true }).uncheck();
  await sweep.getByRole('button', { name: 'Start sweep' }).click();
  const runs = page.getByRole('list', { name: 'Runs' });
  const isDone = (title: string) =>
    expect(runs.getByRole('listitem').filter({ hasText: title })).not.toContainText(/waiting|running/, {
      timeout: HANG_LIMIT_MS,
    });
  await isDone('Sweep of');

  await tab(page, 'Thresholds');
  await expect(page.getByRole('heading', { name: /One expert count/ })).toBeVisible();
  await expect(page.getByText(/Sweep models that differ in their number of experts/)).toBeVisible();

  await runs.getByRole('listitem').filter({ hasText: 'Sweep of' }).first().hover();
  await runs.getByRole('button', { name: /^More for Sweep of/ }).click();
  await runs.getByRole('menuitem', { name: /^Reproduce/ }).click();
  const repeated = runs.getByRole('listitem').filter({ hasText: 'Reproduction of' });
  await isDone('Reproduction of');
  await expect(page.getByRole('log', { name: 'Messages' })).toContainText('Every compared number matches');
  await repeated
    .getByRole('button', { name: /Reproduction of/ })
    .first()
    .click();
  await expect(page.getByRole('dialog', { name: /^Reproduction of / })).toContainText('Every compared number matches');
  await photograph(workbench, 'reproduction');
  expect(await readdir(path.join(workspace, 'runs'))).toHaveLength(2);
});
