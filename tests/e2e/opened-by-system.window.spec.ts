import { copyFile, cp } from 'node:fs/promises';
import path from 'node:path';
import { resources } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

test('the window follows links and opens run files and dropped files by their paths', async ({ workbench }) => {
  const { page, workspace, exports, secondInstance } = workbench;
  if (secondInstance === null) throw new Error('a window has second instances');
  await expect(page).toHaveURL(/#view=workbench/);

  await test.step('a link to a state of the page', async () => {
    await secondInstance(['workbench', 'uncurl://app/#view=compare&model=uncurl-32&factor=4']);
    await expect(page).toHaveURL(/#view=compare&model=uncurl-32&.*factor=4/);
    await secondInstance(['workbench', 'uncurl://app/#view=thresholds&model=%2Fetc']);
    await secondInstance(['workbench', 'uncurl://app/#view=workbench']);
    await expect(page).toHaveURL(/#view=workbench&model=uncurl-32/);
  });

  await test.step('the file of a run', async () => {
    const run = path.join(workspace, 'runs', 'sample');
    await copyFile(path.join(run, 'manifest.json'), path.join(run, 'open.uncurl-run'));
    await secondInstance(['workbench', path.join(run, 'open.uncurl-run')]);
    await expect(page).toHaveURL(/run=sample/);
    await secondInstance(['workbench', path.join(exports, 'open.uncurl-run')]);
    await expect(page.getByRole('log', { name: 'Messages' })).toContainText(/open\.uncurl-run/);
  });

  await test.step('a dropped task file and model folder', async () => {
    const file = path.join(exports, 'dropped-sums.jsonl');
    await copyFile(path.join(resources, 'tasks', 'add', 'test.jsonl'), file);
    const devTools = await page.context().newCDPSession(page);
    const drop = async (files: readonly string[]): Promise<void> => {
      const data = { items: [], files: [...files], dragOperationsMask: 1 };
      for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
        await devTools.send('Input.dispatchDragEvent', { type, x: 600, y: 400, data });
    };
    await drop([file]);
    const dialog = page.getByRole('dialog', { name: 'Calibration items of dropped-sums' });
    await dialog.getByRole('button', { name: 'Use these items' }).click();
    // A drop over a dialog that is closing reaches an element that is no longer in the page.
    await expect(dialog).toBeHidden();
    await expect(page.getByRole('list', { name: 'Tasks' }).getByText('dropped-sums')).toBeVisible();
    const model = path.join(exports, 'dropped-model');
    await cp(path.join(resources, 'models', 'uncurl-8'), model, { recursive: true });
    await drop([model]);
    await expect(page).toHaveURL(/model=dropped-model/);
    await expect(page.getByRole('heading', { name: 'Drop to open' })).toBeHidden();
  });

  await test.step('a page can neither fake a drop nor name a path', async () => {
    const before = await page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').count();
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['x'], 'own.zip'));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    });
    await expect(page.getByRole('list', { name: 'Tasks' }).getByRole('listitem')).toHaveCount(before);
  });
});
