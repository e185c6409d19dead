import { addRecordedExperiment, addSample } from '../../main/sample/sample-run.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { axeFindings } from './axe-findings.ts';
import { download, pageErrors, photograph, resources, tab } from './page-steps.ts';
import { expect, sampled, test } from './workbench.ts';

sampled('the map of models shows verdicts, opens points, and compares two models by slice', async ({ workbench }) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-64' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sums' });
  await tab(page, 'Map of models');
  const map = page.getByRole('region', { name: 'Map of models' });
  const cell = (name: RegExp) => map.getByRole('button', { name });

  await test.step('each model has its verdict, difference and bytes', async () => {
    await expect(map.getByRole('rowheader')).toHaveText(['Unpruned', 'Random', 'Frequency', 'REAP', 'UNCURL'], {
      timeout: HANG_LIMIT_MS,
    });
    await expect(cell(/^REAP ×4: safe; /)).toContainText(/\+0\.3.*MB/);
    await expect(cell(/^REAP ×8: unsafe; /)).toContainText('−27.3');
    await photograph(workbench, 'map-of-models');
  });

  await test.step('arrow keys move between the cells, and Enter opens a point', async () => {
    await cell(/^unpruned: /).focus();
    // The column of ×1 has no other cell.
    await page.keyboard.press('ArrowDown');
    await expect(cell(/^unpruned: /)).toBeFocused();
    await cell(/^REAP ×2: /).focus();
    await page.keyboard.press('ArrowRight');
    await expect(cell(/^REAP ×4: /)).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('region', { name: 'Selected point' })).toContainText('uncurl-64');
    await expect(cell(/^REAP ×4: /)).toHaveAttribute('aria-pressed', 'true');
  });

  await test.step('beside the map the same models by their bytes open the same', async () => {
    const chart = page.getByRole('figure', { name: 'Accuracy against bytes' });
    await expect(chart.locator('.curve-point[data-series="reap"]')).toHaveCount(5);
    await chart.locator('.curve-point[data-series="frequency"][data-at^="1.5"]').click({ force: true });
    await expect(cell(/^Frequency ×8: /)).toHaveAttribute('aria-pressed', 'true');
  });

  await test.step('the margin changes the verdicts here as in all views', async () => {
    await page.getByRole('button', { name: /^loses at most/ }).click();
    const slider = page.getByRole('group', { name: 'Threshold rule' }).getByRole('slider');
    await slider.fill('0.005');
    await expect(cell(/^REAP ×4: cannot tell/)).toBeVisible();
    await slider.fill('0.02');
    await expect(cell(/^REAP ×4: safe/)).toBeVisible();
    await page.keyboard.press('Escape');
  });

  await test.step('the map is saved as a figure', async () => {
    const saved = download(page, '.svg');
    await page.getByRole('button', { name: 'Save figure' }).click();
    await page.getByRole('menuitem', { name: 'SVG' }).click();
    expect((await saved).suggestedFilename()).toMatch(/map-of-models-uncurl-64--add\.svg$/);
  });

  const two = page.getByRole('region', { name: 'Two models compared' });
  await test.step('two models are compared by slices, whose lost items can be read', async () => {
    await page.getByRole('button', { name: 'Compare two' }).click();
    await expect(page.getByText('Choose the model to compare with.')).toBeVisible();
    await cell(/^REAP ×4: /).click();
    await cell(/^Frequency ×4: /).click();
    await expect(two.getByRole('heading', { level: 3 })).toContainText('Frequency ×4 against REAP ×4, on Sums');
    const [lost] = /(\d+) lost/.exec((await two.getByText(/ lost, /).textContent()) ?? '') ?? [''];
    const slices = two.getByRole('region', { name: 'Slices by first token of the answer' }).getByRole('row');
    await expect(slices.first()).toContainText(/Slice.*Difference.*95 % interval.*Reading.*Lost/);
    const status = two.getByRole('status');
    await expect(status).toHaveText(lost.replace(' lost', ' items lost'));
    const first = await slices.nth(1).getByRole('cell').allTextContents();
    await slices.nth(1).click();
    await expect(status).toHaveText(new RegExp(`^${first[3] ?? ''} items? lost, first token of the answer: `));
    await expect(two.getByRole('list', { name: 'Items and answers' }).getByText('REAP ×4').first()).toBeVisible();
    // Both models and the slice are in the address.
    await expect(page).toHaveURL(/compared=.*slice=token/);
    await page.reload();
    await expect(two.getByRole('heading', { level: 3 })).toContainText('Frequency ×4 against REAP ×4, on Sums');
    await expect(status).toHaveText(new RegExp(`^${first[3] ?? ''} items? lost, first token of the answer: `));
    await photograph(workbench, 'two-models');
    // Under the pointer a cell is darker.
    await cell(/^REAP ×4: /).hover();
    expect(await axeFindings(page)).toEqual([]);
  });

  await test.step('a click with Ctrl takes the place of the second, and the comparison can be turned', async () => {
    await cell(/^REAP ×8: /).click({ modifiers: ['ControlOrMeta'] });
    await expect(two.getByRole('heading', { level: 3 })).toContainText('REAP ×8 against REAP ×4');
    await two.getByRole('button', { name: 'Swap' }).click();
    await expect(two.getByRole('heading', { level: 3 })).toContainText('REAP ×4 against REAP ×8');
    await two.getByRole('button', { name: 'Close the comparison' }).click();
    await expect(two).toBeHidden();
  });
  expect(problems).toEqual([]);
});

test('what an experiment trained after pruning hangs from its plan, and opens the experiment', async ({
  workbench,
}) => {
  const { page, workspace } = workbench;
  const problems = pageErrors(page);
  const opened = await openWorkspace(workspace);
  await addSample(opened, resources);
  await addRecordedExperiment(opened, resources);
  await page.reload();
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'switch-32' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sums' });
  await tab(page, 'Map of models');
  const map = page.getByRole('region', { name: 'Map of models of the experiment' });
  await expect(map.getByRole('rowheader')).toHaveText(
    ['Unpruned', 'fine-tuned', 'UNCURL, gates folded', 'fine-tuned', 'UNCURL', 'fine-tuned'],
    { timeout: HANG_LIMIT_MS },
  );
  await expect(page.getByText('each model against the unpruned one with the same treatment')).toBeVisible();
  // The sample did not measure this model, and is not drawn: nothing names it.
  await expect(page.getByRole('main').getByRole('combobox', { name: 'Sweep' })).toHaveCount(0);
  await photograph(workbench, 'map-of-trained-models');
  await map.getByRole('button', { name: /^UNCURL, fine-tuned, gates folded ×4: / }).click();
  await expect(page.getByRole('dialog', { name: 'Experiment' })).toContainText('Recorded: experiment on');
  expect(problems).toEqual([]);
});
