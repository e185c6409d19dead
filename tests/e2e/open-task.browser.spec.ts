import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { rememberJudgingPython } from '../../main/harness/judging-python.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { axeFindings } from './axe-findings.ts';
import { pageErrors } from './page-steps.ts';
import { standInHarness } from './stand-in-harness.ts';
import { expect, test, withServer } from './workbench.ts';

test('a task of the harness is listed, searched, looked at, imported and ticked; both works can be cancelled', async ({
  workbench,
}) => {
  const { page, workspace, settings } = workbench;
  const problems = pageErrors(page);
  const own = path.join(workspace, 'named');
  const tools = path.join(workspace, 'tools');
  await mkdir(tools, { recursive: true });
  const python = path.join(tools, 'python');
  const hold = path.join(tools, 'hold');
  await writeFile(python, standInHarness);
  await chmod(python, 0o755);
  await withServer({ workspace: own, settings }, async (address) => {
    await page.goto(address);
    await page.getByRole('button', { name: 'Open a task by name' }).click();
    const dialog = page.getByRole('dialog', { name: 'Open a task' });

    // Without a Python: what it takes, and where the window makes it.
    await expect(dialog).toContainText('this workspace has no Python with it yet');
    await expect(dialog.getByRole('alert')).toHaveCount(0);
    await dialog.getByRole('button', { name: 'Devices…' }).click();
    await expect(page.getByRole('dialog', { name: 'Devices' })).toContainText('Make an environment');
    await page.keyboard.press('Escape');

    await rememberJudgingPython(stateFolder(settings), own, python);
    await writeFile(hold, '');
    await page.reload();
    await page.getByRole('button', { name: 'Open a task by name' }).click();
    await dialog.getByRole('button', { name: 'List the tasks' }).click();
    await expect(dialog.getByRole('status')).toContainText('lists its tasks');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect(dialog.getByRole('button', { name: 'List the tasks' })).toBeEnabled();
    await rm(hold);
    await dialog.getByRole('button', { name: 'List the tasks' }).click();
    const name = dialog.getByLabel('Name of a task');
    await name.fill('river');
    const list = dialog.getByRole('list', { name: 'Tasks of lm-evaluation-harness' });
    await expect(list.getByRole('listitem')).toHaveCount(3);
    await expect(list).toContainText('Group of 2 tasks · chosen answers');
    expect(await axeFindings(page), 'tasks of the harness').toEqual([]);

    // A task that runs programs wants a word first.
    await list.getByText('river_code').click();
    await expect(dialog.getByRole('button', { name: 'Import river_code' })).toBeDisabled();
    await expect(dialog).toContainText('it is imported only if they may run');
    await dialog.getByLabel(/Run the programs/).check();
    await expect(dialog.getByRole('button', { name: 'Import river_code' })).toBeEnabled();
    await dialog.getByRole('button', { name: 'Back to the list' }).click();

    await list.getByText('river_names').click();
    await expect(dialog).toContainText('test items of “test”, calibration items of “train”');
    await dialog.getByLabel('Examples in each prompt').fill('2');
    await dialog.getByLabel('Only the first items').fill('3');
    await writeFile(hold, '');
    const doImport = dialog.getByRole('button', { name: 'Import river_names' });
    await doImport.click();
    await expect(dialog.getByRole('status')).toContainText('Starting');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect(doImport).toBeEnabled();
    expect(await readFile(path.join(tools, 'orders'), 'utf8').catch(() => 'none')).toBe('none');
    await rm(hold);
    await doImport.click();
    await expect(dialog).toContainText('In the list of tasks: river_names (3 items)');
    expect(await readFile(path.join(tools, 'orders'), 'utf8')).toBe('{"name":"river_names","fewshot":2,"limit":3}\n');
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    await expect(page.getByRole('checkbox', { name: 'Use river_names' })).toBeChecked();
  });
  expect(problems).toEqual([]);
});
