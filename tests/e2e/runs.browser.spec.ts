import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { axeFindings } from './axe-findings.ts';
import { putRuns } from './many-runs.ts';
import { pageErrors, photograph } from './page-steps.ts';
import { expect, test } from './workbench.ts';

const list = (page: Page) => page.getByRole('list', { name: 'Runs' });
const row = (page: Page, name: string) => list(page).getByRole('listitem').filter({ hasText: name });
const filter = (page: Page) => page.getByRole('searchbox', { name: 'Filter runs' });
const heading = (page: Page) => page.getByRole('region', { name: 'Runs' }).getByRole('heading', { name: /^Runs/ });

/** Points again where the list has moved under the pointer: the button is there only while its row is pointed at. */
const fromMenu = async (page: Page, run: string, item: string): Promise<void> => {
  await expect(async () => {
    await row(page, run).hover();
    await row(page, run)
      .getByRole('button', { name: /^More for/ })
      .click({ timeout: 5_000 });
  }).toPass();
  await page.getByRole('menuitem', { name: item }).click();
};

test('two hundred runs: filtered, named, tagged, archived, moved to the trash and restored', async ({ workbench }) => {
  const { page, workspace } = workbench;
  const problems = pageErrors(page);
  // As another process makes them, which tells the page nothing.
  await putRuns(workspace, 200);

  await test.step('all are counted, newest first, and only visible rows are rendered', async () => {
    await expect(heading(page)).toHaveText('Runs200');
    await expect(list(page).getByRole('listitem').first()).toContainText('verify 199');
    expect(await list(page).getByRole('listitem').count()).toBeLessThan(50);
    await expect(list(page).getByRole('listitem').first()).toContainText(
      /not measured here · \d+ Jan.*, \d\d:\d\d · 50/,
    );
  });

  await test.step('words match models, tasks, kinds and states', async () => {
    await filter(page).fill('model-08 sweep');
    await expect(heading(page)).toHaveText('Runs4 of 200');
    await filter(page).fill('failed task-4');
    await expect(heading(page)).toHaveText(/^Runs2 of 200$/);
    await filter(page).fill('nothing of the kind');
    await expect(page.getByText('No run matches.')).toBeVisible();
    await filter(page).fill('');
    await expect(heading(page)).toHaveText('Runs200');
  });

  await test.step('a name is edited in place and stored beside the manifest', async () => {
    await row(page, 'verify 199').getByRole('button').first().focus();
    await page.keyboard.press('F2');
    await page.keyboard.type('The odd one');
    await page.keyboard.press('Enter');
    await expect(row(page, 'The odd one')).toBeVisible();
    const file = path.join(workspace, 'runs', 'verify-20260101-199', 'label.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ name: 'The odd one' });
  });

  await test.step('note and tags are found by the filter, also after a reload', async () => {
    await fromMenu(page, 'The odd one', 'Note, tags, details…');
    const dialog = page.getByRole('dialog', { name: 'The odd one' });
    await dialog.getByLabel('Note').fill('differs in layer three');
    await dialog.getByLabel('Tags, separated by commas').fill('paper, odd');
    await photograph(workbench, 'run-details');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog).toBeHidden();
    await page.reload();
    await filter(page).fill('#odd layer');
    await expect(heading(page)).toHaveText('Runs1 of 200');
    await expect(row(page, 'The odd one')).toContainText('#paper #odd');
    await filter(page).fill('');
    // A pointer over the filtered row would not be over it in the whole list.
    await expect(heading(page)).toHaveText('Runs200');
  });

  await test.step('an archived run is hidden unless requested', async () => {
    await fromMenu(page, 'The odd one', 'Archive');
    await expect(heading(page)).toHaveText('Runs199 of 200');
    await expect(row(page, 'The odd one')).toHaveCount(0);
    await page.getByRole('checkbox', { name: 'Archived (1)' }).check();
    await expect(row(page, 'The odd one')).toContainText('archived');
    await fromMenu(page, 'The odd one', 'Take out of the archive');
    await expect(page.getByRole('checkbox', { name: /^Archived/ })).toHaveCount(0);
  });

  await test.step('a trashed run is restored by the notice, and by Ctrl+Z', async () => {
    await row(page, 'The odd one').getByRole('button').first().focus();
    await page.keyboard.press('Delete');
    await expect(heading(page)).toHaveText('Runs199');
    const notice = page.getByRole('log', { name: 'Messages' }).getByText('“The odd one” is in the trash.');
    await expect(notice).toBeVisible();
    await photograph(workbench, 'run-trashed');
    await page.getByRole('log', { name: 'Messages' }).getByRole('button', { name: 'Undo' }).click();
    await expect(row(page, 'The odd one')).toContainText('#paper');
    await expect(notice).toBeHidden();

    await fromMenu(page, 'The odd one', 'Move to the trash');
    await expect(heading(page)).toHaveText('Runs199');
    await page.keyboard.press('Control+z');
    await expect(heading(page)).toHaveText('Runs200');
  });

  await test.step('several at once; the trash is restored from, and emptied after confirmation', async () => {
    for (const name of ['The odd one', 'export 198', 'profile 197'])
      await row(page, name)
        .getByRole('button')
        .first()
        .click({ modifiers: ['ControlOrMeta'] });
    const chosen = page.getByRole('group', { name: 'Chosen runs' });
    await expect(chosen).toContainText('3 chosen');
    await photograph(workbench, 'runs-chosen');
    await chosen.getByRole('button', { name: 'Move the chosen runs to the trash' }).click();
    await expect(heading(page)).toHaveText('Runs197');
    await page.getByRole('button', { name: 'Trash of runs' }).click();
    const trash = page.getByRole('dialog', { name: 'Trash of runs' });
    await expect(trash.getByRole('listitem')).toHaveCount(3);
    // The offer to undo waits for the page: it would lie over the buttons of the dialog.
    await expect(page.getByRole('button', { name: 'Undo', exact: true })).toHaveCount(0);
    await trash.getByRole('button', { name: 'Restore The odd one' }).click();
    await expect(trash.getByRole('listitem')).toHaveCount(2);
    await trash.getByRole('button', { name: 'Empty the trash…' }).click();
    await photograph(workbench, 'trash');
    expect(await axeFindings(page), 'the question before a deletion').toEqual([]);
    await trash.getByRole('button', { name: 'Delete 2 runs' }).click();
    await expect(trash).toContainText('The trash is empty.');
    await page.keyboard.press('Escape');
    await expect(heading(page)).toHaveText('Runs198');
    expect(await readdir(path.join(workspace, 'trash'))).toEqual([]);
  });

  await test.step('in a small window the list scrolls on its own', async () => {
    await page.setViewportSize({ width: 1024, height: 700 });
    await list(page).getByRole('listitem').nth(3).scrollIntoViewIfNeeded();
    await photograph(workbench, 'runs-small');
    await page.setViewportSize({ width: 1440, height: 900 });
  });
  expect(problems).toEqual([]);
});
