import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pageErrors, photograph, openSweep } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const models = path.join(import.meta.dirname, '..', '..', 'resources', 'models');

test('fine-tuning asks for missing input, and says what to do without a Python', async ({ workbench }) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await page.getByRole('list', { name: 'Models' }).getByText('uncurl-8').click();
  await page.getByRole('button', { name: 'None', exact: true }).click();
  await page.getByRole('complementary', { name: 'Inspector' }).getByRole('button', { name: 'Fine-tune…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Fine-tune' });
  const start = dialog.getByRole('button', { name: 'Start fine-tuning' });
  await expect(dialog.getByText('Tick at least one task on the left.')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('checkbox', { name: 'Use Sums', exact: true }).check();
  await page.getByRole('complementary', { name: 'Inspector' }).getByRole('button', { name: 'Fine-tune…' }).click();
  await expect(dialog.getByText('Choose the folder to write into.')).toBeVisible();

  await dialog.getByRole('button', { name: 'Choose the folder to write into' }).click();
  await page
    .getByRole('dialog', { name: 'Write the tuned model into' })
    .getByRole('button', { name: 'Write into this folder' })
    .click();
  await expect(dialog.getByLabel('Name of the new folder')).toHaveValue('uncurl-8-add-tuned');
  await dialog.getByLabel('Epochs').fill('');
  await expect(dialog.getByText('Epochs: a whole number of at least 1.')).toBeVisible();
  await expect(start).toBeDisabled();
  await dialog.getByLabel('Epochs').fill('2');
  await photograph(workbench, 'finetune');
  await start.click();
  await expect(dialog.getByRole('alert')).toContainText(/No Python is named.*uncurl doctor --python/s);
  await photograph(workbench, 'finetune-refused');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('list', { name: 'Runs' }).getByRole('listitem')).toHaveCount(0);
  expect(problems).toEqual([]);
});

test('a model’s chat template is used if the switch is on, and the window says if it is not used', async ({
  workbench,
}) => {
  const { page, workspace, exports } = workbench;
  const chatty = path.join(exports, 'chatty');
  await cp(path.join(models, 'uncurl-8'), chatty, { recursive: true });
  await writeFile(path.join(chatty, 'chat_template.jinja'), '{% for m in messages %}{{ m.content }}{% endfor %}');
  // Wait until the list was read once before changing the file: it must not be read half-written.
  await expect(page.getByRole('list', { name: 'Models' }).getByText('uncurl-8')).toBeVisible();
  await writeFile(path.join(workspace, 'library.json'), JSON.stringify({ models: [chatty], tasks: [] }));
  await page.evaluate(() => void window.dispatchEvent(new Event('focus')));
  await page.getByRole('list', { name: 'Models' }).getByText('chatty').click();
  const sweep = await openSweep(page);
  await expect(sweep).toContainText('chatty has a chat template (chat_template.jinja) that is not applied');
  await sweep.getByText(/^For /).click();
  const uncurl = sweep.getByRole('region', { name: 'UNCURL options' });
  for (const option of ['diagonal', 'embedding', 'assign', 'starts', 'first layer'])
    await expect(uncurl.getByLabel(option, { exact: true })).toBeVisible();
  await uncurl.getByLabel('router', { exact: true }).selectOption({ label: 'reinitialised' });
  await expect(sweep).toContainText('uncurl starts with a random router');
  await sweep.getByLabel('Recovery').selectOption({ label: 'instead of each plan' });
  await expect(sweep).toContainText('uncurl starts with a random router');
  const refits = sweep.getByRole('group', { name: 'What the recovery refits' });
  await refits.getByLabel('experts', { exact: true }).uncheck();
  await expect(sweep).toContainText('Tick at least one refit for the recovery');
  await refits.getByLabel('router', { exact: true }).check();
  await expect(sweep.getByRole('button', { name: 'Start sweep' })).toBeEnabled();
  await sweep.getByText('More methods').click();
  await expect(sweep.getByLabel('Frequency merging', { exact: true })).toBeVisible();
  await photograph(workbench, 'chat-off');
  await sweep.getByLabel('Chat template').check();
  await expect(sweep).toContainText('Prompts use it');
  await photograph(workbench, 'chat-on');
  await expect(page.getByLabel('Chat template', { exact: true }).first()).toBeChecked();
  await photograph(workbench, 'chat-routing');

  await page.getByRole('list', { name: 'Models' }).getByText('uncurl-8').click();
  await expect(sweep.getByLabel('Chat template')).toHaveCount(0);
  await page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').first().hover();
  await page.getByRole('button', { name: 'Items of Sums', exact: true }).click();
  await expect(page.getByRole('dialog', { name: 'Sums', exact: true })).toContainText(
    /chance 25\.0\s% · without the question \d+\.\d\s% \(uncurl-8\)/,
  );
  await photograph(workbench, 'without-question');
});
