import { cp } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { addLargeModels } from './large-maps.ts';
import { putRuns } from './many-runs.ts';
import { pageErrors, photograph, resources } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** The first message, which shows the token, has no id. */
const pageMessage = z.object({ type: z.string(), id: z.number().optional(), name: z.string().optional() });

test('a button that waits for a busy engine says so where it is, and Cancel ends what it began', async ({
  workbench,
}) => {
  const { page, workspace, exports } = workbench;
  const problems = pageErrors(page);
  const own = path.join(exports, 'own-8');
  await cp(path.join(resources, 'models', 'uncurl-8'), own, { recursive: true });
  // Calls of these names wait on their way, as for an engine that is busy; everything else is the engine's own.
  const held = new Set<string>();
  const waiting = new Set<number>();
  const cancelled: number[] = [];
  await page.routeWebSocket(/\/engine$/u, (socket) => {
    const engine = socket.connectToServer();
    socket.onMessage((message) => {
      const { type, id, name } = pageMessage.parse(JSON.parse(String(message)));
      if (id === undefined) engine.send(message);
      else if (type === 'cancel' && waiting.has(id)) cancelled.push(id);
      else if (name !== undefined && held.has(name)) waiting.add(id);
      else engine.send(message);
    });
  });
  await putRuns(workspace, 1);
  await page.reload();
  const placed = page.locator('.placed-waits');
  const cancel = placed.getByRole('button', { name: 'Cancel' });
  const runs = page.getByRole('list', { name: 'Runs' });
  await expect(runs.getByRole('listitem')).toHaveCount(1);

  // An action, by the keyboard: Tab leads to its Cancel, and the button has the focus again.
  held.add('sweep.start');
  const start = page.getByRole('button', { name: 'Start sweep' });
  await start.press('Enter');
  await expect(placed).toContainText(/^Checking the sweep, \d+\ss/);
  await photograph(workbench, 'button-wait');
  await page.keyboard.press('Tab');
  await expect(cancel).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(placed).toHaveCount(0);
  await expect(start).toBeFocused();
  await expect.poll(() => cancelled.length).toBe(1);
  await expect(runs.getByRole('listitem')).toHaveCount(1);

  // The menu of a row: the wait is at the button that opened it.
  held.add('runs.trash');
  await runs.getByRole('listitem').hover();
  await runs.getByRole('button', { name: /^More for/ }).click();
  await page.getByRole('menuitem', { name: 'Move to the trash' }).click();
  await expect(placed).toContainText(/^Moving runs to the trash, \d+\ss/);
  await cancel.click();
  await expect(placed).toHaveCount(0);
  await expect(runs.getByRole('listitem')).toHaveCount(1);

  // A dialog stays open, with its button ready, when what it began is cancelled; then it ends as usual.
  held.add('models.open');
  await page.keyboard.press('Control+o');
  const dialog = page.getByRole('dialog', { name: 'Open a model' });
  await expect(dialog.getByRole('textbox', { name: 'Path' })).not.toHaveValue('');
  await dialog.getByRole('textbox', { name: 'Path' }).fill(own);
  const open = dialog.getByRole('button', { name: 'Open this folder' });
  await open.click();
  await expect(placed).toContainText(/^Opening the model, \d+\ss/);
  await photograph(workbench, 'dialog-wait');
  await cancel.click();
  await expect(placed).toHaveCount(0);
  await expect(dialog.getByRole('alert')).toHaveCount(0);
  await expect(open).toBeEnabled();
  await expect.poll(() => cancelled.length).toBe(3);
  held.clear();
  await open.click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByRole('list', { name: 'Models' })).toContainText('own-8');

  // A view waits where its answer will be, and not over it.
  held.add('sweep.sizeTrend');
  await page.getByRole('tab', { name: 'Thresholds' }).click();
  const reading = page.getByRole('tabpanel', { name: 'Thresholds' }).getByRole('status');
  await expect(reading).toContainText(/^Computing thresholds and trends, \d+\ss/);
  await expect(page.getByRole('contentinfo', { name: 'Jobs' }).getByRole('button', { name: 'Cancel' })).toHaveCount(0);
  await photograph(workbench, 'view-wait');
  await reading.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('log', { name: 'Messages' })).toContainText('was cancelled.');
  await expect(reading).toHaveCount(0);
  expect(problems).toEqual([]);
});

/** UNCURL takes seconds of processor time for a plan of this number of experts, on any machine. */
const LARGE = { name: 'large-16-512', layers: 16, experts: 512, topK: 10 } as const;

test('a plan that takes long is made apart from the engine: its wait is shown, and ends the work', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await addLargeModels(workbench, [LARGE]);
  await page.reload();
  // The address of the last session is followed first.
  await expect(page.locator('.workbench-view')).toBeVisible();
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: LARGE.name });
  await expect(page.getByRole('application', { name: /16 layers by 512 experts/ })).toBeVisible();

  const messages = page.getByRole('log', { name: 'Messages' });
  await header.getByLabel('Method', { exact: true }).selectOption('UNCURL');
  // The last plan is still shown: the wait is in the line at the foot, and covers nothing.
  const foot = page.getByRole('contentinfo', { name: 'Jobs' });
  await expect(foot).toContainText('Making the plan, ');
  await expect(messages).toBeEmpty();
  await photograph(workbench, 'plan-wait');
  await foot.getByRole('button', { name: 'Cancel' }).click();
  await expect(messages).toContainText('Making the plan was cancelled.');
  await expect(messages.getByRole('button', { name: 'Ask again' })).toBeVisible();
  // The engine is free: another method has its plan at once.
  await header.getByLabel('Method', { exact: true }).selectOption('Frequency');
  await expect(page.getByRole('region', { name: 'Result of the plan' })).toContainText('256');
  expect(problems).toEqual([]);
});
