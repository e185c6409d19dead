import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { photograph, resources, typeFolder, typePath, openSweep } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

const ranking = JSON.stringify(Array.from({ length: 3 }, () => [7, 6, 5, 4, 3, 2, 1, 0]));
const file = { name: 'My order.json', mimeType: 'application/json', buffer: Buffer.from(ranking) };

/** Routed experts of two tokens in three layers, as a line of vLLM. */
const routed = JSON.stringify({
  routed_experts: Array.from({ length: 2 }, () => Array.from({ length: 3 }, () => [6, 2])),
});

test('a ranking from a file is a method, a checkpoint folder is measured beside it, and seeds are chosen', async ({
  workbench,
}) => {
  const { page, exports } = workbench;
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });

  await test.step('the header offers a file instead of a method', async () => {
    const chooser = page.waitForEvent('filechooser');
    // A real click, so that the browser may ask for a file.
    await header.getByLabel('Method', { exact: true }).click();
    await header.getByLabel('Method', { exact: true }).selectOption({ label: 'From a file…' });
    await (await chooser).setFiles(file);
    await expect(header.getByText('My order.json')).toBeVisible();
  });

  await test.step('the sweep uses one as a method with its own name', async () => {
    const sweep = await openSweep(page);
    const chooser = page.waitForEvent('filechooser');
    await sweep.getByRole('button', { name: 'From a file…' }).click();
    await (await chooser).setFiles(file);
    await expect(sweep.getByRole('checkbox', { name: 'my-order' })).toBeChecked();
    const dump = path.join(exports, 'Seen by vLLM.jsonl');
    await writeFile(dump, routed);
    await sweep.getByRole('button', { name: 'From token counts…' }).click();
    await typePath(page, dump);
    await expect(sweep.getByRole('checkbox', { name: 'seen-by-vllm' })).toBeChecked();
    for (const method of ['seen-by-vllm', 'Frequency', 'REAP', 'UNCURL'])
      await sweep.getByRole('checkbox', { name: method, exact: true }).uncheck();
    await page.getByRole('button', { name: 'None', exact: true }).click();
    await page.getByRole('list', { name: 'Tasks' }).getByRole('checkbox', { name: 'Use Sums', exact: true }).check();
    await expect(sweep).toContainText('No profile is needed.');

    const folder = path.join(resources, 'models', 'switch-8');
    await sweep.getByRole('button', { name: 'From a folder…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Measure a checkpoint beside the plans' });
    await typeFolder(dialog, folder);
    await dialog.getByRole('button', { name: 'Measure this folder' }).click();
    await expect(sweep.getByRole('button', { name: 'Remove the folder switch-8' })).toBeVisible();
    await sweep.getByLabel('Draws', { exact: true }).fill('4, 7');
    // Random and the file at two factors, random twice; and the folder.
    await expect(sweep).toContainText('7 candidates on 1 task');
    await photograph(workbench, 'sweep-folder');
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
    await modes.getByRole('radio', { name: 'Table' }).click();
    const note = page.getByText('my-order is the file My order.json, on every task alike.');
    await expect(note).toBeVisible({ timeout: HANG_LIMIT_MS });
    const points = page.getByRole('region', { name: 'Every measured point of this sweep' });
    const beside = points.getByRole('row').filter({ hasText: /switch.8/i });
    await expect(beside).toContainText('1.5', { timeout: HANG_LIMIT_MS });
    const run = page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first();
    await run.hover();
    await run.getByRole('button', { name: /^More for/ }).click();
    await page.getByRole('menuitem', { name: 'Note, tags, details…' }).click();
    await expect(page.getByRole('dialog')).toContainText('--candidate switch-8=');
    await page.keyboard.press('Escape');
  });

  await test.step('quality against bytes', async () => {
    const modes = page.getByRole('radiogroup', { name: 'Chart below the answer' });
    await modes.getByRole('radio', { name: 'Bytes' }).click();
    const picture = page.getByRole('region', { name: 'Quality against bytes' }).getByRole('application').first();
    await expect(picture).toBeVisible();
    await picture.scrollIntoViewIfNeeded();
    await photograph(workbench, 'bytes');
  });
});
