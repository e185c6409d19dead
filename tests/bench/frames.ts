/**
 * Frame times of the window on maps of published sizes (94 x 128 and 48 x 512) while dragging the factor slider,
 * hovering over the map, panning and zooming it.
 *
 * Method: `uncurl serve` on a fresh workspace with models of these sizes (with minimal width) and profiles as skewed as
 * real ones; headless Chromium of 1440 x 900 on the built page (`npm run build` first). For each action, input events
 * arrive about every 8 ms for SECONDS seconds while the page records the time between animation frames; the first 300
 * ms are left out. Prints frames, median and 95th percentile (ms), the longest frame, and the load of the machine over
 * the last minute before each action. An idle machine draws every 16.7 ms. Usage: npx node tests/bench/frames.ts
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium, type Page } from '@playwright/test';
import { z } from 'zod';
import { settingsFile } from '../../main/workspace/settings-file.ts';
import { addLargeModels, largeSizes } from '../e2e/large-maps.ts';
import { holdSlider } from './slider.ts';
import { median, percentile } from './statistics.ts';

const SECONDS = 4;
const SETTLE_MS = 300;
const root = path.join(import.meta.dirname, '..', '..');

/** Times between frames while `act` runs, in milliseconds. */
const framesOf = async (page: Page, act: (step: number) => Promise<void>): Promise<readonly number[]> => {
  // Each measurement has its own list, because the loop of the previous one may still deliver a frame.
  await page.evaluate(`window.frameTimes = [];
    (function watch(times) { (function next(at) {
      times.push(at);
      if (window.frameTimes === times) requestAnimationFrame(next);
    })(performance.now()); })(window.frameTimes);`);
  const end = performance.now() + SECONDS * 1000;
  for (let step = 0; performance.now() < end; step += 1) {
    await act(step);
    await page.waitForTimeout(8);
  }
  const times = z
    .array(z.number())
    .parse(await page.evaluate('const times = window.frameTimes; window.frameTimes = null; times'));
  const from = (times[0] ?? 0) + SETTLE_MS;
  return times.slice(1).flatMap((at, index) => (at < from ? [] : [at - (times[index] ?? at)]));
};

const workspace = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-frames-'));
await addLargeModels({
  workspace: path.join(workspace, 'workspace'),
  exports: path.join(workspace, 'models'),
  settings: settingsFile(),
});
const server = spawn(
  process.execPath,
  [path.join(root, 'main/cli/uncurl.ts'), 'serve', `--workspace=${path.join(workspace, 'workspace')}`],
  { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
);
const address = await new Promise<string>((resolve) => {
  let printed = '';
  server.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString('utf8');
    const found = /http:\/\/\S+token=[^\s"]+/.exec(printed);
    if (found !== null) resolve(found[0]);
  });
});
const browser = await chromium.launch({
  executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(address);
  // The address of the last session is followed first.
  await page.locator('.workbench-view').waitFor();
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
  for (const { name, layers, experts } of largeSizes) {
    await header.getByLabel('Model', { exact: true }).selectOption({ label: name });
    const map = page.getByRole('application', { name: new RegExp(`${layers} layers by ${experts} experts`) });
    await map.waitFor();
    // Wait for the first plan before measuring.
    await page.getByText('would be pruned', { exact: true }).waitFor();
    await page.waitForTimeout(3_000);
    const box = await map.boundingBox();
    if (box === null) throw new Error('the map is not on the page');
    const over = (share: number): Promise<void> =>
      page.mouse.move(box.x + 40 + share * (box.width - 110), box.y + 30 + ((share * 7) % 1) * (box.height - 40));
    const report = async (action: string, act: (step: number) => Promise<void>): Promise<void> => {
      const load = os.loadavg()[0] ?? 0;
      const frames = await framesOf(page, act);
      console.log(
        `${name}  ${action.padEnd(7)} ${String(frames.length).padStart(4)} frames  ` +
          `median ${median(frames).toFixed(1)} ms  ` +
          `95 % ${percentile(frames, 0.95).toFixed(1)} ms  longest ${Math.max(...frames).toFixed(0)} ms  ` +
          `load ${load.toFixed(1)}`,
      );
    };
    await report('idle', () => Promise.resolve());
    await report('hover', (step) => over((step % 200) / 200));
    await over(0.5);
    await page.keyboard.down('Control');
    await report('zoom', (step) => page.mouse.wheel(0, step % 24 < 12 ? -120 : 120));
    for (let step = 0; step < 6; step += 1) await page.mouse.wheel(0, -120);
    await page.keyboard.up('Control');
    await page.keyboard.down('Shift');
    await report('pan', (step) => page.mouse.wheel(0, step % 24 < 12 ? 120 : -120));
    await page.keyboard.up('Shift');
    await map.focus();
    await page.keyboard.press('0');
    await report('slider', await holdSlider(page));
    await page.mouse.up();
  }
} finally {
  await browser.close();
  server.kill('SIGTERM');
  rmSync(workspace, { recursive: true, force: true });
}
