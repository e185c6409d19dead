import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import type { ElectronApplication, Page } from '@playwright/test';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { machineWithUncurl, type MachineThere, PASSPHRASE } from '../integration/loopback-sshd.ts';
import { removeFolder } from '../remove-folder.ts';
import { definedOf, expect, test as base } from './workbench.ts';

interface Opened {
  readonly electron: ElectronApplication;
  readonly page: Page;
  readonly there: MachineThere;
  /** A folder that the window's user can write to. */
  readonly writable: string;
}

/** Lets the window's user, who is not the user of the tests, read the ssh configuration and the keys. */
const letRead = async ({ sshd }: MachineThere, folder: string): Promise<void> => {
  const ssh = path.dirname(sshd.configuration);
  for (const at of [folder, ssh]) await chmod(at, 0o755);
  for (const name of await readdir(ssh)) {
    const isOpen = name === 'programs' || name === 'accepted_hosts';
    await chmod(path.join(ssh, name), isOpen ? 0o777 : 0o644);
  }
};

/** A window whose ssh has the configuration of a machine of the tests. */
const test = base.extend<{ readonly opened: Opened }>({
  opened: async ({ playwright, stagedApp }, use, testInfo) => {
    const executablePath = process.env['UNCURL_TEST_ELECTRON'];
    if (executablePath === undefined || stagedApp === null) throw new Error('run "npm run test:window"');
    const folder = await mkdtemp(path.join(tmpdir(), 'uncurl-connect-'));
    const there = await machineWithUncurl(folder);
    await letRead(there, folder);
    const workspace = path.join(stagedApp.writable, `connect-${testInfo.workerIndex}-${testInfo.line}`);
    const electron = await playwright._electron.launch({
      executablePath,
      args: [`--workspace=${workspace}`, stagedApp.folder],
      chromiumSandbox: true,
      env: {
        ...definedOf(process.env),
        UNCURL_SETTINGS: `${workspace}-settings.json`,
        PATH: `${there.sshd.programs}:${process.env['PATH'] ?? ''}`,
        // The window's user cannot write into the temporary folder of the tests.
        TMPDIR: '/tmp',
      },
      timeout: HANG_LIMIT_MS,
    });
    try {
      const page = await electron.firstWindow({ timeout: HANG_LIMIT_MS });
      await use({ electron, page, there, writable: stagedApp.writable });
    } finally {
      await electron.close();
      await there.end();
      await removeFolder(folder);
    }
  },
});

/** Opens the dialog as the File menu does, and names a machine. */
const connectTo = async ({ electron, page }: Opened, host: string): Promise<void> => {
  await electron.evaluate(({ BrowserWindow, Menu }) => {
    const item = Menu.getApplicationMenu()?.getMenuItemById('connect');
    item?.click(undefined, BrowserWindow.getAllWindows()[0], undefined);
  });
  const dialog = page.getByRole('dialog', { name: 'Connect to another machine' });
  await dialog.getByLabel('Machine, as you name it to ssh').fill(host);
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
};

test.skip(() => !existsSync('/usr/sbin/sshd') || !existsSync('/usr/bin/ssh'), 'openssh-server is not installed');

test('the window connects to another machine, shows its workbench, and comes back', async ({ opened }) => {
  const { electron, page, there, writable } = opened;
  const footer = page.getByRole('contentinfo', { name: 'Jobs' });
  await expect(footer).toContainText('No job is running.');
  await expect(footer).not.toContainText(hostname());
  await connectTo(opened, 'locked');
  const asked = page.getByRole('dialog', { name: 'ssh asks' });
  await expect(asked).toContainText('authenticity of host');
  await asked.getByRole('button', { name: 'No' }).click();
  const dialog = page.getByRole('dialog', { name: 'Connect to another machine' });
  await expect(dialog.getByRole('alert')).toContainText('its host key is unknown or has changed');

  await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
  await asked.getByRole('button', { name: 'Yes, it is this machine' }).click();
  await asked.getByLabel(/passphrase for key/).fill(PASSPHRASE);
  await expect(page.getByRole('list', { name: 'Steps of the connection' })).toContainText('Reach locked by ssh');
  await asked.getByRole('button', { name: 'Answer' }).click();
  await expect(footer).toContainText('On locked');
  await expect(footer).toContainText(hostname());
  await expect(page.getByRole('list', { name: 'Models' }).getByRole('listitem').first()).toBeVisible();
  expect(await readFile(there.sshd.acceptedKeys, 'utf8')).toContain('ssh-ed25519');

  // Dialogs list the folders of that machine.
  await page.keyboard.press('ControlOrMeta+o');
  const folders = page.getByRole('dialog', { name: 'Open a model' });
  await expect(folders).toContainText(there.home);
  await page.keyboard.press('Escape');

  // A finished run is fetched, and compared.
  await page.getByRole('button', { name: 'Open the sample' }).click();
  const out = path.join(writable, 'fetched sample');
  await electron.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
  }, out);
  const run = page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first();
  await run.waitFor({ timeout: HANG_LIMIT_MS });
  await run.click({ button: 'right', timeout: HANG_LIMIT_MS });
  await page.getByRole('menuitem', { name: 'Fetch to this machine…' }).click();
  await expect(page.getByText('files, each as its checksum says')).toBeVisible();
  expect(await readdir(out)).toContain('results.json');

  // A cut line comes back, and the page goes on.
  there.sshd.drop();
  const cut = page.getByRole('alert').filter({ hasText: 'The line to locked is cut' });
  await expect(cut).toContainText('Trying again in 1 s');
  await asked.getByLabel(/passphrase for key/).fill(PASSPHRASE);
  await asked.getByRole('button', { name: 'Answer' }).click();
  await expect(cut).toHaveCount(0);
  await expect(footer).toContainText('On locked');

  await footer.getByRole('button', { name: 'Leave' }).click();
  await expect(footer).not.toContainText('On locked');
  await expect(footer).toContainText('No job is running.');
  await expect(footer).not.toContainText(hostname());

  // It remembers the machine, and a connection can be given up.
  await page.keyboard.press('ControlOrMeta+k');
  await page.getByRole('combobox', { name: 'Commands' }).fill('connect to a machine');
  await page.keyboard.press('Enter');
  await expect(dialog.getByLabel('Machine, as you name it to ssh')).toHaveValue('locked');
  await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(asked).toContainText('passphrase');
  await asked.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog.getByRole('alert')).toContainText('ssh did not reach locked');
});
