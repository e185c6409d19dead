import { spawnSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { pageErrors, photograph, openSweep } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const slurm = (program: string, ...args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
};
/** Holds the cluster's jobs in the queue, or releases them. */
const putPartition = (state: 'up' | 'down'): string =>
  slurm('scontrol', 'update', 'partitionname=main', `state=${state}`);

test('a sweep is submitted to Slurm, followed by task, cancelled, submitted again, and its results are read', async ({
  workbench,
}) => {
  // Jobs of nobody else are held.
  expect(process.env['UNCURL_SLURM_FOLDER'], 'run "node .ci/test.mjs cluster"').toBeDefined();
  const { page, workspace, exports } = workbench;
  const problems = pageErrors(page);
  const jobs = page.getByRole('contentinfo', { name: 'Jobs' });
  const line = jobs.getByRole('group', { name: /on the cluster$/ });
  const sweep = page.getByRole('region', { name: 'Sweep' });
  const dialog = page.getByRole('dialog', { name: 'Tasks on the cluster' });
  const points = page.locator('.curve-point');

  await test.step('a sweep of two tasks', async () => {
    await page.getByRole('list', { name: 'Models' }).getByText('uncurl-8').click();
    const tasks = page.getByRole('list', { name: 'Tasks' });
    await page.getByRole('button', { name: 'None', exact: true }).click();
    for (const name of ['Sorting', 'English to French'])
      await tasks.getByRole('checkbox', { name: `Use ${name}`, exact: true }).check();
    await page.getByRole('tab', { name: 'Plan', exact: true }).click();
    await openSweep(page);
    for (const method of ['Frequency', 'UNCURL']) await sweep.getByLabel(method, { exact: true }).uncheck();
    await sweep.getByLabel('Draws', { exact: true }).fill('2');
  });

  await test.step('the fields of a cluster, and the script made from them', async () => {
    await sweep.getByRole('radio', { name: 'Slurm cluster' }).click();
    const fields = sweep.getByRole('group', { name: 'Cluster' });
    await fields.getByLabel('Processors').fill('1');
    await fields.getByLabel('Setup, one shell command per line').fill('export FROM_SETUP=1');
    await fields.getByText('Batch script').click();
    const script = fields.locator('.cluster-script');
    await expect(script).toContainText('#SBATCH --cpus-per-task=1');
    await expect(script).toContainText('export FROM_SETUP=1');
    await expect(script).toContainText('work RUN --until-empty');
    await fields.getByLabel('Over ssh to').fill('-oProxyCommand=x');
    await expect(fields.getByText('must be a host, as your ssh knows it')).toBeVisible();
    await expect(sweep.getByText('A cluster field has an invalid value.')).toBeVisible();
    await fields.getByLabel('Over ssh to').fill('');
    await fields.getByLabel('Partition').fill('nowhere');
    await script.scrollIntoViewIfNeeded();
    await photograph(workbench, 'cluster-fields');
  });

  await test.step('a refused submission is reported and leaves no run', async () => {
    await sweep.getByRole('button', { name: 'Submit sweep' }).click();
    await expect(page.getByText(/sbatch ended with 1: .*invalid partition/i)).toBeVisible({ timeout: HANG_LIMIT_MS });
    await expect.poll(() => readdir(path.join(workspace, 'runs'))).toEqual([]);
    await sweep.getByLabel('Partition').fill('main');
  });

  await test.step('waiting, running and finished tasks are listed, also after a reload', async () => {
    putPartition('down');
    await sweep.getByRole('button', { name: 'Submit sweep' }).click();
    await expect(line.getByText(/0 of 2 tasks running, 2 waiting \(.*\)/)).toBeVisible({ timeout: HANG_LIMIT_MS });
    await expect(page.getByRole('list', { name: 'Runs' }).getByText(/running/)).toBeVisible();
    await page.reload();
    await expect(line.getByText(/2 waiting/)).toBeVisible({ timeout: HANG_LIMIT_MS });
    await line.getByRole('button', { name: /^Tasks of/ }).click();
    await expect(dialog.getByRole('row', { name: /^task 2 waiting/ })).toBeVisible();
    await photograph(workbench, 'cluster-waiting');
    await page.keyboard.press('Escape');
  });

  await test.step('after cancelling, the jobs leave the queue, and the run can be resumed or submitted', async () => {
    await line.getByRole('button', { name: /^Cancel/ }).click();
    await expect(line).toBeHidden({ timeout: HANG_LIMIT_MS });
    await expect(page.getByRole('list', { name: 'Runs' }).getByText(/cancelled/)).toBeVisible();
    await expect.poll(() => slurm('squeue', '-h').trim(), { timeout: HANG_LIMIT_MS }).toBe('');
  });

  const missing = path.join(exports, 'module');
  await test.step('a failed task is listed with its end and its log', async () => {
    await page.getByRole('tab', { name: 'Plan', exact: true }).click();
    await openSweep(page);
    await expect(sweep.getByRole('radio', { name: 'Slurm cluster' })).toHaveAttribute('aria-checked', 'true');
    // Simulates a module that one of the nodes lacks.
    const setup = `[ "\${SLURM_ARRAY_TASK_ID:-0}" != 2 ] || cat ${missing}`;
    await sweep.getByLabel('Setup, one shell command per line').fill(setup);
    await sweep.getByRole('button', { name: 'Submit sweep' }).click();
    await expect(line).toBeVisible({ timeout: HANG_LIMIT_MS });
    putPartition('up');
    await expect(line.getByText(/task 2 on \S+: FAILED, exit code 1/)).toBeVisible({ timeout: HANG_LIMIT_MS });
    await line.getByRole('button', { name: /^Tasks of/ }).click();
    await expect(dialog.getByRole('row', { name: /^task 1 done/ })).toBeVisible();
    await expect(dialog.getByRole('row', { name: /^task 2 failed.* exit code 1/ })).toBeVisible();
    await dialog.getByRole('button', { name: 'Log of task 2' }).click();
    await expect(dialog.getByRole('region', { name: 'Log of task 2' })).toContainText(`${missing}: No such file`);
    await photograph(workbench, 'cluster-failed');
    await page.keyboard.press('Escape');
    await photograph(workbench, 'cluster-failed-line');
  });

  await test.step('submitted again, it completes and its results are read', async () => {
    await writeFile(missing, '');
    // Held jobs cannot finish before they have been checked.
    putPartition('down');
    await line.getByRole('button', { name: 'Submit again' }).click();
    await expect(line.getByRole('progressbar')).toBeVisible({ timeout: HANG_LIMIT_MS });
    await photograph(workbench, 'cluster-running');
    putPartition('up');
    await expect(line).toBeHidden({ timeout: HANG_LIMIT_MS });
    await page.getByRole('radio', { name: 'All tasks' }).click();
    // The form outlasts the reload: two draws of random, and REAP, at two factors of two tasks.
    await expect(points).toHaveCount(2 * 3 * 2);
  });
  expect(problems).toEqual([]);
});
