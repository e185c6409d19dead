import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { openTaskFile, pageErrors, photograph, resources, tab, typeFolder } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** A name in which no line can break. */
const LONG = `a_long_name_${'x'.repeat(90)}`;

/** Parts of the page that scroll and are wider than they show. */
const tooWide = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() =>
    ['html', '.view', '.side-content', '.sweep-drawer', '.lists'].filter((part) =>
      [...document.querySelectorAll(part)].some((each) => each.scrollWidth > each.clientWidth + 1),
    ),
  );

test('long names stay in their panels; a task whose file breaks while it is on screen is told as that', async ({
  workbench,
}) => {
  const { page, exports } = workbench;
  const problems = pageErrors(page);
  const [model, file] = [path.join(exports, LONG), path.join(exports, `${LONG}.jsonl`)];
  await cp(path.join(resources, 'models', 'uncurl-8'), model, { recursive: true });
  await writeFile(file, await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl')));
  const start = page.getByRole('button', { name: /^Start sweep/ });
  const row = page.getByRole('list', { name: 'Tasks' }).getByRole('listitem').filter({ hasText: LONG });
  const header = page.getByRole('region', { name: 'What is on screen' });

  await test.step('a model and a task with a name of a hundred characters', async () => {
    await page.keyboard.press('Control+o');
    const dialog = page.getByRole('dialog', { name: 'Open a model' });
    await typeFolder(dialog, exports);
    await dialog.getByRole('button', { name: `${LONG} model` }).click();
    await expect(header.getByLabel('Model', { exact: true }).locator('option:checked')).toHaveText(LONG);
    await openTaskFile(workbench, file);
    await page.getByRole('button', { name: 'Use these items' }).click();
    await tab(page, 'Workbench');
    // Unticked, the bar of the sweep offers to tick it.
    await row.getByRole('checkbox').uncheck();
    await expect(page.getByRole('button', { name: `Tick ${LONG}` })).toBeVisible();
    expect(await tooWide(page)).toEqual([]);
    await page.getByRole('button', { name: 'None', exact: true }).click();
    await row.getByRole('checkbox').check();
    await expect(start).toContainText(LONG);
    await photograph(workbench, 'long-names');
    expect(await tooWide(page)).toEqual([]);
  });

  await test.step('its file is no task any more', async () => {
    await writeFile(file, 'no longer JSON');
    await page.evaluate(() => void window.dispatchEvent(new Event('focus')));
    await expect(page.getByRole('heading', { name: `${LONG} cannot be opened` })).toBeVisible();
    await expect(header.getByLabel('Task', { exact: true }).locator('option:checked')).toHaveText(LONG);
    // It can be unticked, so that the other tasks can be swept.
    await row.getByRole('checkbox').uncheck();
    await expect(row.getByRole('checkbox')).toBeDisabled();
    await photograph(workbench, 'broken-task');
    expect(await tooWide(page)).toEqual([]);
  });
  expect(problems).toEqual([]);
});
