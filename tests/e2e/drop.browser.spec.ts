import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { photograph, resources } from './page-steps.ts';
import { expect, sampled, test, withServer } from './workbench.ts';

interface Dropped {
  readonly name: string;
  readonly base64: string;
}

/** Dispatches a drag of files as a browser reports it: dropped, or only held over the page. */
const drag = (page: Page, files: readonly Dropped[], events: readonly ('dragenter' | 'dragover' | 'drop')[]) =>
  page.evaluate(
    ({ dropped, types }) => {
      const dataTransfer = new DataTransfer();
      for (const { name, base64 } of dropped)
        dataTransfer.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
      for (const type of types)
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    },
    { dropped: files, types: events },
  );

const given = async (name: string, ...parts: readonly string[]): Promise<Dropped> => ({
  name,
  base64: (await readFile(path.join(...parts))).toString('base64'),
});

sampled('files dropped on the page are opened according to their kind', async ({ workbench }) => {
  const { page } = workbench;
  const sums = await given('dropped-sums.jsonl', resources, 'tasks', 'add', 'test.jsonl');

  await test.step('an overlay lists what can be dropped, and disappears', async () => {
    await drag(page, [sums], ['dragenter', 'dragover']);
    await expect(page.getByText('Drop to open')).toBeVisible();
    await photograph(workbench, 'drop');
    await drag(page, [sums], ['drop']);
    await expect(page.getByText('Drop to open')).toBeHidden();
  });

  await test.step('a task file', async () => {
    const dialog = page.getByRole('dialog', { name: 'Calibration items of dropped-sums' });
    await expect(dialog).toContainText('60 calibration items, 240 test items.');
    await dialog.getByRole('button', { name: 'Use these items' }).click();
    // Until then the calibration request is pending, and a reload would abort it.
    await expect(dialog).toBeHidden();
    await expect(page.getByRole('combobox', { name: 'Task' }).locator('option:checked')).toHaveText('dropped-sums');
    await page.reload();
    await expect(page.getByRole('list', { name: 'Tasks' }).getByText('dropped-sums')).toBeVisible();
  });

  await test.step('a figure opens the run that made it; a figure of another program is refused', async () => {
    const of = (table: string): Dropped => ({ name: 'table.csv', base64: Buffer.from(table).toString('base64') });
    await drag(page, [of('run,task\nsweep-of-others,add\n')], ['drop']);
    await expect(page.getByText('comes from the run sweep-of-others')).toBeVisible();
    await drag(page, [of('a\n1\n')], ['drop']);
    await expect(page.getByText('table.csv does not say which run it comes from.')).toBeVisible();
    await drag(page, [of('run,task\nsample,add\n')], ['drop']);
    await expect(page).toHaveURL(/run=sample/);
  });

  await test.step('a plan replaces the method', async () => {
    await page.getByRole('combobox', { name: 'Model' }).selectOption('uncurl-8');
    const kept = Array.from({ length: 3 }, () => [0, 1, 2, 3]);
    const plan = { name: 'my-plan.json', base64: Buffer.from(JSON.stringify({ kept })).toString('base64') };
    await drag(page, [plan], ['drop']);
    await expect(
      page.getByRole('complementary', { name: 'Inspector' }).getByText('my-plan.json').first(),
    ).toBeVisible();
  });

  await test.step('other files are refused by name', async () => {
    await drag(page, [{ name: 'archive.zip', base64: '' }], ['drop']);
    await expect(page.getByText('archive.zip is not a file that the workbench can open.')).toBeVisible();
  });
});

test('the folder browser opens the typed path, and stays open with the reason where it cannot', async ({
  workbench,
}) => {
  const { page } = workbench;
  await page.getByRole('button', { name: 'Open model folder', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Open a model' });
  const field = dialog.getByRole('textbox', { name: 'Path' });
  await expect(field).not.toHaveValue('');
  await field.fill(path.join(resources, 'docs'));
  await dialog.getByRole('button', { name: 'Open this folder' }).click();
  await expect(dialog.getByRole('alert')).toContainText('config.json');
  await field.fill(path.join(resources, 'models', 'uncurl-16'));
  await dialog.getByRole('button', { name: 'Open this folder' }).click();
  await expect(dialog).toBeHidden();

  // Where folders end, the dialog says how others are listed.
  const { settings, exports } = workbench;
  const folders = { settings, workspace: path.join(exports, 'workspace') };
  const atTop = async (address: string): Promise<void> => {
    await page.goto(address);
    await page.getByRole('button', { name: 'Open model folder', exact: true }).click();
    await expect(dialog).toContainText(
      `Only ${resources} and the folders in it are listed; start with --root FOLDER to list another one.`,
    );
  };
  await withServer(folders, atTop, resources);
});
