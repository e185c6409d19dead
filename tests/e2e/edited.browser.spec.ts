import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { recordedSweepDocument } from '../../main/contract/sweep.ts';
import { present } from '../../main/contract/errors.ts';
import { startUncurl } from './command-line.ts';
import { pageErrors, photograph, tab } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('an edited sweep is reported in every view, and values from its outcomes are shown', async ({ workbench }) => {
  const { page, workspace, settings } = workbench;
  const problems = pageErrors(page);
  const sweep = 'sweep uncurl-8 --task capital --method reap frequency --factors 1,2,4 --limit 60';
  await startUncurl([...sweep.split(' '), '--workspace', workspace], settings);
  const runs = path.join(workspace, 'runs');
  const run = path.join(runs, present((await readdir(runs))[0], 'the sweep has no run'));
  await page.reload();
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-8' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Capitals' });
  await expect(page.locator('.difference-plot .curve-point').first()).toBeVisible();
  const banner = page
    .getByRole('alert')
    .filter({ hasText: 'Not measured here: results.json was changed after the run had ended.' });
  await expect(banner).toHaveCount(0);

  const file = path.join(run, 'results.json');
  const document = recordedSweepDocument.parse(JSON.parse(await readFile(file, 'utf8')));
  const results = document.results.map((result) =>
    result.factor === 1 ? result : { ...result, difference: result.difference + 0.5 },
  );
  const edited = results.filter(({ factor }) => factor > 1).length;
  await writeFile(file, JSON.stringify({ ...document, results }));
  await page.reload();

  await expect(banner).toContainText(`disagrees with the stored outcomes in ${edited} fields: results.difference`);
  await expect(banner).toContainText(
    'it was edited after the run had ended. The numbers shown are computed from the outcomes.',
  );
  for (const view of ['Thresholds', 'Compare', 'Workbench']) {
    await tab(page, view);
    await expect(banner).toBeVisible();
  }
  await photograph(workbench, 'edited');
  expect(problems).toEqual([]);
});
