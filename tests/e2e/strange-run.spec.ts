import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunManifest } from '../../main/contract/run.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { pageErrors, photograph, typeFolder } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** The folder of a fine-tuning run from somebody else. */
const putStrangersRun = async (workspace: string, spec: RunManifest['spec']): Promise<string> => {
  const id = 'finetune-20260101-080000-abcd';
  const folder = path.join(workspace, 'runs', id);
  await mkdir(folder, { recursive: true });
  const manifest: RunManifest = {
    id,
    kind: 'finetune',
    title: 'Fine-tuning of a stranger',
    createdAt: '2026-01-01T08:00:00.000Z',
    finishedAt: null,
    state: 'interrupted',
    error: null,
    spec,
    models: [{ name: 'uncurl-8', path: 'bundled:uncurl-8', fingerprint: 'f' }],
    tasks: [{ name: 'add', path: 'bundled:add', hash: 'h' }],
    versions: {},
    device: { provider: 'cpu', precision: 'float32', threads: 1, processor: 'test' },
    commandLine: 'uncurl finetune',
    output: null,
  };
  await writeFile(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
  for (const each of [folder, path.dirname(folder)]) await chmod(each, 0o777);
  return folder;
};

test('a run of somebody else shows what it names before it is resumed, and nothing named in it is used', async ({
  workbench,
}) => {
  const { page, workspace, exports, answerFolderDialog } = workbench;
  const problems = pageErrors(page);
  const [evil, ran] = [path.join(exports, 'evil'), path.join(exports, 'ran')];
  await writeFile(evil, `#!/bin/sh\ntouch '${ran}'\n`);
  await chmod(evil, 0o755);
  const destination = path.join(exports, 'evil-folder');
  const folder = await putStrangersRun(workspace, { settings: {}, destination, python: evil });
  await page.reload();
  const jobs = page.getByRole('contentinfo', { name: 'Jobs' });
  const dialog = page.getByRole('dialog', { name: 'Fine-tuning of a stranger' });

  await test.step('every way to resume it asks first', async () => {
    await jobs.getByRole('button', { name: 'Resume' }).click();
    await expect(dialog.getByText(/This run was not made here/)).toBeVisible();
    await dialog.getByRole('button', { name: 'Do not resume' }).click();
    await expect(dialog).toBeHidden();
    await page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first().hover();
    await page.getByRole('button', { name: 'Resume Fine-tuning of a stranger' }).click();
    await expect(dialog.getByRole('group', { name: 'Program' })).toContainText(`The run says ${evil}`);
    await expect(dialog.getByRole('group', { name: 'Folder to write' })).toContainText(`The run says ${destination}`);
    await expect(dialog.getByRole('region', { name: 'Files it reads' })).toContainText('bundled:uncurl-8');
    await expect(dialog.getByRole('button', { name: 'Resume here' })).toBeDisabled();
    await photograph(workbench, 'strange-run');
  });

  await test.step('obstacles are shown in the dialog', async () => {
    const choose = async (button: string, answered: string): Promise<void> => {
      if (answerFolderDialog !== null) await answerFolderDialog(answered);
      await dialog.getByRole('button', { name: button }).click();
      if (answerFolderDialog !== null) return;
      const folders = page.getByRole('dialog', { name: /^(Choose a Python|Write the tuned model into)/ });
      if (answered === exports) {
        await typeFolder(folders, exports);
        await folders.getByRole('button', { name: 'Write into this folder' }).click();
      } else {
        await expect(folders.getByRole('textbox', { name: 'Path' })).not.toHaveValue('');
        await folders.getByRole('textbox', { name: 'Path' }).fill(answered);
        await folders.getByRole('textbox', { name: 'Path' }).press('Enter');
      }
      await expect(folders).toBeHidden();
    };
    const mine = path.join(exports, 'mine');
    await writeFile(mine, '#!/bin/sh\nexit 1\n');
    await chmod(mine, 0o755);
    await choose('Choose a Python', mine);
    await choose('Choose the folder to write into', exports);
    await dialog.getByLabel('Name of the new folder').fill('my-folder');
    await dialog.getByRole('button', { name: 'Resume here' }).click();
    // Its statement about its model is false: this is reported in the dialog, and the run stays unchanged.
    await expect(dialog.getByText(/has changed since this run/)).toBeVisible({ timeout: HANG_LIMIT_MS });
    await photograph(workbench, 'strange-run-refused');
    const { spec } = JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8'));
    expect(spec).toMatchObject({ python: evil, destination });
    expect(existsSync(path.join(folder, 'binding.json'))).toBe(false);
  });
  expect([existsSync(ran), existsSync(destination)]).toEqual([false, false]);
  expect(problems).toEqual([]);
});
