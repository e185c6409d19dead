import { access, readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import {
  centerOf,
  chooseExportFolder,
  openMapOptions,
  openRule,
  openSweep,
  pageErrors,
  photograph,
} from './page-steps.ts';
import { expect, test } from './workbench.ts';

const MODEL = 'uncurl-16';
const EXPORT_NAME = 'pruned-sorting';
const TICKED = ['Sums', 'Sorting', 'Plurals', 'Plurals, written'];

const runFolders = (workspace: string): Promise<readonly string[]> => readdir(path.join(workspace, 'runs'));

test('from the bundled model to a verified smaller checkpoint', async ({ workbench }) => {
  const { page, workspace, exports } = workbench;
  const problems = pageErrors(page);
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  const jobs = page.getByRole('contentinfo', { name: 'Jobs' });
  const points = page.locator('.curve-point');

  await test.step('the bundled model is listed with its facts', async () => {
    await page.getByRole('list', { name: 'Models' }).getByText(MODEL).click();
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await expect(inspector.getByText('Top-k')).toBeVisible();
    await expect(inspector.getByText('mixtral')).toBeVisible();
    await expect(page.getByRole('heading', { name: /is not profiled yet/ })).toBeVisible();
    await photograph(workbench, 'start');
  });

  await test.step('the items of a task can be read', async () => {
    const row = page
      .getByRole('list', { name: 'Tasks' })
      .getByRole('listitem')
      .filter({ has: page.getByText('Sorting', { exact: true }) });
    await row.hover();
    await row.getByRole('button', { name: 'Items of Sorting', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Sorting', exact: true });
    await expect(dialog.getByText('(right answer)').first()).toBeAttached();
    await photograph(workbench, 'samples');
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  });

  await test.step('three tasks are ticked, one of them written as well', async () => {
    const tasks = page.getByRole('list', { name: 'Tasks' });
    await expect(tasks.getByRole('checkbox', { name: /written$/ })).toHaveCount(9);
    await page.getByRole('button', { name: 'None', exact: true }).click();
    for (const title of TICKED) await tasks.getByRole('checkbox', { name: `Use ${title}`, exact: true }).check();
  });

  await test.step('profiling the ticked tasks draws the map', async () => {
    await page.getByRole('button', { name: 'Profile ticked tasks' }).click();
    const map = page.getByRole('application', { name: /3 layers by 16 experts/ });
    await expect(map).toBeVisible({ timeout: HANG_LIMIT_MS });
    await expect(page.getByText('profiled', { exact: false }).first()).toBeAttached();
    await expect(jobs.getByText('No job is running.')).toBeVisible({ timeout: HANG_LIMIT_MS });
    // The map of Plurals stands for its written twin too, which uses the same experts.
    await expect(page.getByRole('region', { name: 'All profiled tasks' }).getByRole('button')).toHaveCount(3);

    await page.getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
    await map.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    await expect(page.getByRole('region', { name: 'Layer 1, expert 1', exact: true })).toBeVisible();
    await photograph(workbench, 'routing');

    await openMapOptions(page);
    await page.getByLabel('Minus', { exact: true }).selectOption({ label: 'Plurals' });
    await expect(page.getByText('more on Plurals')).toBeVisible();
    await photograph(workbench, 'difference');
    await openMapOptions(page);
    await page.getByLabel('Minus', { exact: true }).selectOption({ label: 'nothing' });
  });

  await test.step('factor and method change the plan at once', async () => {
    await page.getByRole('tab', { name: 'Plan', exact: true }).click();
    const left = page.getByRole('region', { name: 'Result of the plan' });
    const kept = left.getByRole('row', { name: /Experts per layer/ });
    await expect(kept).toContainText('8');
    await page.getByRole('button', { name: 'Factor 4' }).click();
    await expect(kept.getByRole('cell').nth(1)).toHaveText('4');
    await page.getByLabel('Method', { exact: true }).selectOption({ label: 'UNCURL' });
    await expect(page.getByText('would be merged into another')).toBeVisible();
    await page.getByText('UNCURL options').click();
    await photograph(workbench, 'plan');
  });

  await test.step('a sweep shows its cost, starts, and its points appear one by one', async () => {
    const sweep = await openSweep(page);
    for (const method of ['Random', 'Frequency', 'REAP', 'UNCURL'])
      await expect(sweep.getByLabel(method, { exact: true })).toBeChecked();
    for (const factor of ['×2', '×4', '×8']) await expect(sweep.getByLabel(factor, { exact: true })).toBeChecked();
    await sweep.getByLabel('Draws', { exact: true }).fill('2');
    await expect(sweep.getByText(/18 candidates on 4 tasks: 76 evaluations/)).toBeVisible();
    await photograph(workbench, 'sweep');
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    await page.getByRole('radio', { name: 'All tasks' }).click();
    await expect(jobs.getByRole('progressbar')).toBeVisible();
    const soon = { timeout: HANG_LIMIT_MS, intervals: [50] };
    await expect.poll(() => points.count(), soon).toBeGreaterThan(0);
    const first = await points.count();
    // Check in between, so that a fast machine is also cancelled in the middle.
    await photograph(workbench, 'running');
    await expect.poll(() => points.count(), soon).toBeGreaterThan(first);
  });

  await test.step('it is cancelled during the sweep, and resumes', async () => {
    await jobs.getByRole('button', { name: /^Cancel/ }).click();
    await expect(jobs.getByText(/was left unfinished/)).toBeVisible();
    const atCancel = await points.count();
    expect(atCancel).toBeLessThan(4 * 18);
    expect(await runFolders(workspace)).toHaveLength(2);
    await photograph(workbench, 'cancelled');
    await jobs.getByRole('button', { name: 'Resume' }).click();
    // Not shown while there is an unfinished run.
    await expect(jobs.getByText('No job is running.')).toBeVisible({ timeout: HANG_LIMIT_MS });
    await expect(points).toHaveCount(4 * 18);
    expect(await runFolders(workspace)).toHaveLength(2);
  });

  await test.step('thresholds are shown with their rule, and follow delta without inference', async () => {
    const thresholds = page.getByRole('region', { name: 'Thresholds' });
    await expect(thresholds.getByText(/one-sided/)).toBeVisible();
    // A line for each of three tasks; Plurals has its chosen and its written answers in one.
    await expect(thresholds.getByRole('row')).toHaveCount(4);
    // Logged last in a sweep: points come before the thresholds computed from them.
    await expect(thresholds.getByText(/^\d+ of \d+ steps computed, \d+ reused from disk\.$/)).toBeVisible();
    const cells = thresholds.locator('tbody');
    // Written answers are read after chosen ones: a line in each of the four cells of Plurals.
    await expect(cells.getByText('written', { exact: true })).toHaveCount(4);
    const before = await cells.innerText();
    await photograph(workbench, 'curves');
    const slider = (await openRule(page)).getByRole('slider', { name: 'Margin δ' });
    await slider.fill('0.15');
    await expect.poll(() => cells.innerText()).not.toBe(before);
    await expect(jobs.getByText('No job is running.')).toBeVisible();
    await thresholds.scrollIntoViewIfNeeded();
    await photograph(workbench, 'thresholds');
    await openRule(page);
    await page.getByRole('button', { name: 'Reset' }).click();
    await expect.poll(() => cells.innerText()).toBe(before);
    await page.keyboard.press('Escape');
    const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
    await modes.getByRole('radio', { name: 'Table' }).click();
    const table = page.getByRole('region', { name: 'Every measured point of this sweep' });
    // A page of a table that has a line for each point and for the unpruned model, the draws folded.
    await expect(table.getByRole('row')).toHaveCount(1 + 25);
    await table.getByRole('button', { name: 'Show all 52 rows' }).click();
    await expect(table.getByRole('row')).toHaveCount(1 + 4 * 13);
    const draws = table.getByRole('row').filter({ hasText: '2 draws' });
    await expect(draws).toHaveCount(4 * 6);
    await draws.first().click();
    await expect(table.getByRole('row')).toHaveCount(1 + 4 * 13 + 2);
    await photograph(workbench, 'table');
    await modes.getByRole('radio', { name: 'Dropped' }).click();
    const dropped = page.getByRole('region', { name: 'Quality against dropped share' });
    await expect(dropped.getByRole('application').first()).toBeVisible();
    await photograph(workbench, 'dropped');
    await modes.getByRole('radio', { name: 'All tasks' }).click();
  });

  await test.step('the written answer to a lost item can be read from a point of a written task', async () => {
    const center = await centerOf(
      page.locator(`#curve-plural-written .curve-point[data-point*='"reap"'][data-point$=',4]']`),
    );
    await page.mouse.click(center.x, center.y);
    const point = page.getByRole('region', { name: 'Selected point' });
    const lost = /([\d,]+) lost/.exec(await point.getByText(/ lost, /).innerText())?.[1] ?? '';
    const items = point.getByRole('region', { name: 'Lost items' });
    await expect(items).toContainText(`Lost ${lost}, gained `);
    await expect(items.getByRole('list', { name: 'The first lost items' }).locator('mark').first()).toBeVisible();
    await photograph(workbench, 'point-items');
    await point.getByRole('button', { name: 'Show all items' }).click();
    const dialog = page.getByRole('dialog', { name: 'Items of Plurals, written' });
    await expect(dialog.getByRole('radio', { name: `Lost (${lost})` })).toHaveAttribute('aria-checked', 'true');
    const first = dialog.getByRole('listitem').first();
    await expect(first).toContainText('lost: right only without pruning');
    await expect(first.locator('mark').first()).toBeVisible();
    await photograph(workbench, 'items');
    await dialog.getByRole('radio', { name: /^Same/ }).click();
    await expect(dialog.getByRole('listitem').first()).toContainText(', same');
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  });

  await test.step('a point is read, and its plan exported and verified', async () => {
    const center = await centerOf(page.locator(`#curve-sort .curve-point[data-point*='"reap"'][data-point$=',4]']`));
    await page.mouse.move(center.x, center.y);
    await page.mouse.click(center.x, center.y);
    const point = page.getByRole('region', { name: 'Selected point' });
    // Until now the point of another task was selected.
    await expect(point).toContainText('Sorting');
    await expect(point.getByText('p (exact McNemar)')).toBeVisible();
    await photograph(workbench, 'point');
    await point.getByRole('button', { name: 'Export this plan' }).click();
    await chooseExportFolder(workbench);
    await page.getByLabel('Name of the new folder').fill(EXPORT_NAME);
    // A plan that is not shown to be safe would be asked about once more.
    await expect(page.getByText(/^Measured: Sorting safe/).first()).toBeVisible({ timeout: HANG_LIMIT_MS });
    await page.getByRole('button', { name: 'Export and verify' }).click();
    const outcome = page.getByRole('region', { name: 'Outcome' });
    await expect(outcome.getByText('Verified: the export equals the measured model')).toBeVisible({
      timeout: HANG_LIMIT_MS,
    });
    await expect(outcome.getByText(/tolerance/)).toBeVisible();
    await expect(outcome.getByText(/^Measured: Sorting safe/)).toBeVisible();
    await photograph(workbench, 'export');
    const folder = path.join(exports, EXPORT_NAME);
    await expect(outcome.getByText(folder, { exact: true })).toBeVisible();
    await access(path.join(folder, 'model.safetensors'));
    const config: unknown = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ model_type: 'mixtral' });
  });

  await test.step('an export into an existing folder is refused with a remedy', async () => {
    await page.getByRole('button', { name: 'Export and verify' }).click();
    // In the form, beside the button, and not as a message elsewhere.
    const form = page.getByRole('region', { name: 'Export', exact: true });
    await expect(form.getByRole('alert')).toContainText(new RegExp(`${EXPORT_NAME}.*exist`, 'i'));
    await photograph(workbench, 'refused');
  });

  await test.step('an export is opened as a model and selected', async () => {
    await page.getByRole('region', { name: 'Outcome' }).getByRole('button', { name: 'Open as model' }).click();
    await expect(page.getByRole('dialog', { name: 'Export', exact: true })).toBeHidden();
    const header = page.getByRole('region', { name: 'What is on screen' });
    await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText(EXPORT_NAME);
    await expect(page.getByRole('region', { name: 'Selected model' })).toContainText('mixtral');
  });

  await test.step('everything can be reached by keyboard', async () => {
    await page.keyboard.press('Control+k');
    const palette = page.getByRole('dialog', { name: 'Commands' });
    await expect(palette.getByRole('combobox')).toBeFocused();
    await page.keyboard.type('heatmap');
    await expect(palette.getByRole('option', { name: /^Show Workbench/ })).toBeVisible();
    await photograph(workbench, 'palette');
    await page.keyboard.press('Escape');
    await expect(palette).toBeHidden();
    await page.keyboard.press('Control+2');
    await expect(page.getByRole('tab', { name: 'Thresholds' })).toHaveAttribute('aria-selected', 'true');
    await page.keyboard.press('Control+1');
    await expect(page.getByRole('tab', { name: 'Workbench' })).toHaveAttribute('aria-selected', 'true');
  });

  expect(problems).toEqual([]);
});
