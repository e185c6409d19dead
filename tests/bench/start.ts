/**
 * Time from `npm start` (already installed and built) to a usable workbench in a browser: until the address is printed,
 * and until the page shows its models and accepts a click.
 *
 * Method: ROUNDS times, with a fresh workspace each; one Chromium is open beforehand, like a user's browser. The page
 * is usable when the first bundled model is listed and the Thresholds tab responds to a click.
 * Usage: npx node tests/bench/start.ts
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from '@playwright/test';
import { median } from './statistics.ts';

const ROUNDS = 5;
const root = path.join(import.meta.dirname, '..', '..');
const browser = await chromium.launch({
  executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const [served, usable]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round += 1) {
  const workspace = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-workspace-'));
  const page = await browser.newPage();
  const start = performance.now();
  const server = spawn('npm', ['start', '--', '--browser', `--workspace=${workspace}`], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const address = await new Promise<string>((resolve, reject) => {
    let printed = '';
    server.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8');
      const found = /http:\/\/\S+token=\S+/.exec(printed);
      if (found !== null) resolve(found[0]);
    });
    server.on('exit', (code) => {
      reject(new Error(`npm start ended with ${String(code)}:\n${printed}`));
    });
  });
  served.push((performance.now() - start) / 1000);
  await page.goto(address);
  await page.getByRole('list', { name: 'Models' }).getByText('uncurl-16').waitFor();
  await page.getByRole('tab', { name: 'Thresholds' }).click();
  await page.getByRole('heading', { name: 'No sweep yet' }).waitFor();
  usable.push((performance.now() - start) / 1000);
  await page.close();
  server.removeAllListeners('exit');
  const ended = once(server, 'exit');
  if (server.pid !== undefined) process.kill(-server.pid, 'SIGINT');
  await ended;
  rmSync(workspace, { recursive: true, force: true });
}
await browser.close();
console.log(
  `npm start to address: ${median(served).toFixed(2)} s; to a usable page: ${median(usable).toFixed(2)} s ` +
    `(median of ${String(ROUNDS)}, ${Math.min(...usable).toFixed(2)} to ${Math.max(...usable).toFixed(2)})`,
);
