import type { Page } from '@playwright/test';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { showWhole, tab } from './page-steps.ts';
import { expect, sampled, test } from './workbench.ts';

const softly = expect.configure({ soft: true });

/** Edges of what is shown of the workbench, in CSS pixels from the top left of the window. */
const placesOf = async (page: Page) => {
  const main = page.getByRole('main');
  const box = async (name: string, part: ReturnType<Page['locator']>) => {
    const found = await part.boundingBox();
    if (found === null) throw new Error(`${name} is not on the page`);
    return { ...found, bottom: found.y + found.height, right: found.x + found.width };
  };
  return {
    answer: await box('the answer', main.getByRole('status', { name: 'The answer' })),
    curve: await box('the curve', main.locator('.difference-plot').first()),
    map: await box('the map', main.getByRole('region', { name: 'Layer and expert map' })),
    tasks: await box('all profiled tasks', main.getByRole('region', { name: 'All profiled tasks' })),
    sweep: await box('the sweep', main.getByRole('region', { name: 'Sweep', exact: true })),
  };
};

/** Rows of controls that are higher than one row, by their class. */
const wrapped = (page: Page): Promise<readonly string[]> =>
  page
    .locator('main, .plan-header')
    .locator('visible=true')
    .evaluateAll((parts) =>
      parts
        .flatMap((part) => [part, ...part.querySelectorAll('.view-head, .view-toolbar, .map-controls, .section-head')])
        .filter((row) => row.matches('.plan-header, .view-head, .view-toolbar, .map-controls, .section-head'))
        .map((row) => [row.className, Math.round(row.getBoundingClientRect().height)] as const)
        .filter(([, height]) => height > 50)
        .map(([name, height]) => `${name}: ${String(height)} px`),
    );

test('the workbench leads with the answer: curve, map and its legend are above the fold, no row wraps', async ({
  workbench,
}) => {
  const { page } = workbench;
  // As a user opens it: the engine then takes its profiles as its own.
  await page.getByRole('button', { name: 'Open the sample' }).click();
  const header = page.getByRole('region', { name: 'What is on screen' });
  // With the note on the sample, under which there is the least room.
  await expect(page.getByRole('note')).toBeVisible({ timeout: HANG_LIMIT_MS });
  for (const model of ['uncurl-32', 'uncurl-64']) {
    await header.getByLabel('Model', { exact: true }).selectOption({ label: model });
    await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sums' });
    await showWhole(page, 'Workbench');
    await expect(page.getByRole('region', { name: 'All profiled tasks' })).toBeVisible();
    await page.setViewportSize({ width: 1440, height: 900 });
    // Plots take their size a frame after the change.
    await expect.poll(async () => (await placesOf(page)).curve.height).toBeGreaterThanOrEqual(220);
    const { answer, curve, map, tasks, sweep } = await placesOf(page);
    softly(answer.bottom, `${model}: the answer is first`).toBeLessThanOrEqual(curve.y);
    softly(map.y, `${model}: the map is under the curve`).toBeGreaterThanOrEqual(curve.bottom);
    softly(map.bottom, `${model}: the map and its legend are above the fold`).toBeLessThanOrEqual(sweep.y);
    softly(tasks.y - map.bottom, `${model}: all profiled tasks are right under it`).toBeLessThan(40);
    await page.setViewportSize({ width: 1920, height: 1080 });
    // Beside each other, a frame after the change.
    await expect
      .poll(async () => {
        const wide = await placesOf(page);
        return wide.map.x - wide.curve.right;
      })
      .toBeGreaterThan(0);
    const wide = await placesOf(page);
    softly(wide.tasks.bottom, `${model}: a wide window shows all tasks too`).toBeLessThanOrEqual(wide.sweep.y);
    softly(await wrapped(page), `${model} at 1920`).toEqual([]);
  }
});

sampled('one row of controls in every view; no two buttons that save have one name', async ({ workbench }) => {
  const { page } = workbench;
  for (const view of ['Workbench', 'Thresholds', 'Compare', 'Runs', 'Side by side', 'Map of models', 'Fit'] as const) {
    if (view === 'Workbench' || view === 'Thresholds' || view === 'Compare') await showWhole(page, view);
    else await tab(page, view);
    for (const [width, height] of [
      [1920, 1080],
      [1440, 900],
    ] as const) {
      await page.setViewportSize({ width, height });
      await softly.poll(() => wrapped(page), `${view} at ${String(width)}`).toEqual([]);
    }
    const saving = await page.getByRole('main').getByRole('button', { name: /^Save/ }).allTextContents();
    softly([...new Set(saving)], view).toEqual(saving);
  }
});

sampled('a view is printed whole and light, without the panels beside it', async ({ workbench }) => {
  const { page } = workbench;
  await page.emulateMedia({ colorScheme: 'dark' });
  await showWhole(page, 'Thresholds');
  const theme = page.locator('html');
  await expect(theme).toHaveAttribute('data-theme', 'dark');
  await page.emulateMedia({ colorScheme: 'dark', media: 'print' });
  // A4 at 96 dots an inch.
  await page.setViewportSize({ width: 794, height: 1123 });
  await expect(theme).toHaveAttribute('data-theme', 'light');
  await expect(page.getByRole('navigation', { name: 'Models, tasks and runs' })).toBeHidden();
  await expect(page.getByRole('complementary', { name: 'Inspector' })).toBeHidden();
  await expect(page.getByRole('contentinfo', { name: 'Jobs' })).toBeHidden();
  // What is only pressed is left out.
  const main = page.getByRole('main');
  await expect(main.getByText('Save figure').first()).toBeHidden();
  await expect(main.getByText('Save report')).toBeHidden();
  await expect(main.locator('.sort-mark').first()).toBeHidden();
  // Nothing is wider than the paper.
  expect(await theme.evaluate((element) => element.scrollWidth - element.clientWidth)).toBeLessThanOrEqual(0);
  // The page is as long as the view, whose end is not cut off.
  const notes = await page.getByRole('region', { name: 'Notes' }).boundingBox();
  const height = await theme.evaluate((element) => element.scrollHeight);
  expect(notes).not.toBeNull();
  expect(height).toBeGreaterThanOrEqual(Math.floor((notes?.y ?? Infinity) + (notes?.height ?? 0)));
  await page.emulateMedia({ colorScheme: 'dark', media: 'screen' });
  await expect(theme).toHaveAttribute('data-theme', 'dark');
});
