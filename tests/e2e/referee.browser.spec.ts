import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { pageErrors, photograph, typeFolder, useOwnPython } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const python = process.env['UNCURL_INTEROP_PYTHON'] ?? '';

/** The form of a plan of uncurl-8, which needs no profile. */
const exportForm = async (page: Page) => {
  await page.getByRole('list', { name: 'Models' }).getByText('uncurl-8').click();
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Method', { exact: true }).selectOption({ label: 'Random' });
  await page.keyboard.press('Control+Shift+E');
  const form = page.getByRole('region', { name: 'Export', exact: true });
  return { form, compare: form.getByRole('checkbox', { name: 'Compare with transformers' }) };
};

test('without a Python the form says why transformers cannot be asked, and leads to where one is made', async ({
  workbench,
}) => {
  const { page } = workbench;
  const { form, compare } = await exportForm(page);
  await expect(compare).toBeDisabled();
  await expect(compare).not.toBeChecked();
  await expect(form).toContainText(/No Python .*/);
  await form.getByRole('button', { name: 'Devices…' }).click();
  await expect(page.getByRole('dialog', { name: 'Devices' })).toBeVisible();
});

test('an export is compared with transformers from the form, and its outcome says so', async ({ workbench }) => {
  test.skip(python === '', 'UNCURL_INTEROP_PYTHON names no Python with PyTorch and transformers');
  const { page, exports } = workbench;
  const problems = pageErrors(page);
  await useOwnPython(workbench, python);
  await page.reload();
  const { form, compare } = await exportForm(page);
  await expect(compare).toBeEnabled({ timeout: HANG_LIMIT_MS });
  await compare.check();
  await form.getByRole('button', { name: 'Choose the folder to write into' }).click();
  const into = page.getByRole('dialog', { name: 'Export into' });
  await typeFolder(into, exports);
  await into.getByRole('button', { name: 'Export into this folder' }).click();
  await form.getByLabel('Name of the new folder').fill('compared');
  // Nothing was measured: the form asks once more.
  await form.getByRole('button', { name: 'Export and verify' }).click();
  await form.getByRole('button', { name: 'Export all the same' }).click();
  const outcome = page.getByRole('region', { name: 'Outcome' });
  await expect(outcome).toContainText(/transformers/i, { timeout: HANG_LIMIT_MS });
  await expect(outcome).toContainText('Verified: the export equals the measured model');
  await photograph(workbench, 'export-compared');
  const card = await readFile(path.join(exports, 'compared', 'README.md'), 'utf8');
  expect(card).toMatch(/^Transformers: equal to transformers 5/m);
  expect(problems).toEqual([]);
});
