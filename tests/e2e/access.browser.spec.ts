import { expect, sampled as test } from './workbench.ts';

test('the palette takes input at once, ranks results across groups, and finds existing items', async ({
  workbench,
}) => {
  const { page } = workbench;
  const palette = page.getByRole('dialog', { name: 'Commands' });
  const find = async (typed: string): Promise<void> => {
    await page.keyboard.press('Control+k');
    await expect(palette.getByRole('combobox')).toBeFocused();
    await page.keyboard.type(typed);
  };
  const header = page.getByRole('region', { name: 'What is on screen' });
  const chosen = (label: string) => header.getByLabel(label, { exact: true }).locator('option:checked');

  // Shortcuts work once the page is ready.
  await expect(chosen('Model')).toHaveText(/uncurl/);
  await find('uncurl-64');
  await page.keyboard.press('Enter');
  await expect(chosen('Model')).toHaveText('uncurl-64');
  await find('plurals');
  await page.keyboard.press('Enter');
  await expect(chosen('Task')).toHaveText('Plurals');
  await find('2:17');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('region', { name: 'Layer 2, expert 17', exact: true })).toBeVisible();
  await find('theme: dark');
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  // The button of a reading that takes long is in the order of the keys, too.
  await expect(page.getByRole('log', { name: 'Messages' }).getByRole('button')).toHaveCount(0);
  await find('sample');
  await expect(palette.getByRole('option', { name: /^Sample: sweep of 4 models/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(palette).toBeHidden();

  await test.step('the first Tab skips past lists and header', async () => {
    // Tab goes on from what had the focus last, which may be gone: from the page itself, it goes to its first control.
    await page.evaluate(() => {
      document.body.tabIndex = -1;
      document.body.focus();
      document.body.removeAttribute('tabindex');
    });
    await page.keyboard.press('Tab');
    await expect(page.getByRole('button', { name: 'Skip to the view' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('main')).toBeFocused();
    // A dialog gives the focus back to the button that opened it.
    const trash = page.getByRole('button', { name: 'Trash of runs' });
    await trash.press('Enter');
    await expect(page.getByRole('dialog', { name: 'Trash of runs' })).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog', { name: 'Trash of runs' })).toHaveCount(0);
    await expect(trash).toBeFocused();
  });

  await test.step('a dialog begins at its first field, not at the button that closes it', async () => {
    for (const [keys, title, role, name] of [
      ['Control+,', 'Settings', 'radio', 'Dark'],
      ['Control+Shift+E', 'Export', 'radio', 'Plan on screen'],
      ['Control+Shift+M', 'Methods', 'option', 'REAP'],
    ] as const) {
      await page.keyboard.press(keys);
      const dialog = page.getByRole('dialog', { name: title });
      await expect(dialog.getByRole(role, { name, exact: true })).toBeFocused();
      await page.keyboard.press('Escape');
      await expect(dialog).toHaveCount(0);
    }
  });

  await test.step('the part around a control that goes away has the focus, and not the page', async () => {
    await page.getByRole('button', { name: 'Close the note on the sample' }).press('Enter');
    await expect(page.getByRole('main')).toBeFocused();
    const runs = page.getByRole('region', { name: 'Runs', exact: true });
    const row = runs.getByRole('listitem').first().getByRole('button').first();
    await row.focus();
    await row.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Move to the trash' }).press('Enter');
    await expect(runs.getByRole('listitem')).toHaveCount(0);
    await expect(runs).toBeFocused();
  });
});
