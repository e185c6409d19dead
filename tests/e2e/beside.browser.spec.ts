import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { axeFindings } from './axe-findings.ts';
import { pageErrors, photograph, resources, tab, typeFolder } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** uncurl-8 with room for thousands of tokens and no end token: it writes until it is stopped. */
const endlessModel = async (folder: string): Promise<void> => {
  await cp(path.join(resources, 'models', 'uncurl-8'), folder, { recursive: true });
  for (const [name, endless] of [
    ['config.json', { max_position_embeddings: 8192, eos_token_id: null }],
    ['generation_config.json', { eos_token_id: null }],
    ['tokenizer_config.json', { eos_token: null }],
  ] as const) {
    const file = path.join(folder, name);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...endless }));
  }
  await chmod(folder, 0o777);
};

test('unpruned and two plans continue a prompt next to each other, by keyboard, and can be stopped', async ({
  workbench,
}) => {
  const { page, exports } = workbench;
  const problems = pageErrors(page);
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
  await tab(page, 'Side by side');
  const form = page.getByRole('form', { name: 'Prompt and plans' });
  // What keeps it from writing is said beside the button, with the step that leads on.
  await expect(form.getByRole('button', { name: 'Profile Sorting for REAP now' })).toBeEnabled();
  await header.getByLabel('Method', { exact: true }).selectOption({ label: 'Random' });
  await expect(form).toContainText('Type a prompt, or take an item.');
  await form.getByRole('button', { name: 'Keep for a second text' }).click();
  await header.getByLabel('Factor', { exact: true }).selectOption({ label: '×4' });
  await expect(form).toContainText('Random ×4');

  await test.step('an item of the task, written by the keys of the prompt', async () => {
    await form.getByLabel(/^Item of/).selectOption({ index: 1 });
    const prompt = form.getByLabel('Prompt', { exact: true });
    await expect(prompt).toHaveValue('\nsort adcbjh>');
    await expect(form.getByRole('button', { name: 'Write', exact: true })).toBeEnabled();
    await prompt.press('Control+Enter');
    const texts = page.getByRole('region', { name: 'Texts' });
    await expect(texts.getByRole('region', { name: 'Text of unpruned' })).toContainText('ended by itself', {
      timeout: HANG_LIMIT_MS,
    });
    await expect(texts.getByRole('region', { name: /^Text of Random/ })).toHaveCount(2);
    const part = texts.getByRole('region', { name: 'First difference of Random ×4' });
    await expect(part).toContainText(/Of the 6 experts that the unpruned model used there, \d are gone/);
    await expect(part.getByRole('table').first().getByRole('row')).toHaveCount(6);
    await expect(part.getByRole('table').nth(1).getByRole('row')).toHaveCount(4);
    await expect(texts.getByRole('region', { name: 'Text of Random ×4' }).locator('mark')).toHaveCount(1);
    // One cursor through the texts, the routing and KL of all models; it starts at the first difference.
    const atToken = texts.getByRole('region', { name: 'At the token' });
    const heading = atToken.getByRole('heading');
    const difference = /at new token (\d+)/.exec((await part.getByRole('heading').textContent()) ?? '')?.[1] ?? '';
    const models = atToken.getByRole('region', { name: 'Models at the token' });
    await texts.getByRole('group', { name: 'Tokens of Random ×4' }).focus();
    await page.keyboard.press('Home');
    await expect(heading).toHaveText(/^New token 1 of/);
    await expect(models.getByRole('row')).toHaveCount(4);
    const written = texts.getByRole('group', { name: 'Tokens of unpruned' });
    const second = (await written.locator('[data-at="1"]').textContent()) ?? '';
    await page.keyboard.press('ArrowRight');
    await expect(models.getByRole('row', { name: /^unpruned/ })).toContainText(`unpruned${second}`);
    await expect(
      models
        .getByRole('row', { name: /^Random ×4/ })
        .getByRole('cell')
        .nth(1),
    ).toHaveText(/^\d/);
    await expect(atToken.getByRole('region', { name: 'Experts at the token' }).getByRole('row')).toHaveCount(4);
    await atToken.getByRole('button', { name: 'First difference of Random ×4' }).click();
    await expect(heading).toHaveText(new RegExp(`^New token ${difference} of`));
    await written.locator('[data-at="0"]').hover();
    await expect(heading).toHaveText(/^New token 1 of/);
    expect(await axeFindings(page)).toEqual([]);
    // The keys start no sweep here.
    await expect(page.getByRole('list', { name: 'Runs' }).getByRole('listitem')).toHaveCount(1);
    await photograph(workbench, 'beside');
    await page.setViewportSize({ width: 1024, height: 700 });
    await photograph(workbench, 'beside-small');
    await page.setViewportSize({ width: 1440, height: 900 });
    for (const [kind, content] of [
      ['JSONL', '"kind":"difference"'],
      ['HTML', '<mark>'],
    ] as const) {
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByRole('menuitem', { name: kind }).click();
      expect(await readFile(await (await saved).path(), 'utf8')).toContain(content);
    }
    await page.reload();
    await expect(texts.getByRole('region', { name: 'First difference of Random ×4' })).toBeVisible();
  });

  await test.step('a text without an end is stopped, and keeps what was written', async () => {
    const folder = path.join(exports, 'endless');
    await endlessModel(folder);
    await page.getByRole('button', { name: 'Open model folder', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Open a model' });
    await typeFolder(dialog, folder);
    await dialog.getByRole('button', { name: 'Open this folder' }).click();
    await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText('endless');
    await form.getByLabel('Prompt', { exact: true }).fill('\nsort adcbjh>');
    await form.getByLabel('New tokens').fill('4096');
    await form.getByRole('button', { name: 'Write', exact: true }).click();
    const unpruned = page.getByRole('region', { name: 'Text of unpruned' });
    await expect(unpruned).toContainText(/\d{2,} tokens$/, { timeout: HANG_LIMIT_MS });
    await form.getByRole('button', { name: 'Stop' }).click();
    await expect(unpruned).toContainText(/\d{2,} tokens, stopped$/);
    await expect(page.getByRole('region', { name: /^First difference of/ })).toBeVisible();
    await expect(form.getByRole('button', { name: 'Write', exact: true })).toBeEnabled();
  });
  expect(problems).toEqual([]);
});
