import type { Page } from '@playwright/test';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { pageErrors, photograph, profileOn, tab, openSweep, openRule } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

const header = (page: Page) => page.getByRole('region', { name: 'What is on screen' });
const chosen = (page: Page, label: string) => header(page).getByLabel(label, { exact: true }).locator('option:checked');
const cursor = (page: Page) => page.getByRole('status', { name: 'The plan on screen' });

/** Clicks the point of frequency at factor 4 in the upper plot (chosen answers). */
const clickFrequencyAtFour = async (page: Page): Promise<void> => {
  const point = page.locator('.difference-plot .curve-point[data-series="frequency"][data-at="4"]').first();
  await expect(point).toHaveAttribute('data-x', /\d/);
  await point.scrollIntoViewIfNeeded();
  const box = await point.boundingBox();
  if (box === null) throw new Error('the point is not on the page');
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
};

test('one header controls every panel, is in the address, survives a reload, and can be undone', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);

  await test.step('views and address show the choices in the header', async () => {
    await header(page).getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-32' });
    await header(page).getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
    await header(page).getByLabel('Method', { exact: true }).selectOption({ label: 'UNCURL' });
    await header(page).getByLabel('Factor', { exact: true }).selectOption('4');
    await expect(page).toHaveURL(/#view=workbench&model=uncurl-32&task=sort&.*method=uncurl&factor=4/);
    await expect(page.getByRole('region', { name: 'Plan settings' })).toContainText('Plan for uncurl-32');
    await expect(page.getByRole('region', { name: 'Difference to unpruned' })).toContainText('Sorting');
    await expect(cursor(page)).toContainText(
      /UNCURL ×4measured: ?(safe|unsafe|cannot tell), −\d+\.\d \(.*safe in \d of 5 draws/,
    );
    await tab(page, 'Compare');
    await expect(page.getByRole('region', { name: 'Methods over tasks' }).getByRole('heading')).toContainText(
      'uncurl-32 at ×4',
    );
    await tab(page, 'Workbench');
  });

  await test.step('a drag of the slider is one undo step; redo restores it', async () => {
    const slider = page.getByLabel('Pruning factor');
    await slider.scrollIntoViewIfNeeded();
    const box = await slider.boundingBox();
    if (box === null) throw new Error('the slider is not on the page');
    // From ×4, in the middle between 1 and 16, to the right.
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width / 2, y);
    await page.mouse.down();
    for (const share of [0.55, 0.6, 0.65]) await page.mouse.move(box.x + share * box.width, y);
    await page.mouse.up();
    await expect(chosen(page, 'Factor')).toHaveText('×6.4');
    await expect(cursor(page)).toContainText('not measured');
    await page.keyboard.press('Control+z');
    await expect(chosen(page, 'Factor')).toHaveText('×4');
    await page.keyboard.press('Control+z');
    await expect(chosen(page, 'Factor')).toHaveText('×2');
    await page.keyboard.press('Control+z');
    await expect(chosen(page, 'Method')).toHaveText('REAP');
    await page.keyboard.press('Control+Shift+z');
    await page.keyboard.press('Control+Shift+z');
    await expect(chosen(page, 'Factor')).toHaveText('×4');
    await expect(chosen(page, 'Method')).toHaveText('UNCURL');
  });

  await test.step('ticks and pins can be undone too', async () => {
    const tick = page.getByRole('checkbox', { name: 'Use Sorting', exact: true });
    await tick.uncheck();
    await page.keyboard.press('Control+z');
    await expect(tick).toBeChecked();
  });

  await test.step('a reload changes nothing', async () => {
    await page.reload();
    await expect(chosen(page, 'Model')).toHaveText('uncurl-32');
    await expect(chosen(page, 'Task')).toHaveText('Sorting');
    await expect(chosen(page, 'Method')).toHaveText('UNCURL');
    await expect(chosen(page, 'Factor')).toHaveText('×4');
  });

  await test.step('a link restores its state', async () => {
    await page.evaluate(() => {
      window.location.hash = 'view=thresholds&model=uncurl-16&task=add&tasks=add&method=reap&factor=8';
    });
    await expect(page.getByRole('tab', { name: 'Thresholds' })).toHaveAttribute('aria-selected', 'true');
    await expect(chosen(page, 'Model')).toHaveText('uncurl-16');
    await expect(chosen(page, 'Factor')).toHaveText('×8');
    await tab(page, 'Workbench');
  });

  await test.step('a link is followed, though the state before it is written after it', async () => {
    await expect(page).toHaveURL(/#view=workbench&model=uncurl-16/);
    await page.evaluate(() => {
      const before = window.location.hash;
      window.location.hash = 'view=compare&model=uncurl-16&task=add&tasks=add&method=reap&factor=4';
      window.history.replaceState(null, '', before);
    });
    await expect(page).toHaveURL(/#view=compare&model=uncurl-16/);
    await expect(chosen(page, 'Factor')).toHaveText('×4');
    await tab(page, 'Workbench');
  });

  await test.step('without a selected point, the measured point of the plan on screen is shown', async () => {
    await page.getByRole('tab', { name: 'Point', exact: true }).click();
    await expect(page.getByText('The plan on screen, as it was measured:')).toBeVisible();
    await expect(page.getByText('Select a point')).toBeHidden();
  });

  await test.step('a clicked point makes its plan current, with its verdict in words', async () => {
    await clickFrequencyAtFour(page);
    await expect(chosen(page, 'Method')).toHaveText('Frequency');
    await expect(chosen(page, 'Factor')).toHaveText('×4');
    await expect(page.getByRole('region', { name: 'Selected point' }).getByRole('heading', { level: 2 })).toContainText(
      /Frequency ×4: (safe|unsafe|cannot tell)/,
    );
    await photograph(workbench, 'point-plan');
    // The unpruned model stands beside the pruned one, and differences and their intervals have one unit.
    const facts = page.getByRole('region', { name: 'Selected point' });
    await expect(facts).toContainText(/Unpruned\d+\.\d/);
    await expect(facts).toContainText(/Unpruned against chance25\.0/);
    for (const term of ['Difference to unpruned', '95 % interval', 'One-sided lower end'])
      await expect(facts.locator('dt', { hasText: term }).locator('+ dd')).toContainText(/ points$/);
  });

  await test.step('points, rows and runs have commands by a right click', async () => {
    const menuOf = async (shown: string | RegExp, items: readonly string[]): Promise<void> => {
      const menu = page.getByRole('menu', { name: shown });
      for (const item of items) await expect(menu.getByRole('menuitem', { name: item, exact: true })).toBeVisible();
      await page.keyboard.press('Escape');
      await expect(menu).toHaveCount(0);
    };
    const point = page.locator('.difference-plot .curve-point[data-series="frequency"][data-at="4"]').first();
    await point.click({ button: 'right' });
    await menuOf(/^Frequency ×4/, ['Lost and gained items…', 'Export its plan…', 'Copy its numbers']);
    await page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first().click({ button: 'right' });
    await menuOf(/^Commands for Sample/, ['Open', 'Archive', 'Move to the trash']);
    const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
    await modes.getByRole('radio', { name: 'Table' }).click();
    const points = page.getByRole('region', { name: 'Every measured point of this sweep' });
    await points.getByRole('row').nth(1).click({ button: 'right' });
    await menuOf('Commands for the row', ['Show', 'Copy the row', 'Copy the table']);
    await modes.getByRole('radio', { name: 'Difference' }).click();
  });

  await test.step('the chart fills the screen with a crosshair that reads its scales, and can be copied', async () => {
    await page.getByRole('button', { name: /^Full screen: Difference to unpruned by factor/ }).click();
    const whole = page.getByRole('dialog', { name: /^Difference to unpruned by factor/ });
    await whole.locator('.difference-plot').first().hover();
    await expect(whole.locator('.crosshair text').first()).toHaveText(/^×\d+(\.\d+)?, .*\d/);
    await whole.getByRole('button', { name: 'Save curve' }).click();
    await expect(page.getByRole('menuitem', { name: 'Copy picture' })).toBeVisible();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await expect(whole).toHaveCount(0);
  });
  expect(problems).toEqual([]);
});

test('a plan without measurement is measured on the spot, and its point joins the chart', async ({ workbench }) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await header(page).getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
  await header(page).getByLabel('Task', { exact: true }).selectOption({ label: 'Sums' });
  await profileOn(page, ['Sums']);
  await header(page).getByLabel('Factor', { exact: true }).selectOption({ label: '×1.33' });
  const points = page.locator('.difference-plot .curve-point');
  const before = await points.count();
  expect(before).toBeGreaterThan(0);
  await cursor(page)
    .getByRole('button', { name: /^Measure now \(about \d+/ })
    .click();
  await expect(cursor(page)).toContainText(/measured: (safe|unsafe|cannot tell), /, { timeout: HANG_LIMIT_MS });
  await expect(points).toHaveCount(before + 1);
  await photograph(workbench, 'measured-now');

  await test.step('with pins, it is measured as a file; a right click removes the pin', async () => {
    const map = page.getByRole('application', { name: /3 layers by 8 experts/ });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('s');
    await expect(cursor(page)).toContainText('not measured');
    await cursor(page).getByRole('button', { name: 'Measure now' }).click();
    await expect(cursor(page)).toContainText('measured: ', { timeout: HANG_LIMIT_MS });
    await map.click({ button: 'right', position: { x: 50, y: 40 } });
    await page
      .getByRole('menu', { name: 'Layer 0, expert 0' })
      .getByRole('menuitem', { name: 'Remove the pin' })
      .click();
    await expect(page.getByRole('menu')).toHaveCount(0);
    await map.click({ button: 'right', position: { x: 50, y: 40 } });
    await expect(page.getByRole('menuitem', { name: 'Remove the pin' })).toHaveCount(0);
    await page.keyboard.press('Escape');
    await expect(cursor(page)).toContainText('measured: ');
  });
  expect(problems).toEqual([]);
});

test('plan settings belong to the plan: in the address, after a reload, with a point, and undone', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await header(page).getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-32' });
  await header(page).getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
  const plan = page.getByRole('region', { name: 'Plan settings' });
  const budget = plan.getByLabel('Budget');

  await test.step('a budget is in the address and survives a reload', async () => {
    await budget.selectOption('global');
    await expect(page).toHaveURL(/budget=global/);
    await page.keyboard.press('Control+z');
    await expect(budget).toHaveValue('uniform');
    await page.keyboard.press('Control+Shift+z');
    await expect(page).toHaveURL(/budget=global/);
    await page.reload();
    await expect(budget).toHaveValue('global');
    await expect(cursor(page)).toContainText('not measured');
  });

  await test.step('a point restores the budget of its plan, and one undo step reverts it', async () => {
    await clickFrequencyAtFour(page);
    await expect(chosen(page, 'Method')).toHaveText('Frequency');
    await expect(cursor(page)).toContainText(/Frequency ×4measured: (safe|unsafe|cannot tell)/);
    await page.getByRole('tab', { name: 'Plan', exact: true }).click();
    await expect(budget).toHaveValue('uniform');
    await page.keyboard.press('Control+z');
    await expect(budget).toHaveValue('global');
    await page.keyboard.press('Control+Shift+z');
    await expect(budget).toHaveValue('uniform');
  });

  await test.step('verdicts everywhere use the selected margin', async () => {
    const point = page.getByRole('region', { name: 'Selected point' }).getByRole('heading', { level: 2 });
    await page.getByRole('tab', { name: 'Point', exact: true }).click();
    const word = async (): Promise<string> => (await point.innerText()).replace(/^.*: /, '');
    await (await openRule(page)).getByLabel('Margin δ').fill('0.15');
    await expect(point).toContainText(/: (safe|unsafe|cannot tell)/);
    await header(page).getByLabel('Method', { exact: true }).selectOption({ label: 'Frequency' });
    await header(page).getByLabel('Factor', { exact: true }).selectOption('4');
    // Both are recomputed once the margin is settled.
    await expect.poll(async () => (await cursor(page).innerText()).includes(`measured: ${await word()}`)).toBe(true);
  });

  await test.step('one number is typed over another character by character', async () => {
    const sweep = await openSweep(page);
    const margin = sweep.getByLabel('Margin δ');
    await margin.selectText();
    await page.keyboard.type('0.5');
    await expect(margin).toHaveValue('0.5');
    await margin.selectText();
    await page.keyboard.type('5');
    await expect(margin).toHaveValue('5');
    await expect(sweep).toContainText('δ = 5 points');
    const seeds = sweep.getByLabel('Draws', { exact: true });
    await seeds.selectText();
    await page.keyboard.press('Delete');
    await expect(seeds).toHaveAttribute('aria-invalid', 'true');
    await page.keyboard.type('12');
    await expect(seeds).toHaveValue('12');
    await page.getByRole('tab', { name: 'Plan', exact: true }).click();
    await budget.selectOption('manual');
    const first = plan.getByLabel('Layer 0: kept experts');
    await first.selectText();
    await page.keyboard.type('12');
    await first.blur();
    await expect(first).toHaveValue('12');
    await expect(page).toHaveURL(/counts=12\./);
  });

  await test.step('a dialog captures the keyboard, and closes only on a click outside it', async () => {
    const row = page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first();
    await row.hover();
    await row.getByRole('button', { name: /^More for/ }).click();
    await page.getByRole('menuitem', { name: 'Note, tags, details…' }).click();
    const dialog = page.getByRole('dialog');
    const note = dialog.getByLabel('Note');
    await note.fill('as it was');
    await page.keyboard.press('Control+Enter');
    await page.keyboard.press('Alt+ArrowDown');
    const box = await note.boundingBox();
    if (box === null) throw new Error('the note is not on the page');
    await page.mouse.move(box.x + 20, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(8, box.y + 10, { steps: 4 });
    await page.mouse.up();
    await expect(note).toHaveValue('as it was');
    await expect(chosen(page, 'Task')).toHaveText('Sorting');
    await expect(page.getByText('No job is running.')).toBeVisible();
    await page.mouse.click(8, box.y + 10);
    await expect(dialog).toBeHidden();
  });
  expect(problems).toEqual([]);
});
