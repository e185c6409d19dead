import type { Page } from '@playwright/test';
import { pageErrors, photograph } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const waiting = (page: Page) => page.getByRole('list', { name: 'Waiting jobs' }).getByRole('listitem');
const profileOf = (name: string): RegExp => new RegExp(`^Profile of ${name}\\b`);

test('waiting jobs are reordered by keys and by drag, and show their log', async ({ workbench }) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  const model = page.getByRole('region', { name: 'What is on screen' }).getByLabel('Model', { exact: true });

  // A sweep of many tasks keeps running while the others are moved.
  await model.selectOption({ label: 'uncurl-64' });
  // Before that, the key does nothing.
  await expect(page.getByRole('button', { name: 'Start sweep' })).toBeEnabled();
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('list', { name: 'Runs' }).getByText(/^Sweep of uncurl-64/)).toBeVisible();
  for (const name of ['uncurl-8', 'uncurl-16', 'uncurl-32']) {
    await model.selectOption({ label: name });
    await page.keyboard.press('Control+Shift+P');
    await expect(page.getByRole('list', { name: 'Runs' }).getByText(profileOf(name))).toBeVisible();
  }
  await page.getByRole('button', { name: '3 more' }).click();
  const names = async (): Promise<readonly string[]> => waiting(page).locator('.job-title').allTextContents();
  const expectOrder = (...order: readonly string[]) =>
    expect.poll(async () => (await names()).map((title) => /uncurl-\d+/.exec(title)?.[0])).toEqual(order);
  await expectOrder('uncurl-8', 'uncurl-16', 'uncurl-32');

  await test.step('by keys', async () => {
    await waiting(page)
      .filter({ hasText: 'uncurl-32' })
      .getByRole('button', { name: /^Move / })
      .focus();
    await page.keyboard.press('ArrowUp');
    await expectOrder('uncurl-8', 'uncurl-32', 'uncurl-16');
    await photograph(workbench, 'waiting-jobs');
    // A second key before the engine has answered the first one moves the job on.
    const handle = waiting(page)
      .filter({ hasText: 'uncurl-16' })
      .getByRole('button', { name: /^Move / });
    await handle.evaluate((button) => {
      for (let press = 0; press < 2; press++)
        button.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true, cancelable: true }));
    });
    await expectOrder('uncurl-16', 'uncurl-8', 'uncurl-32');
  });

  await test.step('by drag', async () => {
    // Wait for the engine's answer to the previous move.
    await expect(waiting(page).nth(0)).toHaveAttribute('draggable', 'true');
    await waiting(page).nth(0).dragTo(waiting(page).nth(2));
    await expectOrder('uncurl-8', 'uncurl-32', 'uncurl-16');
  });

  await test.step('a waiting run is not deleted', async () => {
    const run = page
      .getByRole('list', { name: 'Runs' })
      .locator('.row-main')
      .filter({ hasText: 'Profile of uncurl-8' });
    await run.focus();
    await page.keyboard.press('Delete');
    const refused = page.getByText(/^“Profile of uncurl-8 .*” is waiting\.$/);
    await expect(refused).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(waiting(page)).toHaveCount(3);
  });

  await test.step('the running job shows its log so far', async () => {
    await page.getByRole('button', { name: /^Log of Sweep of uncurl-64/ }).click();
    const dialog = page.getByRole('dialog', { name: /^Sweep of uncurl-64/ });
    await dialog.getByText(/^Log \(\d+ lines\)/).click();
    await expect(dialog.getByRole('list', { name: 'Log of the run' })).toContainText(/Started on CPU, float32/);
    await page.keyboard.press('Escape');
  });

  await test.step('cancelled jobs disappear', async () => {
    for (const name of [/^Cancel Profile of uncurl-8/, /^Cancel Profile of uncurl-16/, /^Cancel Profile of uncurl-32/])
      await page.getByRole('contentinfo', { name: 'Jobs' }).getByRole('button', { name }).click();
    // At once, although the sweep before them continues.
    await expect(waiting(page)).toHaveCount(0);
    await page
      .getByRole('contentinfo', { name: 'Jobs' })
      .getByRole('button', { name: /^Cancel Sweep/ })
      .click();
    await expect(page.getByText('was left unfinished')).toBeVisible();
  });
  expect(problems).toEqual([]);
});
