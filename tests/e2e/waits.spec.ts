import { chmod, readdir } from 'node:fs/promises';
import path from 'node:path';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { addLargeModels } from './large-maps.ts';
import { pageErrors, photograph } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** UNCURL takes seconds of processor time for a plan of this number of experts, on any machine. */
const LARGE = { name: 'large-16-512', layers: 16, experts: 512, topK: 10 } as const;

test('a plan that takes long is made apart from the engine: its wait is shown, and ends the work', async ({
  workbench,
}) => {
  const { page, workspace, exports, settings } = workbench;
  const problems = pageErrors(page);
  await addLargeModels(workbench, [LARGE]);
  // The window's engine runs as another user.
  const state = stateFolder(settings);
  for (const folder of [workspace, exports, state])
    for (const entry of await readdir(folder, { recursive: true })) await chmod(path.join(folder, entry), 0o777);
  await chmod(state, 0o777);
  await page.reload();
  // The address of the last session is followed first.
  await expect(page.locator('.workbench-view')).toBeVisible();
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: LARGE.name });
  await expect(page.getByRole('application', { name: /16 layers by 512 experts/ })).toBeVisible();

  const messages = page.getByRole('log', { name: 'Messages' });
  await header.getByLabel('Method', { exact: true }).selectOption('UNCURL');
  await expect(messages).toContainText('Making the plan, ');
  await photograph(workbench, 'plan-wait');
  await messages
    .locator('.notice-wait', { hasText: 'Making the plan' })
    .getByRole('button', { name: 'Cancel' })
    .click();
  await expect(messages).toContainText('Making the plan was cancelled.');
  await expect(messages.getByRole('button', { name: 'Ask again' })).toBeVisible();
  // The engine is free: another method has its plan at once.
  await header.getByLabel('Method', { exact: true }).selectOption('Frequency');
  await expect(page.getByRole('region', { name: 'Result of the plan' })).toContainText('256');
  expect(problems).toEqual([]);
});
