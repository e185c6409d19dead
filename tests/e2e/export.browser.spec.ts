import path from 'node:path';
import { pageErrors, photograph } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('the export form describes formats, needs of servers, and differences in llama.cpp', async ({ workbench }) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  const models = page.getByRole('list', { name: 'Models' });
  const form = page.getByRole('region', { name: 'Export', exact: true });
  const choose = (name: string): Promise<void> => form.getByRole('radio', { name, exact: true }).click();
  const header = page.getByRole('region', { name: 'What is on screen' });
  await models.getByText('uncurl-8').click();
  await header.getByLabel('Method', { exact: true }).selectOption({ label: 'Random' });
  await page.keyboard.press('Control+Shift+E');
  // The folder of exports of the workspace is proposed, as by the search for a size.
  await expect(form.getByText(path.join(workbench.workspace, 'exports'), { exact: true })).toBeVisible();
  await expect(form.getByRole('button', { name: 'Export and verify' })).toBeEnabled();

  await test.step('for a Hugging Face folder it lists the needs of several devices', async () => {
    await form.getByText('Serving it on several devices').click();
    await expect(form.getByRole('listitem').filter({ hasText: 'EPLB' })).toContainText('over 2 and 4 devices');
  });

  await test.step('a Hugging Face folder stays as stored, or is quantised', async () => {
    const types = form.getByRole('radiogroup', { name: 'Type of the weights' });
    await expect(types.getByRole('radio', { name: 'As stored' })).toBeChecked();
    await types.getByRole('radio', { name: 'int4', exact: true }).click();
    await expect(form.getByText('compressed-tensors package')).toBeVisible();
    await photograph(workbench, 'export-quantised');
  });

  await test.step('for a GGUF file it offers weight types and no such advice', async () => {
    await choose('GGUF');
    const types = form.getByRole('radiogroup', { name: 'Type of the weights' });
    await expect(types.getByRole('radio', { name: 'As stored' })).toBeChecked();
    await types.getByRole('radio', { name: 'q8_0' }).click();
    await expect(types.getByRole('radio', { name: 'q8_0' })).toBeChecked();
    await expect(form.getByText('Serving it on several devices')).toBeHidden();
    await photograph(workbench, 'export-gguf');
  });

  await test.step('a model that llama.cpp computes differently is refused before anything is written', async () => {
    await page.keyboard.press('Escape');
    await models.getByText('switch-8', { exact: true }).click();
    // Folded gates would need a profile.
    await page.getByRole('tab', { name: 'Plan', exact: true }).click();
    await page.getByRole('region', { name: 'Plan settings' }).getByLabel('Gates').selectOption('renormalised');
    await page.keyboard.press('Control+Shift+E');
    await expect(form.getByRole('alert')).toContainText('norm_topk_prob');
    await choose('ONNX');
    await expect(form.getByRole('alert')).toBeHidden();
  });
  expect(problems).toEqual([]);
});
