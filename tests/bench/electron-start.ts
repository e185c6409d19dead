import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { _electron } from '@playwright/test';
import { z } from 'zod';
import type { StagedApp } from '../e2e/stage-app.ts';

/** One start of the application. */
interface ElectronStart {
  /** From the start of its first process until the curve of the sample is on screen. */
  readonly contentMs: number;
  /** Processor time that all of its processes had taken by then. */
  readonly processorMs: number;
}

/** A tree's application, staged like an installation, with a workspace that holds the sample. */
export interface StagedElectron {
  start(): Promise<ElectronStart>;
  remove(): Promise<void>;
}

/**
 * When the frame with the sample's curve was done, by the clock. Asked of the page itself: Playwright looks for a
 * locator every 500 ms after the first 0.3 s, which hides a quarter of a second.
 */
const CURVE_SHOWN = `new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error('no curve after 300 s')), 300000);
  const look = () => {
    const curve = document.querySelector('[aria-label="Difference to unpruned"]');
    if (!curve?.textContent.includes('answers chosen from the choices')) return;
    observer.disconnect();
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => resolve(Date.now());
      port2.postMessage(null);
    });
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, characterData: true });
  look();
})`;

/** Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** Processor time of a process and of all processes that descend from it, in milliseconds. */
const processorMsOf = (first: number): number => {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return [{ id: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
      } catch {
        return []; // It has ended since.
      }
    });
  const parents = new Map(processes.map(({ id, parent }) => [id, parent]));
  const descends = (id: number | undefined): boolean => id !== undefined && (id === first || descends(parents.get(id)));
  return processes.reduce((sum, { id, ticks }) => (descends(id) ? sum + ticks * TICK_MS : sum), 0);
};

/**
 * Stages a built tree. Each start of it finds what the last one has left: what the engine keeps of the sample, and the
 * compiled code that Chromium keeps. Needs UNCURL_TEST_ELECTRON and UNCURL_TEST_ENGINE_NODE as tests/e2e, and a TMPDIR
 * that everybody can read, since the window's user is not the user of the tests.
 */
export const stageElectron = async (tree: string): Promise<StagedElectron> => {
  const executablePath = process.env['UNCURL_TEST_ELECTRON'];
  if (executablePath === undefined) throw new Error('UNCURL_TEST_ELECTRON names no Electron');
  const staged: unknown = await import(pathToFileURL(path.join(tree, 'tests/e2e/stage-app.ts')).href);
  const { stageApp } = z
    .object({
      stageApp: z.custom<(engineNode: string | null) => Promise<StagedApp>>((value) => typeof value === 'function'),
    })
    .parse(staged);
  const app = await stageApp(process.env['UNCURL_TEST_ENGINE_NODE'] ?? null);
  const workspace = path.join(app.writable, 'workspace');
  const settings = path.join(app.writable, 'settings.json');
  const sample = [path.join(tree, 'main/cli/uncurl.ts'), 'sample', `--workspace=${workspace}`];
  execFileSync(process.execPath, sample, { cwd: tree, stdio: ['ignore', 2, 2] });
  execFileSync('chmod', ['-R', 'a+rwX', workspace]);
  return {
    start: async () => {
      const begin = Date.now();
      const electron = await _electron.launch({
        executablePath,
        args: [`--workspace=${workspace}`, app.folder],
        chromiumSandbox: true,
        env: { ...process.env, UNCURL_SETTINGS: settings },
        timeout: 120_000,
      });
      try {
        const page = await electron.firstWindow();
        const shownAt = z.number().parse(await page.evaluate(CURVE_SHOWN));
        const contentMs = shownAt - begin;
        const { pid } = electron.process();
        if (pid === undefined) throw new Error('Electron has no process');
        return { contentMs, processorMs: processorMsOf(pid) };
      } finally {
        await electron.close();
      }
    },
    remove: () => app.remove(),
  };
};
