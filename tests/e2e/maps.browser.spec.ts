import path from 'node:path';
import type { Page } from '@playwright/test';
import { openCheckpoint } from '../../main/checkpoint/open-checkpoint.ts';
import { exportPlan } from '../../main/export/export-plan.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { exportSettingsIn } from '../open-model-runner.ts';
import { pageErrors, photograph, profileOn, resources, openMapOptions } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

const header = (page: Page) => page.getByRole('region', { name: 'What is on screen' });
const mapSection = (page: Page) => page.getByRole('region', { name: 'Layer and expert map' });
const map = (page: Page) => page.getByRole('application', { name: /3 layers by 8 experts/ });

/** Adds a pruned copy of uncurl-8 with half of its experts, made by the engine's own export. */
const addPrunedCopy = async (workspace: string, exports: string): Promise<void> => {
  const checkpoint = await openCheckpoint(path.join(resources, 'models', 'uncurl-8'));
  const destination = path.join(exports, 'half');
  const { library, overlayFolder } = await openWorkspace(workspace);
  await exportPlan({
    checkpoint,
    plan: {
      kept: [
        [0, 2, 3, 7],
        [1, 2, 4, 5],
        [0, 1, 6, 7],
      ],
    },
    destination,
    settings: exportSettingsIn(overlayFolder, 2 ** 30),
    control: { signal: new AbortController().signal },
  });
  await library.add('models', destination, (await openCheckpoint(destination)).fingerprint);
};

test('experts are ordered, maps are compared with tasks and a pruned copy, and all can be undone', async ({
  workbench,
}) => {
  const { page, workspace, exports } = workbench;
  const problems = pageErrors(page);
  await addPrunedCopy(workspace, exports);
  await page.reload();
  await header(page).getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
  await header(page).getByLabel('Task', { exact: true }).selectOption({ label: 'Sums' });
  await header(page).getByLabel('Method', { exact: true }).selectOption({ label: 'REAP' });
  await profileOn(page, ['Sums', 'Sorting']);
  await openMapOptions(page);
  const order = page.getByLabel('Order', { exact: true });
  const minus = page.getByLabel('Minus', { exact: true });

  await test.step('by value, the first position is rank 1, and the tip follows the pointer', async () => {
    await order.selectOption('by value');
    await expect(page).toHaveURL(/order=value/);
    await expect(mapSection(page)).toContainText('each layer by falling value; numbers above: position, not expert');
    await map(page).hover({ position: { x: 50, y: 40 } });
    await expect(page.locator('.chart-tip')).toContainText('Rank 1 of 8 in this layer');
    await expect(page.locator('.chart-tip')).toContainText('Position 1 by falling value');
    await page.mouse.move(2, 2);
    await expect(page.locator('.chart-tip')).toHaveCount(0);
  });

  await test.step('the selected expert stays selected in every order', async () => {
    await map(page).focus();
    await page.keyboard.press('ArrowRight');
    const chosen = await page.locator('.chart-tip strong').textContent();
    for (const label of ['by similarity', 'by the plan', 'by value on Sorting', 'by number']) {
      await order.selectOption(label);
      await expect(page.getByRole('heading', { name: chosen ?? '', level: 2 })).toBeVisible();
      await expect(page.locator('.heatmap-selected')).toHaveCount(1);
    }
    await page.keyboard.press('Escape');
    await expect(page.locator('.chart-tip')).toHaveCount(0);
  });

  await test.step('a difference to a task applies to the map, the bars and the atlas', async () => {
    // Escape closed the options as well as the tip.
    await openMapOptions(page);
    await minus.selectOption('Sorting');
    await expect(page).toHaveURL(/minus=task%3Asort|minus=task:sort/);
    await expect(page.getByRole('region', { name: /^Experts of layer/ })).toContainText('minus Sorting');
    await expect(page.getByRole('region', { name: 'All profiled tasks' })).toContainText('minus Sorting');
    await expect(mapSection(page)).toContainText('more on Sorting');
  });

  await test.step('compared with the pruned copy, missing experts are shown as gone', async () => {
    await minus.selectOption('half (its pruned copy)');
    const note = page.getByText('half is not profiled on Sums, so nothing is subtracted.');
    await expect(note).toBeVisible();
    await page.getByRole('button', { name: 'Profile half on Sums' }).click();
    await expect(mapSection(page)).toContainText('gone in half', { timeout: HANG_LIMIT_MS });
    await expect(note).toHaveCount(0);
    await page.getByRole('radiogroup', { name: 'Map or table' }).getByRole('radio', { name: 'Table' }).click();
    await expect(mapSection(page).getByRole('cell', { name: 'gone', exact: true })).toHaveCount(12);
    await page.getByRole('radiogroup', { name: 'Map or table' }).getByRole('radio', { name: 'Map' }).click();
    await photograph(workbench, 'map-pruned-copy');
  });

  await test.step('a reload keeps it, and undo reverts it step by step', async () => {
    await page.reload();
    await expect(mapSection(page)).toContainText('gone in half');
    await openMapOptions(page);
    await minus.selectOption('nothing');
    await page.keyboard.press('Control+z');
    await expect(mapSection(page)).toContainText('gone in half');
    await page.keyboard.press('Control+Shift+z');
    await expect(mapSection(page)).not.toContainText('gone in half');
  });
  expect(problems).toEqual([]);
});

test('the inspector shows an expert’s tokens, the experts chosen with it, similar experts, and its damage', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await header(page).getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
  await header(page).getByLabel('Task', { exact: true }).selectOption({ label: 'Sums' });
  await profileOn(page, ['Sums']);
  await map(page).focus();
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown']) await page.keyboard.press(key);
  const part = (name: string) => page.getByRole('region', { name, exact: true });

  await test.step('arrow keys move between the bars of its layer', async () => {
    const bars = page.getByRole('region', { name: /^Experts of layer 1/ }).getByRole('button');
    await bars.first().focus();
    await page.keyboard.press('End');
    await expect(bars.last()).toBeFocused();
    const last = /^Expert (\d)/.exec((await bars.last().getAttribute('aria-label')) ?? '')?.[1] ?? '';
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: `Layer 1, expert ${last}`, level: 2 })).toBeVisible();
  });

  await test.step('experts chosen together, and the matrix of the layer', async () => {
    await expect(part('Chosen together with').getByRole('listitem').first()).toBeVisible();
    await part('Chosen together with').getByText('All experts of layer 1 against each other').click();
    await expect(page.locator('.together-matrix canvas')).toBeVisible();
  });

  await test.step('similar experts by each measure', async () => {
    const alike = part('Similar experts');
    await expect(alike.getByRole('list', { name: 'Similar by router logits' }).getByRole('listitem')).toHaveCount(7);
    await alike.getByRole('button', { name: 'Compare the weights of the layer' }).click();
    await expect(alike.getByRole('list', { name: 'Similar by weights' }).getByRole('listitem')).toHaveCount(7);
    await expect(alike).toContainText('This profile did not compare outputs.');
  });

  await test.step('the profile has tokens, and profiled again it has outputs', async () => {
    const tokens = part('Tokens it takes').getByRole('list', { name: 'Tokens it takes most' });
    await expect(tokens.getByRole('listitem').first()).toBeVisible({ timeout: HANG_LIMIT_MS });
    const alike = part('Similar experts');
    await alike.getByRole('button', { name: 'Profile again with outputs' }).click();
    await expect(alike.getByRole('list', { name: 'Similar by outputs' })).toBeVisible({ timeout: HANG_LIMIT_MS });
    await expect(tokens.getByRole('listitem').first()).toBeVisible({ timeout: HANG_LIMIT_MS });
    for (const weighing of ['Most often', 'By gate', 'By surprise']) {
      await part('Tokens it takes').getByRole('radio', { name: weighing }).click();
      await expect(tokens.locator('summary').first()).toBeVisible();
    }
    await tokens.locator('summary').first().click();
    await expect(tokens.locator('mark').first()).toBeVisible();
    await expect(part('Tokens it takes').getByRole('list', { name: 'Share by class of token' })).toContainText('digit');
    await expect(part('Tokens it takes').getByRole('list', { name: 'Share by position' })).toBeVisible();
    await part('Tokens it takes').scrollIntoViewIfNeeded();
    await photograph(workbench, 'expert-tokens');
    await part('Similar experts').scrollIntoViewIfNeeded();
    await photograph(workbench, 'expert-others');
  });

  await test.step('the damage of the expert, then of all experts of the layer', async () => {
    const damage = part('Damage of this expert');
    await damage.getByRole('button', { name: 'Measure this expert' }).click();
    await expect(damage).toContainText('Lost and gained', { timeout: HANG_LIMIT_MS });
    await damage.getByRole('button', { name: 'Measure the layer (8 experts)' }).click();
    await expect(damage.locator('.damage-bar')).toHaveCount(8, { timeout: HANG_LIMIT_MS });
    await expect(damage.getByRole('button', { name: 'Measure the layer (8 experts)' })).toHaveCount(0);
    await damage.locator('.damage-bar').nth(5).click();
    await expect(page.getByRole('heading', { name: 'Layer 1, expert 5', level: 2 })).toBeVisible();
    const bar = damage.getByRole('button', { name: /^Expert 5 removed: / });
    await bar.focus();
    await page.keyboard.press('ArrowRight');
    await expect(damage.getByRole('button', { name: /^Expert 6 removed: / })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'Layer 1, expert 6', level: 2 })).toBeVisible();
    await damage.scrollIntoViewIfNeeded();
    await photograph(workbench, 'expert-damage');
  });
  await test.step('an area drawn over the map is summed up and pinned, by keyboard and by dragging', async () => {
    const area = page.getByRole('region', { name: 'Experts of the area' });
    await map(page).focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowUp');
    await expect(area).toContainText('4 experts in 2 layers');
    await page.keyboard.press('Escape');
    await expect(area).toBeHidden();
    const box = await map(page).boundingBox();
    if (box === null) throw new Error('the map is not on the page');
    await page.mouse.move(box.x + 50, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 90, box.y + 45, { steps: 4 });
    await page.mouse.up();
    await expect(area).toContainText('8 experts in 1 layer');
    // All choices of one of three layers.
    await expect(area).toContainText('33.3\u202f% of all, 100.0\u202f% of their layers');
    await photograph(workbench, 'area');
    await area.getByRole('button', { name: 'Close the area' }).click();
    await map(page).focus();
    await page.keyboard.press('Shift+ArrowLeft');
    await area.getByRole('button', { name: 'Pin: must stay' }).click();
    await page
      .getByRole('complementary', { name: 'Inspector' })
      .getByRole('tab', { name: 'Plan', exact: true })
      .click();
    const pins = page.getByRole('group', { name: 'Pins' }).getByRole('listitem');
    await expect(pins).toHaveCount(2);
    await area.getByRole('button', { name: 'Remove pins' }).click();
    await expect(pins).toHaveCount(0);
  });
  expect(problems).toEqual([]);
});
