import { chmod, readdir } from 'node:fs/promises';
import path from 'node:path';
import { startUncurl } from './command-line.ts';
import { pageErrors, photograph } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('two sweeps are chosen among the runs and compared, settings first', async ({ workbench }) => {
  const { page, workspace } = workbench;
  const problems = pageErrors(page);
  for (const [method, limit] of [
    ['reap', 60],
    ['frequency', 40],
  ] as const)
    await startUncurl(
      `sweep uncurl-8 --task capital --method ${method} --factors 1,4 --limit ${limit} --workspace ${workspace}`.split(
        ' ',
      ),
    );
  // The window's engine runs as another user.
  for (const run of await readdir(path.join(workspace, 'runs'))) await chmod(path.join(workspace, 'runs', run), 0o777);
  await page.reload();

  const rows = page.getByRole('list', { name: 'Runs' }).getByRole('listitem');
  await expect(rows).toHaveCount(2);
  const chosen = page.getByRole('group', { name: 'Chosen runs' });
  await rows
    .nth(0)
    .getByRole('button')
    .first()
    .click({ modifiers: ['ControlOrMeta'] });
  await expect(chosen.getByRole('button', { name: 'Compare' })).toBeDisabled();
  await rows.nth(1).getByRole('checkbox').check();
  await chosen.getByRole('button', { name: 'Compare' }).click();

  const dialog = page.getByRole('dialog', { name: 'Sweeps compared' });
  const settings = dialog.getByRole('region', { name: 'Settings that differ' });
  await expect(settings.getByRole('row', { name: /^Item limit/ })).toContainText('6040');
  await expect(settings.getByRole('row', { name: /^methods/ })).toContainText('reapfrequency');
  await expect(settings.getByRole('row', { name: /^factors/ })).toHaveCount(0);
  await expect(dialog).toContainText(/2 comparisons: \d better, \d worse, \d cannot tell/);
  const pruned = dialog.getByRole('row').filter({ hasText: 'Frequency for REAP' });
  await expect(pruned.getByRole('cell').nth(1)).toHaveText('4');
  await expect(pruned).toContainText('40 shared, paired');
  await expect(dialog).toContainText('both are compared on those that they share');
  await photograph(workbench, 'sweeps-compared');
  await page.setViewportSize({ width: 1024, height: 700 });
  await photograph(workbench, 'sweeps-compared-small');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  expect(problems).toEqual([]);
});
