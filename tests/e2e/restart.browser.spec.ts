import { once } from 'node:events';
import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { removeFolder } from '../remove-folder.ts';
import { startServer, stopServer } from './workbench.ts';

const header = 'What is on screen';

test('after a restart on another port, the page restores its state from the printed address', async ({ page }) => {
  const workspace = await mkdtemp(path.join(tmpdir(), 'uncurl-restart-'));
  await chmod(workspace, 0o777);
  const folders = { workspace, settings: path.join(workspace, 'settings.json') };
  const first = await startServer(folders);
  let second: Awaited<ReturnType<typeof startServer>> | null = null;
  const portHolder = createServer((caller) => caller.destroy());
  try {
    await page.goto(first.address);
    const model = page.getByRole('region', { name: header }).getByLabel('Model', { exact: true });
    await model.selectOption({ label: 'uncurl-32' });
    await page.getByRole('tab', { name: 'Compare', exact: true }).click();
    await expect(page).toHaveURL(/#view=compare&model=uncurl-32/);
    // The token is removed from the address bar.
    await expect(page).not.toHaveURL(/token/);
    await page.reload();
    await expect(model.locator('option:checked')).toHaveText('uncurl-32');
    await expect(page.getByRole('tab', { name: 'Compare', exact: true })).toHaveAttribute('aria-selected', 'true');
    const kept = (): Promise<string> => readFile(path.join(workspace, 'view.json'), 'utf8').catch(() => '');
    await expect.poll(kept).toContain('view=compare&model=uncurl-32');
    await stopServer(first.server);
    await expect(page.getByText('Engine lost, reconnecting.')).toBeVisible();

    // Otherwise the next server gets the same port again.
    portHolder.listen(Number(new URL(first.address).port), '127.0.0.1');
    await once(portHolder, 'listening');
    second = await startServer(folders);
    expect(new URL(second.address).port).not.toBe(new URL(first.address).port);
    await page.goto(second.address);
    await expect(page).toHaveURL(/#view=compare&model=uncurl-32/);
    await expect(model.locator('option:checked')).toHaveText('uncurl-32');
    // An address takes precedence over the stored state, and its token is removed.
    await page.goto(`${second.address}#view=workbench&model=uncurl-8`);
    await page.reload();
    await expect(model.locator('option:checked')).toHaveText('uncurl-8');
    await expect(page).toHaveURL(/^[^?]*#view=workbench&model=uncurl-8/);
  } finally {
    portHolder.close();
    await stopServer(first.server);
    if (second !== null) await stopServer(second.server);
    await removeFolder(workspace);
  }
});

test('after a restart an open page connects to the new server by itself', async ({ page }) => {
  const workspace = await mkdtemp(path.join(tmpdir(), 'uncurl-restart-'));
  await chmod(workspace, 0o777);
  const folders = { workspace, settings: path.join(workspace, 'settings.json') };
  const first = await startServer(folders);
  let second: Awaited<ReturnType<typeof startServer>> | null = null;
  const lost = page.getByText('Engine lost, reconnecting.');
  try {
    await page.goto(first.address);
    await expect(page.getByRole('list', { name: 'Models' }).getByRole('listitem').first()).toBeVisible();
    await stopServer(first.server);
    await expect(lost).toBeVisible();
    second = await startServer(folders);
    expect(second.address).toBe(first.address);
    await expect(lost).toBeHidden({ timeout: HANG_LIMIT_MS });
  } finally {
    await stopServer(first.server);
    if (second !== null) await stopServer(second.server);
    await removeFolder(workspace);
  }
});
