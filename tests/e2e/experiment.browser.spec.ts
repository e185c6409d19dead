import { chmod } from 'node:fs/promises';
import { addRecordedExperiment, RECORDED_EXPERIMENT } from '../../main/sample/sample-run.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { pageErrors, photograph, resources } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('the recorded experiment answers the two questions separately, beside the paper’s own table', async ({
  workbench,
}) => {
  const { page, workspace } = workbench;
  const problems = pageErrors(page);
  const opened = await openWorkspace(workspace);
  await addRecordedExperiment(opened, resources);
  // The window's engine runs as another user.
  await chmod(opened.runs.folder(RECORDED_EXPERIMENT), 0o777);
  await page.reload();
  await page.getByRole('button', { name: /^Recorded: experiment on/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Experiment' });
  const matrix = dialog.getByRole('region', { name: 'Differences of accuracy in points with their intervals' });

  await test.step('compared with scratch: figure, matrix, thresholds and findings', async () => {
    await expect(
      dialog.getByRole('region', { name: 'Pruned against scratch' }).locator('.curve-point').first(),
    ).toBeVisible();
    await expect(matrix.getByRole('row', { name: /^128 → 64/ }).first()).toContainText(/[+−?] [+−]?\d+\.\d \[/);
    await expect(dialog.getByRole('region', { name: 'Thresholds of each model and task' })).toBeVisible();
    // The dialog scrolls, not the table within it.
    expect(await matrix.evaluate((table) => table.scrollHeight - table.clientHeight)).toBeLessThanOrEqual(1);
    await expect(dialog).toContainText("the member pretrained with E' experts");
    await photograph(workbench, 'experiment');
  });

  await test.step('compared with unpruned: a different figure and rule', async () => {
    await dialog.getByRole('radio', { name: 'Against unpruned' }).click();
    await expect(
      dialog.getByRole('region', { name: 'Pruned against unpruned' }).locator('.curve-point').first(),
    ).toBeVisible();
    await expect(dialog).toContainText('accuracy(the same member)');
  });

  await test.step('the published results, without intervals', async () => {
    await dialog.getByRole('radio', { name: 'The paper’s table' }).click();
    await expect(dialog).toContainText('The paper gives no intervals');
    const published = dialog.getByRole('region', { name: /^Published accuracies/ });
    await expect(published.getByRole('row', { name: /^32 → 8 4 UNCURL/ })).toContainText('5 of 6');
  });
  expect(problems).toEqual([]);
});

test('an experiment on own members is started from the ticked models and tasks, with chosen seeds', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  const header = page.getByRole('region', { name: 'What is on screen' });
  const asked = async (): Promise<void> => {
    await page.keyboard.press('Control+K');
    await expect(page.getByRole('dialog', { name: 'Commands' }).getByRole('combobox')).toBeFocused();
    await page.keyboard.type('new experiment');
    await page.keyboard.press('Enter');
  };
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
  await page.getByRole('button', { name: 'None', exact: true }).click();
  await page.getByRole('checkbox', { name: 'Use Plurals', exact: true }).check();
  const form = page.getByRole('dialog', { name: 'New experiment' });
  const start = form.getByRole('button', { name: 'Start the experiment' });

  await test.step('what is missing is said', async () => {
    await asked();
    await expect(form).toContainText('Tick at least two models of a family');
    await expect(start).toBeDisabled();
    await form.getByRole('checkbox', { name: 'uncurl-16', exact: true }).check();
    await expect(form).toContainText('uncurl-8 and uncurl-16 on Plurals');
    await form.getByLabel('Draws').fill('one');
    await expect(form).toContainText('Draws: whole numbers from 0');
    await expect(start).toBeDisabled();
    await photograph(workbench, 'experiment-form');
  });

  await test.step('it runs, and shows its result', async () => {
    await form.getByRole('checkbox', { name: 'UNCURL', exact: true }).uncheck();
    await form.getByRole('checkbox', { name: 'Random', exact: true }).check();
    await form.getByRole('checkbox', { name: 'refit', exact: true }).uncheck();
    await form.getByLabel('Draws').fill('4, 7');
    await form.getByLabel('Item limit').fill('40');
    await start.click();
    const dialog = page.getByRole('dialog', { name: 'Experiment', exact: true });
    const matrix = dialog.getByRole('region', { name: 'Differences of accuracy in points with their intervals' });
    await expect(matrix.getByRole('row', { name: /^16 → 8/ })).toContainText('2', { timeout: HANG_LIMIT_MS });
    await expect(dialog.getByText('partial results')).toHaveCount(0, { timeout: HANG_LIMIT_MS });
  });
  expect(problems).toEqual([]);
});
