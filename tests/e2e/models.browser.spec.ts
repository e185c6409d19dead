import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { typeFolder } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const models = path.join(import.meta.dirname, '..', '..', 'resources', 'models');

/** Simulates the user's return from a file manager, which refreshes the lists. */
const comeBack = (page: Page): Promise<void> => page.evaluate(() => void window.dispatchEvent(new Event('focus')));

/** Chooses a model folder in the folder browser, by its path. */
const chooseModelFolder = async (page: Page, folder: string, open: () => Promise<void>): Promise<void> => {
  await open();
  const dialog = page.getByRole('dialog', { name: 'Open a model' });
  const entries = dialog.getByRole('list', { name: 'Entries' });
  await typeFolder(dialog, path.dirname(folder));
  // A model is chosen by its list entry.
  await entries.getByRole('button', { name: `${path.basename(folder)} model` }).click();
};

test('a moved model folder is reported as gone, located again, and forgotten', async ({ workbench }) => {
  const { page, workspace, exports } = workbench;
  const [before, after, other] = ['mine', 'elsewhere', 'other'].map((name) => path.join(exports, name)) as [
    string,
    string,
    string,
  ];
  await cp(path.join(models, 'uncurl-8'), before, { recursive: true });
  await cp(path.join(models, 'uncurl-16'), other, { recursive: true });
  await mkdir(workspace, { recursive: true });
  const list = page.getByRole('list', { name: 'Models' });
  const row = (name: string) => list.getByRole('listitem').filter({ hasText: name });
  // Wait until the list was read once before changing the file: it must not be read half-written.
  await expect(row('uncurl-16')).toBeVisible();
  await writeFile(path.join(workspace, 'library.json'), JSON.stringify({ models: [before], tasks: [] }));
  await comeBack(page);
  await expect(row('mine')).toContainText('mixtral');

  await rename(before, after);
  await comeBack(page);
  await expect(row('mine')).toContainText('moved or deleted');
  await row('mine').getByRole('button').first().click();
  const inspector = page.getByRole('complementary', { name: 'Inspector' });
  await expect(inspector.getByText(`Moved or deleted: ${before}`)).toBeVisible();

  const locate = (): Promise<void> => inspector.getByRole('button', { name: 'Locate…' }).click();
  await chooseModelFolder(page, other, locate);
  await expect(
    page.getByText(/contains another model than .*mine did \(header hash [0-9a-f]{8} then, [0-9a-f]{8} now\)/),
  ).toBeVisible();
  // The folder browser stays open with the reason.
  const browser = page.getByRole('dialog', { name: 'Open a model' });
  // A file that is no model is refused in its folder.
  const field = browser.getByRole('textbox', { name: 'Path' });
  await field.fill(path.join(other, 'config.json'));
  await field.press('Enter');
  await expect(browser.getByRole('alert')).toContainText('config.json is not a model.');
  await expect(browser.getByRole('list', { name: 'Entries' })).toHaveAttribute('data-folder', other);
  await browser.getByRole('button', { name: 'Cancel' }).click();
  await expect(row('mine')).toContainText('moved or deleted');

  await chooseModelFolder(page, after, locate);
  await expect(row('elsewhere')).toContainText('mixtral');
  await expect(row('mine')).toHaveCount(0);
  await expect(inspector.getByText('Top-k')).toBeVisible();

  await row('elsewhere').hover();
  await row('elsewhere').getByRole('button', { name: 'Forget elsewhere (keeps the folder)' }).click();
  await expect(row('elsewhere')).toHaveCount(0);
});
