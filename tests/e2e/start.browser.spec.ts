import type { Locator } from '@playwright/test';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { axeFindings } from './axe-findings.ts';
import { pageErrors, photograph } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** Texts within an element that lie, at least in part, under one of its buttons that consist of an icon. */
const underIcons = (part: Locator): Promise<readonly string[]> =>
  part.evaluate((element) => {
    const icons = [...element.querySelectorAll('.icon-button')];
    const boxes = icons.map((icon) => icon.getBoundingClientRect()).filter(({ width }) => width > 0);
    const found: string[] = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(node);
      const own = [...range.getClientRects()];
      const isUnder = boxes.some((box) =>
        own.some(
          ({ left, right, top, bottom }) =>
            left < box.right - 1 && right > box.left + 1 && top < box.bottom - 1 && bottom > box.top + 1,
        ),
      );
      if (isUnder && icons.every((icon) => !icon.contains(node))) found.push(node.textContent ?? '');
    }
    return found;
  });

/** Texts of elements that are wider than their room. */
const cutOff = (texts: Locator): Promise<readonly string[]> =>
  texts.evaluateAll((all) =>
    all.filter((one) => one.scrollWidth > one.clientWidth).map(({ textContent }) => textContent),
  );

test('an empty workspace offers four ways to begin; lists share their height, nothing is cut or covered', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  const sidebar = page.getByRole('navigation', { name: 'Models, tasks and runs' });
  const ways = page.getByRole('region', { name: 'Ways to begin' });
  const offered = ['Open the sample', 'Open a model…', 'Fit a model to a size', 'Connect to a machine…'];
  await expect(ways.getByRole('button')).toHaveText(offered);
  // One button leads.
  await expect(page.locator('.button-primary')).toHaveCount(1);
  expect(await axeFindings(page), 'an empty workspace').toEqual([]);
  await page.getByRole('tab', { name: 'Runs', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'No runs yet' })).toBeVisible();
  expect(await axeFindings(page), 'no runs').toEqual([]);
  await page.getByRole('main').getByRole('button', { name: 'Set up a sweep' }).click();
  await ways.getByRole('button', { name: 'Open a model…' }).click();
  await expect(page.getByRole('dialog', { name: 'Open a model' })).toBeVisible();
  await page.keyboard.press('Escape');
  await ways.getByRole('button', { name: 'Connect to a machine…' }).click();
  const connecting = page.getByRole('dialog', { name: 'Connect to another machine' });
  // A page in a browser stays with the engine that served it.
  await expect(connecting).toContainText('uncurl connect [USER@]HOST --open');
  expect(await axeFindings(page), 'connecting').toEqual([]);
  await page.keyboard.press('Escape');
  await ways.getByRole('button', { name: 'Fit a model to a size' }).click();
  await expect(page.getByRole('tab', { name: 'Fit', exact: true })).toHaveAttribute('aria-selected', 'true');
  await page.getByRole('tab', { name: 'Workbench', exact: true }).click();
  await ways.getByRole('button', { name: 'Open the sample' }).click();
  const run = page
    .getByRole('list', { name: 'Runs' })
    .getByRole('listitem')
    .filter({ hasText: /^Sample/ });
  await expect(run).toBeVisible({ timeout: HANG_LIMIT_MS });
  await expect(page.getByRole('note').getByText(/uncurl-\* and switch-\* are small models/)).toBeVisible();

  const model = page.getByRole('region', { name: 'What is on screen' }).getByLabel('Model', { exact: true });
  // The largest of its models, which can be pruned furthest.
  await expect(model.locator('option:checked')).toHaveText('uncurl-64');
  await expect(page.locator('.difference-plot .curve-point').first()).toBeVisible();
  await expect(ways).toBeHidden();
  await photograph(workbench, 'sample-added');

  await test.step('names of tasks are whole, and the icons of a run leave its title readable', async () => {
    const tasks = page.getByRole('list', { name: 'Tasks' });
    const names = tasks.locator('.row-title');
    // Chosen and written answers to the same items are one task with two marks.
    await expect(names).toHaveCount(14);
    await expect(names.filter({ hasText: 'Plurals' })).toHaveCount(1);
    await expect(tasks.getByRole('checkbox', { name: /^Use Plurals/ })).toHaveCount(2);
    expect(await cutOff(names)).toEqual([]);
    await run.hover();
    await expect(run.locator('.icon-button').first()).toBeVisible();
    expect((await underIcons(run)).filter((text) => text.startsWith('Sample'))).toEqual([]);
    expect(await underIcons(page.getByRole('contentinfo', { name: 'Jobs' }))).toEqual([]);
  });

  await test.step('the lists fill the sidebar, which has no scroll bar of its own, and their edges move', async () => {
    expect(await sidebar.evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)).toBe(0);
    const edge = sidebar.getByRole('separator').first();
    const share = async (): Promise<number> => Number(await edge.getAttribute('aria-valuenow'));
    const height = async (): Promise<number> =>
      sidebar.getByRole('region', { name: 'Models' }).evaluate((panel) => panel.getBoundingClientRect().height);
    const [before, high] = [await share(), await height()];
    await edge.press('ArrowUp');
    await expect.poll(share).toBe(before - 5);
    await expect.poll(height).toBeLessThan(high);
  });

  await test.step('the panels of all tasks show their number of items whole', async () => {
    await page
      .getByRole('radiogroup', { name: 'Chart below the answer' })
      .getByRole('radio', { name: 'All tasks' })
      .click();
    const counts = page.locator('.curve-panel figcaption .number');
    await expect(counts).toHaveCount(18);
    expect(await cutOff(counts)).toEqual([]);
    const outside = await counts.evaluateAll(
      (all) =>
        all.filter((one) => {
          const frame = one.closest('figcaption')?.getBoundingClientRect();
          return frame === undefined || one.getBoundingClientRect().right > frame.right + 1;
        }).length,
    );
    expect(outside).toBe(0);
  });
  expect(problems).toEqual([]);
});
