/**
 * The pictures of README and documentation, made anew from today's window: the sample at 1440 x 900 in the light theme.
 *
 * Method: `uncurl serve` on an empty workspace, which is given the sample, and Chromium on the built page (`npm run
 * build` first). Writes `resources/screenshots`, or FOLDER.
 * Usage: npx node tests/bench/pictures.ts [FOLDER]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { resources, tab } from '../e2e/page-steps.ts';
import { startServer, stopServer } from '../e2e/workbench.ts';

const [folder = path.join(resources, 'screenshots')] = process.argv.slice(2);
/** The first reading of the sample takes seconds on a busy machine. */
const READING_MS = 120_000;
/** Canvases are painted, and tips have left. */
const SETTLED_MS = 1_500;

/** What is waited for in a picture's view, by the picture's name. */
const pictures: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  workbench: async (page) => {
    await page.getByRole('application', { name: /3 layers by 64 experts/ }).waitFor({ timeout: READING_MS });
    await page.locator('.difference-plot .curve-point').first().waitFor({ timeout: READING_MS });
  },
  thresholds: async (page) => {
    await tab(page, 'Thresholds');
    await page.getByRole('region', { name: 'Best threshold of every model and task' }).waitFor({ timeout: READING_MS });
  },
};

const base = await mkdtemp(path.join(os.tmpdir(), 'uncurl-pictures-'));
const { server, address } = await startServer({
  workspace: path.join(base, 'workspace'),
  settings: path.join(base, 'settings.json'),
});
const browser = await chromium.launch({
  executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  await page.goto(address);
  await page.getByRole('button', { name: 'Open the sample' }).click({ timeout: READING_MS });
  await page.getByRole('button', { name: 'Close the note on the sample' }).click({ timeout: READING_MS });
  for (const [name, isShown] of Object.entries(pictures)) {
    await isShown(page);
    await page.mouse.move(2, 2);
    await page.waitForTimeout(SETTLED_MS);
    // On a busy machine something may still be read, whose wait would stand in the picture.
    const waits = page.locator('.notice-wait, .placed-waits:popover-open, .job-readings .reading-line').first();
    await waits.waitFor({ state: 'hidden', timeout: READING_MS });
    await page.screenshot({ path: path.join(folder, `${name}.png`) });
  }
} finally {
  await browser.close();
  await stopServer(server);
  await rm(base, { recursive: true, force: true });
}
