import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { recordedSweepDocument } from '../../main/contract/sweep.ts';
import { pageErrors, photograph } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

test('an edited sweep is reported in every view, and values from its outcomes are shown', async ({ workbench }) => {
  const { page, workspace } = workbench;
  const problems = pageErrors(page);
  const banner = page
    .getByRole('alert')
    .filter({ hasText: 'Not measured here: results.json was changed after the run had ended.' });
  await expect(banner).toHaveCount(0);

  const file = path.join(workspace, 'runs', 'sample', 'results.json');
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
    await page.getByRole('tab', { name: view, exact: true }).click();
    await expect(banner).toBeVisible();
  }
  await photograph(workbench, 'edited');
  expect(problems).toEqual([]);
});
