import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startLoopbackHub } from '../integration/loopback-hub.ts';
import { removeFolder } from '../remove-folder.ts';
import { axeFindings } from './axe-findings.ts';
import { pageErrors } from './page-steps.ts';
import { expect, test, withServer } from './workbench.ts';

const model = path.join(import.meta.dirname, '..', '..', 'resources', 'models', 'uncurl-8');
const ID = 'someone/uncurl-8';

test('a model is searched on the Hub, looked at, downloaded, opened, and found on this machine', async ({
  workbench,
}) => {
  const { page, workspace, settings } = workbench;
  const problems = pageErrors(page);
  const hub = await startLoopbackHub();
  const home = await mkdtemp(path.join(tmpdir(), 'uncurl-hub-'));
  const before = { HF_ENDPOINT: process.env['HF_ENDPOINT'], HF_HOME: process.env['HF_HOME'] };
  Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_HOME: home });
  try {
    const names = (await readdir(model)).filter((name) => !name.endsWith('.jsonl'));
    const files = await Promise.all(names.map(async (name) => [name, await readFile(path.join(model, name))] as const));
    const commit = hub.publish(ID, Object.fromEntries(files));
    await withServer({ workspace: path.join(workspace, 'hub'), settings }, async (address) => {
      await page.goto(address);
      await page.getByRole('button', { name: 'Open a model', exact: true }).click();
      const dialog = page.getByRole('dialog', { name: 'Open a model' });
      await expect(dialog.getByRole('list', { name: 'Models on this machine' })).toContainText('uncurl-16');
      await dialog.getByText('On the Hub').click();
      // Nothing is asked before the search.
      expect(hub.seen).toEqual([]);
      await dialog.getByLabel('Name on the Hub').fill('uncurl');
      await dialog.getByRole('button', { name: 'Search' }).click();
      const found = dialog.getByRole('list', { name: 'Models on the Hub' }).getByText(ID);
      await expect(found).toBeVisible();
      expect(await axeFindings(page), 'models on the Hub').toEqual([]);
      await found.click();
      await expect(dialog).toContainText(commit.slice(0, 12));
      await expect(dialog).toContainText(/resident, in float32/);
      expect(hub.seen.filter(({ host, range }) => host === 'cdn' && range === null)).toEqual([]);
      await dialog.getByRole('button', { name: /^Download 1\.5\d/ }).click();
      await expect(dialog).toBeHidden();
      const run = page.getByRole('list', { name: 'Runs' }).getByText(`Download of ${ID}`);
      await run.click();
      const details = page.getByRole('dialog', { name: `Download of ${ID}` });
      await details.getByRole('button', { name: 'Open the model' }).click();
      await expect(page.getByRole('list', { name: 'Models' })).toContainText(ID);
      await page.getByRole('button', { name: 'Open a model', exact: true }).click();
      await expect(dialog.getByRole('list', { name: 'Models on this machine' })).toContainText(ID);
    });
    expect(problems).toEqual([]);
  } finally {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    await hub.close();
    await removeFolder(home);
  }
});
