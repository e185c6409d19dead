/**
 * Times of the window with 300 sweeps of 40 models: from the page's address to its first paint and to the first rows of
 * the Runs view, which the address names; until these rows are painted after a click on the view's tab, until all
 * results are read, and from a sort or a typed filter to the painted rows.
 *
 * Method: `uncurl serve` on a workspace with 40 copies of uncurl-8 and made-up sweeps (five methods at six factors on
 * four tasks each, written by this script) and Chromium of 1440 x 900 on the built page (`npm run build` first). Times
 * run in the page from the event to the second animation frame after the rows have changed; those of a load from its
 * start, first by an engine that has just started (cold), then again. Prints the median and the largest of ROUNDS, and
 * the load of the machine. Usage: npx node tests/bench/runs-view.ts
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { z } from 'zod';
import { resources } from '../e2e/page-steps.ts';
import { startServer, stopServer } from '../e2e/workbench.ts';
import { sampleManifest, sampleSweep } from '../main/figures/sample-run.ts';
import { median } from './statistics.ts';

const RUNS = 300;
const MODELS = 40;
const ROUNDS = 5;

const modelName = (index: number): string => `model-${String(index % MODELS).padStart(2, '0')}`;

const putModels = async (base: string, workspace: string): Promise<void> => {
  const models = Array.from({ length: MODELS }, (_, index) => path.join(base, 'models', modelName(index)));
  for (const model of models) await cp(path.join(resources, 'models', 'uncurl-8'), model, { recursive: true });
  await writeFile(path.join(workspace, 'library.json'), JSON.stringify({ models, tasks: [] }));
};

const putSweeps = async (workspace: string): Promise<number> => {
  const { results, thresholds, rule } = sampleSweep();
  for (let index = 0; index < RUNS; index += 1) {
    const id = `sweep-20260101-${String(index).padStart(3, '0')}`;
    const model = modelName(index);
    const at = new Date(Date.UTC(2026, 0, 1) + index * 3_700_000);
    const folder = path.join(workspace, 'runs', id);
    await mkdir(folder, { recursive: true });
    const manifest = {
      ...sampleManifest,
      id,
      title: `Sweep ${String(index)} of ${model}`,
      createdAt: at.toISOString(),
      finishedAt: new Date(at.getTime() + 60_000 * (1 + (index % 90))).toISOString(),
      models: [{ name: model, path: `/nowhere/${model}`, fingerprint: model }],
      tasks: [...new Set(results.map(({ task }) => task))].map((name) => ({ name, path: '/nowhere', hash: name })),
      commandLine: `uncurl sweep ${model}`,
    };
    const document = {
      run: id,
      rule,
      results: results.map((result) => ({ ...result, model, difference: result.difference - index / 10_000 })),
      thresholds: thresholds.map((threshold) => ({ ...threshold, model })),
    };
    await writeFile(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(path.join(folder, 'results.json'), JSON.stringify(document));
  }
  return results.length;
};

interface LoadTimes {
  readonly paint: number;
  readonly rows: number;
}

/** Milliseconds from the start of a load of the Runs view to the first paint of the page, and of its rows. */
const loadTimes = async (page: Page, address: string): Promise<LoadTimes> => {
  await page.addInitScript(`{
    const look = () => {
      if (document.querySelector('.run-table tbody tr[aria-rowindex]') === null) requestAnimationFrame(look);
      else requestAnimationFrame(() => { document.documentElement.dataset.rowsAt = performance.now(); });
    };
    requestAnimationFrame(look);
  }`);
  await page.goto(`${address}#view=runs`);
  await page.locator('html[data-rows-at]').waitFor();
  return z.object({ paint: z.number(), rows: z.number() }).parse(
    await page.evaluate(`({
      paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
      rows: Number(document.documentElement.dataset.rowsAt),
    })`),
  );
};

/** Milliseconds in the page from an action until another order or another first row is shown and painted. */
const timeOf = async (page: Page, act: string): Promise<number> =>
  z.number().parse(
    await page.evaluate(`new Promise((resolve) => {
      const text = () => {
        const first = document.querySelector('.run-table tbody tr[aria-rowindex]');
        const orders = [...document.querySelectorAll('.run-table th[aria-sort]')].map((th) => th.ariaSort);
        return first === null ? '' : first.textContent + orders.join();
      };
      const before = text();
      const start = performance.now();
      const look = () => {
        if (text() === before || text() === '') requestAnimationFrame(look);
        else requestAnimationFrame(() => resolve(performance.now() - start));
      };
      ${act};
      look();
    })`),
  );

const typed = (text: string): string => `
  const field = document.querySelector('[aria-label="Filter the table of runs"]');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, ${JSON.stringify(text)});
  field.dispatchEvent(new Event('input', { bubbles: true }))`;
const clicked = (selector: string): string => `document.querySelector(${JSON.stringify(selector)}).click()`;

const base = await mkdtemp(path.join(os.tmpdir(), 'uncurl-bench-runs-'));
const workspace = path.join(base, 'workspace');
const points = await putSweeps(workspace);
await putModels(base, workspace);
const { server, address } = await startServer({ workspace, settings: path.join(base, 'settings.json') });
const browser = await chromium.launch({
  executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
const times = new Map<string, number[]>();
const note = (what: string, time: number): void => void times.set(what, [...(times.get(what) ?? []), time]);
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    const loaded = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const { paint, rows } = await loadTimes(loaded, address);
    const how = round === 0 ? 'cold load' : 'load';
    note(`${how}, first paint`, paint);
    note(`${how}, first rows`, rows);
    await loaded.close();
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    // On a busy machine 300 runs are read for longer than the usual limit of 30 s.
    page.setDefaultTimeout(300_000);
    await page.goto(address);
    // The address of the last round is followed first.
    await page.waitForURL(/view=/);
    await page.getByRole('tab', { name: 'Workbench' }).click();
    await page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first().waitFor();
    await page.waitForTimeout(1_500);
    const start = performance.now();
    note('first rows', await timeOf(page, clicked('#tab-runs')));
    await page
      .getByRole('main')
      .getByRole('status')
      .getByText(/^300 runs$/)
      .waitFor();
    note('all results read', performance.now() - start);
    for (const column of ['Difference', 'Verdict', 'Threshold']) {
      note('sort', await timeOf(page, clicked(`[aria-label="Sort by ${column}"]`)));
      note('sort', await timeOf(page, clicked(`[aria-label="Sort by ${column}"]`)));
    }
    note('filter', await timeOf(page, typed('model-07 reap')));
    note('filter', await timeOf(page, typed('sweep 1')));
    await page.close();
  }
} finally {
  await browser.close();
  await stopServer(server);
  await rm(base, { recursive: true, force: true });
}
console.log(
  `${String(RUNS)} sweeps of ${String(MODELS)} models, ${String(points)} points each; load ${String(os.loadavg()[0])}`,
);
for (const [what, own] of times)
  console.log(
    `${what}: median ${median(own).toFixed(0)} ms, largest ${Math.max(...own).toFixed(0)} ms of ${String(own.length)}`,
  );
