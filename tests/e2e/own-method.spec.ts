import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { photograph, typePath, withSample } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const ranking = JSON.stringify(Array.from({ length: 3 }, () => [7, 6, 5, 4, 3, 2, 1, 0]));
const file = { name: 'My order.json', mimeType: 'application/json', buffer: Buffer.from(ranking) };

/** Routed experts of two tokens in three layers, as a line of vLLM. */
const routed = JSON.stringify({
  routed_experts: Array.from({ length: 2 }, () => Array.from({ length: 3 }, () => [6, 2])),
});

test('a ranking from a file is a method of the plan and of a sweep; quality is shown against bytes', async ({
  workbench,
}) => {
  const { page, exports, answerFolderDialog } = workbench;
  await withSample(workbench);
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
    const sweep = page.getByRole('region', { name: 'Sweep', exact: true });
    const chooser = page.waitForEvent('filechooser');
    await sweep.getByRole('button', { name: 'From a file…' }).click();
    await (await chooser).setFiles(file);
    await expect(sweep.getByRole('checkbox', { name: 'my-order' })).toBeChecked();
    const dump = path.join(exports, 'Seen by vLLM.jsonl');
    await writeFile(dump, routed);
    await answerFolderDialog?.(dump);
    await sweep.getByRole('button', { name: 'From token counts…' }).click();
    if (answerFolderDialog === null) await typePath(page, dump);
    await expect(sweep.getByRole('checkbox', { name: 'seen-by-vllm' })).toBeChecked();
    for (const method of ['seen-by-vllm', 'Random', 'Frequency', 'REAP', 'UNCURL'])
      await sweep.getByRole('checkbox', { name: method, exact: true }).uncheck();
    await page.getByRole('button', { name: 'None', exact: true }).click();
    await page.getByRole('list', { name: 'Tasks' }).getByRole('checkbox', { name: 'Use Sums', exact: true }).check();
    await expect(sweep).toContainText('No profile is needed.');
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    const modes = page.getByRole('radiogroup', { name: 'Chart below the map' });
    await modes.getByRole('radio', { name: 'Table' }).click();
    const note = page.getByText('my-order is the file My order.json, on every task alike.');
    await expect(note).toBeVisible();
  });

  await test.step('quality against bytes', async () => {
    const modes = page.getByRole('radiogroup', { name: 'Chart below the map' });
    await modes.getByRole('radio', { name: 'Bytes' }).click();
    const picture = page.getByRole('img', { name: /^uncurl-8: quality against bytes/ });
    await expect(picture).toBeVisible();
    await picture.scrollIntoViewIfNeeded();
    await photograph(workbench, 'bytes');
  });
});
