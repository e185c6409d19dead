import type { Page } from '@playwright/test';
import { addLargeModels, largeSizes } from './large-maps.ts';
import { pageErrors, photograph, openMapOptions } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const header = (page: Page) => page.getByRole('region', { name: 'What is on screen' });

/** Checks that neither the page nor its main part scrolls sideways, once charts have adapted to the window's width. */
const isNotPushedAside = (page: Page): Promise<void> =>
  expect
    .poll(() =>
      page.evaluate(
        () =>
          [document.documentElement, ...document.querySelectorAll('main, .view-body')].filter(
            (element) => element.scrollWidth > element.clientWidth,
          ).length,
      ),
    )
    .toBe(0);

/** Non-empty pixels of the map's canvas, in the strips of layer and expert numbers. */
const labelPixels = (page: Page): Promise<{ readonly layers: number; readonly experts: number }> =>
  page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('.heatmap canvas');
    const context = canvas?.getContext('2d');
    if (canvas === null || context === null || context === undefined) throw new Error('no map');
    const inked = (x: number, y: number, width: number, height: number): number => {
      const { data } = context.getImageData(x, y, width, height);
      let count = 0;
      for (let at = 3; at < data.length; at += 4) if ((data[at] ?? 0) > 64) count += 1;
      return count;
    };
    return { layers: inked(0, 24, 30, canvas.height - 24), experts: inked(36, 0, canvas.width - 110, 20) };
  });

test('maps of published sizes fit, are used by keyboard, zoom and pan, and never widen the page', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await addLargeModels(workbench);
  await page.reload();
  // The address of the last session is followed first.
  await expect(page.locator('.workbench-view')).toBeVisible();
  await header(page).getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
  await expect(page).toHaveURL(/task=sort/);

  for (const { name, layers, experts } of largeSizes) {
    await header(page).getByLabel('Model', { exact: true }).selectOption({ label: name });
    const map = page.getByRole('application', { name: new RegExp(`${layers} layers by ${experts} experts`) });
    const tools = page.locator('.map-tools > .muted').last();

    await test.step(`${name}: the whole map is visible at two sizes of the window`, async () => {
      await expect(map).toBeVisible();
      for (const [width, height] of [
        [1024, 700],
        [1440, 900],
      ] as const) {
        await page.setViewportSize({ width, height });
        await expect(map).toBeVisible();
        await isNotPushedAside(page);
        const isInSight = async (): Promise<boolean> => {
          const box = await map.boundingBox();
          return box !== null && box.x + box.width <= width && box.height <= height / 2;
        };
        await expect.poll(isInSight).toBe(true);
        // In a narrow window the right panel, which would cover the map, has closed.
        await photograph(workbench, `${name}-${width}`);
      }
      if (experts > 128) await expect(tools).toContainText(/each mark: the strongest of \d+ experts/);
    });

    await test.step(`${name}: keys reach every corner, and the tip describes the selected cell`, async () => {
      await map.focus();
      for (const key of ['ArrowRight', 'End', 'PageDown']) await page.keyboard.press(key);
      await expect(page.locator('.chart-tip strong')).toHaveText(`Layer ${layers - 1}, expert ${experts - 1}`);
      await page.keyboard.press('Home');
      await page.keyboard.press('PageUp');
      await expect(page.locator('.chart-tip strong')).toHaveText('Layer 0, expert 0');
    });

    await test.step(`${name}: zoom and pan by keys and wheel keep the numbers visible`, async () => {
      const leastLabels = async (): Promise<number> => {
        const { layers: ofLayers, experts: ofExperts } = await labelPixels(page);
        return Math.min(ofLayers, ofExperts);
      };
      await expect.poll(leastLabels).toBeGreaterThan(50);
      for (let step = 0; step < 3; step += 1) await page.keyboard.press('+');
      await expect(tools).toContainText(/layers 0–\d+, experts 0–\d+/);
      await page.keyboard.press('End');
      await expect(tools).toContainText(new RegExp(`experts \\d+–${experts - 1}`));
      await expect.poll(leastLabels).toBeGreaterThan(50);
      await page.keyboard.press('0');
      await expect(page.getByRole('button', { name: /Show the whole map/ })).toBeDisabled();
      // Turns the wheel over the middle of the map until it has an effect; the page may be late.
      const turn = async (deltaY: number): Promise<void> => {
        const before = (await tools.textContent()) ?? '';
        await page.mouse.wheel(0, deltaY);
        await expect(tools).not.toHaveText(before);
      };
      await map.hover();
      await page.keyboard.down('Control');
      for (let turns = 0; turns < 6; turns += 1) await turn(-120);
      await page.keyboard.up('Control');
      await expect(tools).toContainText(/layers \d+–\d+, experts \d+–\d+/);
      await page.keyboard.down('Shift');
      await turn(120);
      await page.keyboard.up('Shift');
      // Dragging moves what is zoomed in.
      const held = (await tools.textContent()) ?? '';
      const box = await map.boundingBox();
      if (box === null) throw new Error('the map is not on the page');
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x - box.width / 4, y, { steps: 4 });
      await page.mouse.up();
      await expect(tools).not.toHaveText(held);
      await isNotPushedAside(page);
      await photograph(workbench, `${name}-zoomed`);
      await map.focus();
      await page.keyboard.press('0');
      await page.mouse.move(2, 2);
      await expect(page.locator('.heatmap-hovered')).toHaveCount(0);
    });

    await test.step(`${name}: other orders and a difference`, async () => {
      await openMapOptions(page);
      await page.getByLabel('Order', { exact: true }).selectOption('by similarity');
      await expect(tools).toContainText('by similarity of their router logits');
      await page.getByLabel('Minus', { exact: true }).selectOption('Sums');
      await expect(page.getByRole('region', { name: 'Layer and expert map' })).toContainText('more on Sums');
      await isNotPushedAside(page);
      await photograph(workbench, `${name}-difference`);
      await page.keyboard.press('Control+z');
      await page.keyboard.press('Control+z');
      await expect(page.getByLabel('Order', { exact: true })).toHaveValue('number');
    });
  }
  expect(problems).toEqual([]);
});
