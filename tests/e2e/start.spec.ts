import { pageErrors } from './page-steps.ts';
import { expect, test } from './workbench.ts';

test('opens the page, connected to the engine', async ({ workbench }) => {
  const { page, host } = workbench;
  const problems = pageErrors(page);
  await expect(page).toHaveTitle(/Uncurl Workbench/);
  await expect(page.getByRole('tabpanel', { name: 'Workbench' })).toBeVisible();
  // A bundled model, which only the engine knows.
  await expect(page.getByRole('list', { name: 'Models' }).getByText('uncurl-16')).toBeVisible();
  expect(page.url()).toMatch(host === 'window' ? /^uncurl:\/\/app\// : /^http:\/\/(?:127\.0\.0\.1|localhost):/);
  // The page has no Node, in either host.
  expect(await page.evaluate(() => 'require' in globalThis || 'process' in globalThis)).toBe(false);
  expect(problems).toEqual([]);
});
