import { defineConfig } from '@playwright/test';
import { HANG_LIMIT_MS, TEST_LIMIT_MS } from './tests/hang-limit.ts';

/** A page that does not react for this long never will, however busy the machine is. */
const REACTION_LIMIT_MS = 120_000;

/** As root Chromium runs without its sandbox; it only loads the workbench's own pages. */
const chromiumArguments = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const chromium = {
  browserName: 'chromium',
  headless: true,
  launchOptions: {
    executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
    timeout: HANG_LIMIT_MS,
    args: chromiumArguments,
  },
} as const;

/**
 * One set of flows, two hosts: `x.spec.ts` runs in both, `x.browser.spec.ts` and `x.window.spec.ts` in one. Flows run
 * in Chromium, where they start faster and take half of the processor time. In Electron run those of what is its own:
 * its processes and their ends, ports, native dialogs, paths, menu, links, and one way from a task to an export.
 * Whether what an engine answers can pass a port at all, the unit tests show (tests/main/engine/open-engine.ts).
 * `x.package.spec.ts` drives the installed application, `x.cluster.spec.ts` a cluster's queue.
 * There is one worker, since several would share two cores with the engines that they start.
 */
export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: 'test-results',
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: TEST_LIMIT_MS,
  expect: { timeout: REACTION_LIMIT_MS },
  use: {
    viewport: { width: 1440, height: 900 },
    // Recording every step takes much of a flow's time: UNCURL_TEST_TRACE=1 records a flow that fails.
    trace: process.env['UNCURL_TEST_TRACE'] === '1' ? 'retain-on-failure' : 'off',
    actionTimeout: REACTION_LIMIT_MS,
  },
  projects: [
    {
      name: 'chromium',
      testIgnore: ['**/*.window.spec.ts', '**/*.package.spec.ts', '**/*.cluster.spec.ts'],
      use: chromium,
    },
    { name: 'cluster', testMatch: '**/*.cluster.spec.ts', use: chromium },
    {
      name: 'electron',
      testIgnore: ['**/*.browser.spec.ts', '**/*.package.spec.ts', '**/*.cluster.spec.ts'],
    },
    { name: 'package', testMatch: '**/*.package.spec.ts' },
  ],
});
