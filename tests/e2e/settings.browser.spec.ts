import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { pageErrors, photograph, openSweep } from './page-steps.ts';
import { expect, test, withServer } from './workbench.ts';

const open = async (page: Page) => {
  await page.keyboard.press('Control+,');
  return page.getByRole('dialog', { name: 'Settings', exact: true });
};

// The window's port never changes; a browser's changes with every start of `uncurl serve`.
test('settings persist: a start on another port finds and uses them, and says which ones wait for a start', async ({
  workbench,
}) => {
  const { page, workspace, settings } = workbench;
  const problems = pageErrors(page);

  await test.step('settings are stored in the file shown', async () => {
    await expect(page.getByRole('list', { name: 'Models' }).getByRole('listitem').first()).toBeVisible();
    const dialog = await open(page);
    await expect(dialog).toContainText(settings);
    await dialog.getByRole('radio', { name: 'Dark' }).click();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await dialog.getByLabel('Margin δ of the next sweep').fill('5');
    await dialog.getByLabel('Threads').fill('1.5');
    await expect(dialog).toContainText('from 1 to 1024');
    await dialog.getByLabel('Threads').fill('7');
    await page.keyboard.press('Enter');
    await expect(dialog).toContainText(/This engine uses \d+: the setting applies from its next start on/);
    await dialog.getByText(/^Methods of the next sweep/).click();
    await dialog.getByRole('checkbox', { name: 'Random', exact: true }).click();
    await expect(dialog.getByText('Methods of the next sweep: Frequency, REAP, UNCURL')).toBeVisible();
    await photograph(workbench, 'settings');
    // The displayed values are the engine's answer after writing.
    expect(JSON.parse(await readFile(settings, 'utf8'))).toEqual({
      theme: 'dark',
      delta: 0.05,
      threads: 7,
      methods: ['frequency', 'reap', 'uncurl'],
    });
    // Headless Chromium blocks notifications: the switch says so and stays off.
    const tells = dialog.getByRole('checkbox', { name: /^Notify me when a job/ });
    await tells.click();
    await expect(dialog.getByRole('alert')).toContainText('Notifications are blocked for this page');
    await expect(tells).not.toBeChecked();
    expect(JSON.parse(await readFile(settings, 'utf8'))).not.toHaveProperty('notifications');
    await page.keyboard.press('Escape');
  });

  await test.step('after another start with another origin, all settings are there', async () => {
    const first = new URL(page.url()).origin;
    await withServer({ workspace, settings }, async (address) => {
      await page.goto(address);
      expect(new URL(page.url()).origin).not.toBe(first);
      await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
      await expect(page.getByRole('contentinfo', { name: 'Jobs' })).toContainText('7 threads');
      await openSweep(page);
      const methods = page.locator('.sweep-methods');
      await expect(methods.getByRole('checkbox', { name: 'Random', exact: true })).not.toBeChecked();
      await expect(methods.getByRole('checkbox', { name: 'REAP', exact: true })).toBeChecked();
      const dialog = await open(page);
      await expect(dialog.getByLabel('Threads')).toHaveValue('7');
      await expect(dialog.getByLabel('Margin δ of the next sweep')).toHaveValue('5');
      await expect(dialog).not.toContainText(/This engine uses \d/);
      await dialog.getByLabel('Threads').fill('');
      await page.keyboard.press('Enter');
      await expect(dialog).toContainText('This engine uses 7: the setting applies from its next start on');
    });
  });

  expect(problems).toEqual([]);
});
