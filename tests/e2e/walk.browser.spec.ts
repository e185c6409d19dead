import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Locator } from '@playwright/test';
import { photograph, resources, typePath } from './page-steps.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { expect, test } from './workbench.ts';

/** The items of Sums as a file of written answers: one line an item, with nothing about how answers end. */
const writtenFile = async (): Promise<string> => {
  const lines = (await readFile(path.join(resources, 'tasks', 'add', 'test.jsonl'), 'utf8')).trim().split('\n');
  return lines
    .map((line) => {
      const { id, context, choices, answer } = JSON.parse(line) as {
        readonly id: string;
        readonly context: string;
        readonly choices: readonly string[];
        readonly answer: number;
      };
      return JSON.stringify({ id, context, answer: choices[answer]?.trim() });
    })
    .join('\n');
};

test('by keyboard alone from the first start through sweep and verdict to a verified export', async ({
  workbench,
}, testInfo) => {
  const { page, exports } = workbench;
  const { keyboard } = page;
  const file = path.join(exports, 'my-sums.jsonl');
  await writeFile(file, await writtenFile());
  const start = Date.now();
  let step = 0;
  /** Logs the time so far and the current step. */
  const reached = async (what: string): Promise<void> => {
    step += 1;
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    testInfo.annotations.push({ type: 'walk', description: `${seconds} s: ${what}` });
    process.stdout.write(`walk ${String(step)}: ${seconds} s: ${what}\n`);
    await photograph(workbench, `walk-${String(step)}`);
  };
  const command = async (typed: string): Promise<void> => {
    await keyboard.press('Control+k');
    await expect(page.getByRole('dialog', { name: 'Commands' }).getByRole('combobox')).toBeFocused();
    await keyboard.type(typed);
    await keyboard.press('Enter');
  };
  /** Tabs until an element has the focus. */
  const tabTo = async (wanted: Locator, key = 'Tab'): Promise<void> => {
    const hasFocus = (): Promise<boolean> => wanted.evaluate((element) => element === document.activeElement);
    for (let presses = 0; presses < 200 && !(await hasFocus()); presses++) await keyboard.press(key);
    await expect(wanted).toBeFocused();
  };
  const header = page.getByRole('region', { name: 'What is on screen' });
  const chosen = (label: string) => header.getByLabel(label, { exact: true }).locator('option:checked');

  await expect(chosen('Model')).not.toHaveText('');
  await reached('the workbench is open, a model and a task are chosen');

  await command('open task folder');
  await typePath(page, file);
  const calibration = page.getByRole('dialog', { name: 'Calibration items of my-sums' });
  await expect(calibration.getByRole('spinbutton', { name: 'Share for calibration' })).toBeFocused();
  await expect(calibration).toContainText('60 calibration items, 240 test items.');
  await reached('the own file is open, and a split of it is offered');
  // The new tokens begin at what fits the bundled models; where answers end, the file does not say.
  await keyboard.press('Shift+Tab');
  const ends = calibration.getByRole('textbox', { name: 'Answers end at' });
  await tabTo(ends);
  await keyboard.press('Control+a');
  await keyboard.type('\\n');
  await expect(calibration).toContainText('60 calibration items, 240 test items.');
  await expect(calibration.getByRole('button', { name: 'Use these items' })).toBeEnabled();
  await reached('answers end at the end of a line');
  await keyboard.press('Enter');
  await expect(calibration).toBeHidden();
  await expect(chosen('Task')).toHaveText('my-sums');
  await reached('the split is taken');
  // A task of one's own begins with the search; this walk goes by the workbench.
  await expect(page.getByRole('tab', { name: 'Fit', exact: true })).toHaveAttribute('aria-selected', 'true');
  await command('show workbench');
  await expect(page.getByRole('tab', { name: 'Workbench', exact: true })).toHaveAttribute('aria-selected', 'true');

  await command('uncurl-16');
  await expect(chosen('Model')).toHaveText('uncurl-16');
  await command('profile ticked');
  await expect(page.getByRole('application', { name: /3 layers by 16 experts/ })).toBeVisible({
    timeout: HANG_LIMIT_MS,
  });
  await reached('uncurl-16 is profiled on it');

  const sweep = page.getByRole('region', { name: 'Sweep', exact: true });
  const settings = sweep.getByRole('button', { name: 'Sweep settings' });
  await tabTo(settings);
  await keyboard.press('Enter');
  await expect(settings).toHaveAttribute('aria-expanded', 'true');
  await tabTo(sweep.getByRole('button', { name: 'Only my-sums' }));
  await keyboard.press('Enter');
  // What is drawn takes several measurements; the walk is about the keys.
  for (const method of ['Random', 'Frequency', 'UNCURL']) {
    await tabTo(sweep.getByRole('checkbox', { name: method, exact: true }));
    await keyboard.press('Space');
  }
  for (const factor of ['×4', '×8']) {
    await tabTo(sweep.getByRole('checkbox', { name: factor, exact: true }));
    await keyboard.press('Space');
  }
  const begin = sweep.getByRole('button', { name: /^Start sweep/ });
  await expect(begin).toContainText('uncurl-16, my-sums, REAP, ×2');
  await tabTo(begin, 'Shift+Tab');
  await keyboard.press('Enter');
  const cursor = page.getByRole('status', { name: 'The plan on screen' });
  await expect(cursor).toContainText(/measured: (?:safe|unsafe|cannot tell)/, { timeout: HANG_LIMIT_MS });
  const answer = page.getByRole('status', { name: 'The answer' });
  await expect(answer).toContainText(/^uncurl-16, my-sums: /);
  await expect(answer).not.toContainText('not measured');
  await reached(`the sweep has its verdict: ${(await answer.textContent()) ?? ''}`);

  await keyboard.press('Control+Shift+e');
  const drawer = page.getByRole('dialog', { name: 'Export', exact: true });
  await tabTo(drawer.getByRole('button', { name: /Choose/ }).first());
  await keyboard.press('Enter');
  await typePath(page, exports);
  const into = page.getByRole('button', { name: 'Export into this folder' });
  await expect(page.getByRole('list', { name: 'Entries' })).toHaveAttribute('data-folder', exports);
  await tabTo(into);
  await keyboard.press('Enter');
  await expect(drawer.getByText(exports, { exact: true })).toBeVisible();
  await reached('the folder of the export is chosen');
  await expect(drawer.getByRole('button', { name: 'Export and verify' })).toBeEnabled();
  await keyboard.press('Control+e');
  await expect(drawer.getByRole('button', { name: 'Export all the same' })).toBeVisible();
  await keyboard.press('Control+e');
  const outcome = page.getByRole('region', { name: 'Outcome' });
  await expect(outcome.getByText('Verified: the export equals the measured model')).toBeVisible({
    timeout: HANG_LIMIT_MS,
  });
  await reached('the export is written and verified');
  const written = path.join(exports, 'uncurl-16-my-sums-reap-x2');
  const weights = await readFile(path.join(written, 'model.safetensors'));
  const before = await readdir(exports);
  // The same once more: the form asks as before, says what is there, and leaves it as it is.
  await keyboard.press('Control+e');
  await expect(drawer.getByRole('button', { name: 'Export all the same' })).toBeVisible();
  // By its button, since what is refused is then said beside it.
  await tabTo(drawer.getByRole('button', { name: 'Export all the same' }));
  await keyboard.press('Enter');
  const refused = drawer.getByRole('alert').filter({ hasText: 'uncurl-16-my-sums-reap-x2 exists.' });
  await expect(refused).toContainText('Choose another name: existing files are never overwritten.');
  await expect(outcome.getByText('Verified: the export equals the measured model')).toBeVisible();
  expect(await readdir(exports)).toEqual(before);
  expect((await readFile(path.join(written, 'model.safetensors'))).equals(weights)).toBe(true);
  await reached('the same export again is refused, and the first one is whole');
});
