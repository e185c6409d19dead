import { cp } from 'node:fs/promises';
import path from 'node:path';
import { typeFolder } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const resources = path.join(import.meta.dirname, '..', '..', 'resources');

test('an opened model is selected', async ({ workbench }) => {
  const { page, exports, answerFolderDialog } = workbench;
  const mine = path.join(exports, 'mine');
  await cp(path.join(resources, 'models', 'uncurl-8'), mine, { recursive: true });
  await expect(page.getByRole('list', { name: 'Models' }).getByText('uncurl-16')).toBeVisible();
  await answerFolderDialog?.(mine);
  await page.getByRole('button', { name: 'Open model folder' }).click();
  if (answerFolderDialog === null) {
    const dialog = page.getByRole('dialog', { name: 'Open a model' });
    const entries = dialog.getByRole('list', { name: 'Entries' });
    await typeFolder(dialog, path.dirname(exports));
    await entries.getByRole('button', { name: path.basename(exports), exact: true }).click();
    await expect(dialog.getByRole('textbox', { name: 'Path' })).toHaveValue(exports);
    await dialog.getByRole('button', { name: 'Parent folder' }).click();
    await expect(dialog.getByRole('textbox', { name: 'Path' })).toHaveValue(path.dirname(exports));
    await typeFolder(dialog, exports);
    await entries.getByRole('button', { name: 'mine model' }).click();
  }
  const header = page.getByRole('region', { name: 'What is on screen' });
  await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText('mine');
  await expect(page.getByRole('region', { name: 'Selected model' })).toContainText('mine');
  // The address is written after the picture: a reload before it would show another model.
  await expect(page).toHaveURL(/[#&]model=mine(&|$)/);
  await page.reload();
  await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText('mine');
});
