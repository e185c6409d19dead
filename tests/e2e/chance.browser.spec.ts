import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { photograph, resources, tab, typePath, openSweep } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** The items of Sums, each with a wrong choice marked as the right one: the model is far below chance. */
const wrongAnswers = async (): Promise<string> => {
  const lines = (await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl'), 'utf8')).trim().split('\n');
  return lines
    .map((line) => {
      const item = JSON.parse(line) as { readonly answer: number };
      return JSON.stringify({ ...item, answer: (item.answer + 1) % 4 });
    })
    .join('\n');
};

test('a model at chance gets no verdict; typed factors are swept; points of another sweep name it', async ({
  workbench,
}) => {
  const { page, exports } = workbench;
  const file = path.join(exports, 'wrong-sums.jsonl');
  await writeFile(file, await wrongAnswers());
  const header = page.getByRole('region', { name: 'What is on screen' });
  const sweep = page.getByRole('region', { name: 'Sweep', exact: true });
  const runs = page.getByRole('list', { name: 'Runs' }).getByRole('listitem');
  const finished = async (count: number): Promise<void> => {
    await expect(runs).toHaveCount(count, { timeout: HANG_LIMIT_MS });
    await expect(runs.filter({ hasText: /waiting|running/ })).toHaveCount(0, { timeout: HANG_LIMIT_MS });
  };

  await test.step('an own file is opened, and split', async () => {
    await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
    await page.keyboard.press('Control+K');
    await expect(page.getByRole('dialog', { name: 'Commands' }).getByRole('combobox')).toBeFocused();
    await page.keyboard.type('open task folder');
    await page.keyboard.press('Enter');
    await typePath(page, file);
    const calibration = page.getByRole('dialog', { name: 'Calibration items of wrong-sums' });
    await calibration.getByRole('button', { name: 'Use these items' }).click();
    await expect(calibration).toBeHidden();
    await tab(page, 'Workbench');
  });

  await test.step('factors that divide nothing are typed, with the experts that each leaves', async () => {
    await header.getByLabel('Method', { exact: true }).selectOption({ label: 'Random' });
    await openSweep(page);
    // The file was ticked beside the bundled tasks.
    await sweep.getByRole('button', { name: 'Only wrong-sums' }).click();
    for (const method of ['Frequency', 'REAP', 'UNCURL'])
      await sweep.getByRole('checkbox', { name: method, exact: true }).uncheck();
    await sweep.getByLabel('Draws', { exact: true }).fill('1');
    for (const factor of ['×2', '×4']) await sweep.getByRole('checkbox', { name: factor, exact: true }).uncheck();
    const others = sweep.getByRole('textbox', { name: 'others' });
    await others.fill('1.33, keep 1');
    await expect(sweep.getByRole('status')).toContainText('leaves fewer than the 2 experts that a token uses');
    await expect(sweep.getByRole('button', { name: 'Start sweep' })).toBeDisabled();
    await others.fill('1.33, keep 5');
    await expect(sweep.getByRole('status')).toContainText('×1.33: 6 of 8 experts kept; ×1.60: 5 of 8 experts kept');
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    await finished(1);
  });

  await test.step('no verdict is given, anywhere', async () => {
    await header.getByLabel('Factor', { exact: true }).selectOption({ label: '×1.6' });
    const cursor = page.getByRole('status', { name: 'The plan on screen' });
    await expect(cursor).toContainText('nothing to lose: at chance');
    await tab(page, 'Thresholds');
    const best = page.getByRole('region', { name: 'Best threshold of every model and task' });
    await expect(best.locator('td').getByRole('button')).toHaveCount(1);
    await expect(best.locator('td').getByRole('button')).toContainText(/chance/i);
    await expect(best.locator('td').getByRole('button')).not.toContainText('<');
    await photograph(workbench, 'at-chance');
    await tab(page, 'Workbench');
  });

  await test.step('a second sweep shows the points of the first under its name', async () => {
    await openSweep(page);
    await sweep.getByRole('textbox', { name: 'others' }).fill('2');
    await sweep.getByRole('button', { name: 'Start sweep' }).click();
    await finished(2);
    const chosen = page.getByRole('main').getByRole('combobox', { name: 'Sweep', exact: true });
    await chosen.selectOption({ index: 0 });
    await expect(
      page.getByText(/^From other sweeps: Random ×1\.33, ×1\.6 \(Sweep of uncurl-8 on wrong-sums/),
    ).toBeVisible();
  });

  await test.step('a run made in the window names the command that makes it, its methods and its factors', async () => {
    const last = runs.first();
    await last.hover();
    await last.getByRole('button', { name: /^More for/ }).click();
    await page.getByRole('menuitem', { name: 'Note, tags, details…' }).click();
    const details = page.getByRole('dialog', { name: /^Sweep of uncurl-8 on wrong-sums/ });
    await expect(details.locator('pre')).toHaveText(
      /^uncurl sweep uncurl-8 --task \S*wrong-sums\S* --method random --factors 1,2\b/,
    );
    await expect(details.locator('dt', { hasText: 'Methods' }).locator('+ dd')).toHaveText('Random');
    await expect(details.locator('dt', { hasText: 'Factors' }).locator('+ dd')).toHaveText('1, 2');
    await details.getByRole('button', { name: 'Copy the command' }).click();
    await expect(page.getByRole('log', { name: 'Messages' })).toContainText('The command is in the clipboard.');
  });
});
