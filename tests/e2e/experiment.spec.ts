import { chmod } from 'node:fs/promises';
import { addRecordedExperiment, RECORDED_EXPERIMENT } from '../../main/sample/recorded-experiment.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
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
    await expect(dialog.getByRole('img', { name: /^Pruned against scratch\./ })).toBeVisible();
    await expect(matrix.getByRole('row', { name: /^128 → 64/ }).first()).toContainText(/[+−?] [+−]?\d+\.\d \[/);
    await expect(dialog.getByRole('region', { name: 'Thresholds of each model and task' })).toBeVisible();
    // The dialog scrolls, not the table within it.
    expect(await matrix.evaluate((table) => table.scrollHeight - table.clientHeight)).toBeLessThanOrEqual(1);
    await expect(dialog).toContainText("the member pretrained with E' experts");
    await photograph(workbench, 'experiment');
  });

  await test.step('compared with unpruned: a different figure and rule', async () => {
    await dialog.getByRole('radio', { name: 'Against unpruned' }).click();
    await expect(dialog.getByRole('img', { name: /^Pruned against unpruned\./ })).toBeVisible();
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
