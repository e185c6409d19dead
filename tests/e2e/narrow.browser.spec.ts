import path from 'node:path';
import type { Page } from '@playwright/test';
import { openDetails, photograph, resources, showWhole, tab } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

const softly = expect.configure({ soft: true });

/** Dialogs that open from anywhere, with their keys. */
const dialogs = [
  ['Control+k', 'Commands'],
  ['Control+Shift+E', 'Export'],
  ['Control+Shift+M', 'Methods'],
  ['Control+Shift+D', 'Devices'],
  ['Control+,', 'Settings'],
] as const;

const views = ['Workbench', 'Thresholds', 'Compare'] as const;
const otherViews = ['Runs', 'Side by side', 'Map of models', 'Fit'] as const;

/** Pixels by which the page, or a part of it, is wider than its window; it must never scroll sideways. */
const overflow = (page: Page, part = 'html'): Promise<number> =>
  page.locator(part).evaluate((element) => element.scrollWidth - element.clientWidth);

/** Heights of the rows of controls above a view that are higher than one row, or than `most` pixels. */
const toolbarHeights = (page: Page, most = 50): Promise<readonly number[]> =>
  page
    .locator('.plan-header, .view-head, .view-toolbar')
    .evaluateAll(
      (rows, limit) => rows.map((row) => row.getBoundingClientRect().height).filter((height) => height > limit),
      most,
    );

/**
 * Tabs through the page from the top until the focus returns. Reports the focused elements and those whose focus was
 * not visible. A group of radio buttons or tabs is one stop; hidden elements are none.
 */
const walk = async (
  page: Page,
): Promise<{ readonly reached: readonly string[]; readonly unseen: readonly string[] }> => {
  await page.evaluate(() => {
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    document.querySelectorAll('[data-walked]').forEach((element) => element.removeAttribute('data-walked'));
  });
  const reached: string[] = [];
  const unseen: string[] = [];
  let rounds = 0;
  for (let stops = 0; stops < 600; stops += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      // After the last element the page itself has the focus; the walk then continues from the top.
      if (!(element instanceof HTMLElement) || element === document.body) return 'page';
      if (element.hasAttribute('data-walked')) return 'again';
      element.setAttribute('data-walked', '');
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      const name = element.getAttribute('aria-label') ?? element.textContent;
      return {
        name: `${element.tagName.toLowerCase()} ${name.trim().slice(0, 40)}`,
        isSeen: (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none',
      };
    });
    if (stop === 'again') break;
    if (stop === 'page') {
      rounds += 1;
      if (rounds > 1) break;
      continue;
    }
    reached.push(stop.name);
    if (!stop.isSeen) unseen.push(stop.name);
  }
  return { reached, unseen };
};

/** Enabled buttons that Tab did not reach, except those in groups with a single stop. */
const notReached = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() =>
    [
      ...document.querySelectorAll<HTMLButtonElement>(
        'button:not(:disabled), a[href], input:not(:disabled), select:not(:disabled)',
      ),
    ]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0)
      .filter((element) => !element.hasAttribute('data-walked'))
      .filter((element) => element.closest('[role=radiogroup], [role=tablist], [data-member], [data-line]') === null)
      // Marks of the factor slider, which is a tab stop itself and reaches each mark by its keys.
      .filter((element) => element.closest('.factor-slider-marks') === null)
      .map((element) => element.getAttribute('aria-label') ?? element.textContent.trim()),
  );

test('the selected model stays in view while the list of runs takes its room', async ({ workbench: { page } }) => {
  const models = page.getByRole('region', { name: 'Models' });
  const row = models.locator('[aria-current=true]');
  const hidden = (): Promise<number> =>
    row.evaluate((element) => {
      const list = element.closest('.rows-scrolled');
      return element.getBoundingClientRect().bottom - (list?.getBoundingClientRect().bottom ?? 0);
    });
  const height = (): Promise<number> => models.locator('.rows-scrolled').evaluate((list) => list.clientHeight);
  await expect(row).toContainText('uncurl-64');
  await expect.poll(hidden).toBeLessThan(1);
  const before = await height();
  await page.keyboard.press('Control+Shift+P');
  await expect.poll(height).toBeLessThan(before);
  await expect.poll(hidden).toBeLessThan(1);
});

test('Tab reaches every button of every view, with a visible focus', async ({ workbench }) => {
  const { page } = workbench;
  for (const view of views) {
    // An element that appeared during the walk would count as not reached.
    await showWhole(page, view);
    await expect(page.getByRole('tab', { name: view })).toHaveAttribute('aria-selected', 'true');
    if (view === 'Thresholds') await openDetails(page);
    const { reached, unseen } = await walk(page);
    expect(reached.length, view).toBeGreaterThan(20);
    expect.soft(unseen, `${view}: the focus is not seen`).toEqual([]);
    expect.soft(await notReached(page), `${view}: not reached`).toEqual([]);
  }
});

test('at 1024 x 700 and at 200 % nothing is lost: no sideways scrolling, side panels cover the view', async ({
  workbench,
}) => {
  const { page } = workbench;
  const inspector = page.getByRole('complementary', { name: 'Inspector' });
  const sidebar = page.getByRole('navigation', { name: 'Models, tasks and runs' });
  // 200 % of a window of 1440 x 900: half as many CSS pixels.
  for (const [width, height] of [
    [1024, 700],
    [720, 450],
  ] as const) {
    await page.setViewportSize({ width, height });
    // Panels that would cover the view close when the window becomes too narrow.
    await expect(inspector).toHaveCount(0);
    await expect(sidebar).toHaveCount(width > 800 ? 1 : 0);
    for (const view of views) {
      await showWhole(page, view);
      // Charts adapt to the window's width one frame later.
      await softly.poll(() => overflow(page), `${view} at ${String(width)}`).toBeLessThanOrEqual(0);
      await softly.poll(() => overflow(page, '#view'), `the part ${view} at ${String(width)}`).toBeLessThanOrEqual(0);
      await softly.poll(() => toolbarHeights(page), `rows of ${view} at ${String(width)}`).toEqual([]);
      await photograph(workbench, `${view.toLowerCase()}-${String(width)}`);
    }
    await tab(page, 'Workbench');
    for (const [keys, title] of dialogs) {
      await page.keyboard.press(keys);
      const dialog = page.getByRole('dialog', { name: title, exact: true });
      await expect(dialog).toBeVisible();
      const hidden = await dialog.evaluate((element) => ({
        sideways: element.scrollWidth - element.clientWidth,
        beyond: Math.max(
          element.getBoundingClientRect().right - window.innerWidth,
          -element.getBoundingClientRect().left,
        ),
      }));
      expect.soft(hidden, `${title} at ${String(width)}`).toEqual({ sideways: 0, beyond: expect.any(Number) });
      expect.soft(hidden.beyond, `${title} at ${String(width)}`).toBeLessThanOrEqual(0);
      await photograph(workbench, `${title.toLowerCase()}-${String(width)}`);
      await page.keyboard.press('Escape');
      await expect(dialog).toBeHidden();
    }
    // What a file dialog refuses leaves room for its list and its buttons.
    await page.keyboard.press('Control+o');
    const files = page.getByRole('dialog', { name: 'Open a model' });
    await expect(files.getByRole('textbox', { name: 'Path' })).not.toHaveValue('');
    await files.getByRole('textbox', { name: 'Path' }).fill(path.join(resources, 'tasks', 'add', 'test.jsonl'));
    await page.keyboard.press('Enter');
    await expect(files.getByRole('alert')).toContainText('test.jsonl is a task, not a model.');
    await softly(files.getByRole('listitem').first(), `first entry at ${String(width)}`).toBeInViewport({ ratio: 0.9 });
    const confirm = files.getByRole('button', { name: 'Open this folder' });
    await softly(confirm, `the button at ${String(width)}`).toBeInViewport({ ratio: 0.99 });
    await page.keyboard.press('Escape');
    await expect(files).toBeHidden();
    for (const [panel, name] of [
      [inspector, 'Show or hide the inspector'],
      [sidebar, 'Show or hide the sidebar'],
    ] as const) {
      const toggle = page.getByRole('button', { name });
      if ((await panel.count()) === 0) await toggle.click();
      await expect(panel).toBeVisible();
      const rightEnd = async (): Promise<number> => {
        const box = await panel.boundingBox();
        return box === null ? Infinity : box.x + box.width;
      };
      await softly.poll(rightEnd, `${name} at ${String(width)}`).toBeLessThanOrEqual(width);
      // Covers the view if there is no room beside it.
      const viewWidth = async (): Promise<number> => (await page.getByRole('main').boundingBox())?.width ?? 0;
      if (width < 800) await softly.poll(viewWidth, name).toBeGreaterThan(width / 2);
      // Escape closes a panel that covers the view.
      if (panel === inspector) await panel.getByRole('tab', { selected: true }).press('Escape');
      else await toggle.click();
      await expect(panel).toHaveCount(0);
      if (panel === sidebar && width > 800) await toggle.click();
    }
  }
  // As narrow as a phone: no view scrolls sideways, nor does the page.
  await page.setViewportSize({ width: 380, height: 700 });
  for (const view of [...views, ...otherViews]) {
    if (view === 'Workbench' || view === 'Thresholds' || view === 'Compare') await showWhole(page, view);
    else await tab(page, view);
    await softly.poll(() => overflow(page), `${view} at 380`).toBeLessThanOrEqual(0);
    await softly.poll(() => overflow(page, '#view'), `the part ${view} at 380`).toBeLessThanOrEqual(0);
    await softly.poll(() => toolbarHeights(page, 90), `rows of ${view} at 380`).toEqual([]);
    await photograph(workbench, `${view.toLowerCase().replaceAll(' ', '-')}-380`);
    if (view !== 'Runs') continue;
    await page.getByRole('main').getByText('Columns', { exact: true }).click();
    const box = await page.getByRole('group', { name: 'Columns of the table' }).boundingBox();
    softly(box?.x, 'left edge of the columns at 380').toBeGreaterThanOrEqual(0);
    softly((box?.x ?? 0) + (box?.width ?? 0), 'right edge of the columns at 380').toBeLessThanOrEqual(380);
    await page.keyboard.press('Escape');
  }
  // Two rows, in which names can be read; the tab of the view is in sight.
  const widths = await page
    .locator('.plan-header select:not(.plan-header-answers)')
    .evaluateAll((selects) => selects.map((select) => Math.round(select.getBoundingClientRect().width)));
  expect(Math.min(...widths)).toBeGreaterThan(100);
  await expect(page.getByRole('tab', { name: 'Fit', exact: true })).toBeInViewport({ ratio: 0.95 });
  await tab(page, 'Workbench');
  await page.setViewportSize({ width: 1440, height: 900 });
  await expect(inspector).toBeVisible();
  await expect(sidebar).toBeVisible();
  for (const media of [{ forcedColors: 'active' }, { reducedMotion: 'reduce' }] as const) {
    await page.emulateMedia(media);
    await photograph(workbench, 'forcedColors' in media ? 'forced-colors' : 'reduced-motion');
  }
  const moving = await page.evaluate(
    () =>
      [...document.querySelectorAll('*')].filter((element) => {
        const { transitionDuration, animationName, animationDuration } = getComputedStyle(element);
        return parseFloat(transitionDuration) > 0 || (animationName !== 'none' && parseFloat(animationDuration) > 0);
      }).length,
  );
  expect(moving).toBe(0);
});
