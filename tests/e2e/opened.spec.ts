import { cp } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from './workbench.ts';

const resources = path.join(import.meta.dirname, '..', '..', 'resources');

test('a model that is opened is the one on screen', async ({ workbench }) => {
  const { page, exports, answerFolderDialog } = workbench;
  const mine = path.join(exports, 'mine');
  await cp(path.join(resources, 'models', 'uncurl-8'), mine, { recursive: true });
  await expect(page.getByRole('list', { name: 'Models' }).getByText('uncurl-16')).toBeVisible();
  await answerFolderDialog?.(mine);
  await page.getByRole('button', { name: 'Open model folder' }).click();
  if (answerFolderDialog === null) {
    const dialog = page.getByRole('dialog', { name: 'Open a model' });
    const shown = dialog.locator('.folder-path code');
    await expect(shown).not.toHaveText('…');
    for (let above = await shown.innerText(); above !== '/'; above = await shown.innerText()) {
      await dialog.getByRole('button', { name: 'Folder above' }).click();
      await expect(shown).not.toHaveText(above);
      await expect(shown).not.toHaveText('…');
    }
    let reached = '/';
    const entries = dialog.getByRole('list', { name: 'Entries' });
    for (const part of exports.split('/').filter((name) => name !== '')) {
      await entries.getByRole('button', { name: part, exact: true }).click();
      reached = path.join(reached, part);
      await expect(shown).toHaveText(reached);
    }
    await entries.getByRole('button', { name: 'mine model' }).click();
  }
  const header = page.getByRole('region', { name: 'What is on screen' });
  await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText('mine');
  await expect(page.getByRole('region', { name: 'Selected model' })).toContainText('mine');
  await page.reload();
  await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText('mine');
});
