/**
 * How long the window takes to answer a hand, here and at another revision (the one at which issue 41 was filed).
 *
 * Method: a worktree of REV as in against.ts, both built; for each tree `uncurl serve` on a fresh workspace and
 * headless Chromium of 1440 x 900 with the sample opened and animations off. Rounds alternate between the trees. One
 * action is one trusted key or click; its time runs from the event to the end of the last frame that changed anything
 * in the document or on a canvas before QUIET_MS without a change. Where verdict and map are asked for, only changes
 * of the line under the curve and of canvases count. Beside it stands the processor time of the page's own thread,
 * which a busy machine disturbs less than the time by the clock. Views are visited once before they are measured. Then
 * a sweep is started, and the time between animation frames is recorded while the factor slider is dragged. With
 * `--electron`, only starts of the staged application are measured (electron-start.ts), after one that is not counted.
 * Printed: medians and ranges here and there, and their ratios, there / here: above 1 is faster here.
 * Usage: npx node tests/bench/interactions.ts [--against 9eae25de | --tree FOLDER] [--rounds 4] [--electron]
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chromium, type Locator, type Page } from '@playwright/test';
import { z } from 'zod';
import { stageElectron } from './electron-start.ts';
import { holdSlider } from './slider.ts';
import { median, percentile, ratios } from './statistics.ts';
import { addWorktree, commitOf, removeWorktree, root } from './worktree.ts';

const QUIET_MS = 700;
/** Words of a wait change every second: nothing is read any more. */
const SETTLED_MS = 4_000;
const DRAG_SECONDS = 6;
const VIEWS = ['Thresholds', 'Compare', 'Runs', 'Side by side', 'Workbench'] as const;
const VERDICT_AND_MAP = 'verdict and map';

const { values } = parseArgs({
  options: {
    against: { type: 'string', default: '9eae25de' },
    tree: { type: 'string' },
    rounds: { type: 'string', default: '4' },
    electron: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);

/** Notes when the page last changed, and when the frame with that change was done. */
const WATCH = `(() => {
  const watch = { event: 0, changed: 0, painted: 0, led: 0 };
  window.watchedChanges = watch;
  const after = (name) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { watch[name] = performance.now(); };
    port2.postMessage(null);
  });
  const lead = '[aria-label="The plan on screen"], [aria-label="How far this model can be pruned"]';
  const isLead = (node) => (node instanceof Element ? node : node.parentElement)?.closest(lead) != null;
  new MutationObserver((records) => {
    watch.changed = performance.now();
    after('painted');
    if (records.some(({ target }) => isLead(target))) after('led');
  }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  for (const name of ['fillRect', 'putImageData', 'drawImage', 'stroke', 'fill']) {
    const own = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...given) {
      watch.changed = performance.now();
      after('painted');
      after('led');
      return own.apply(this, given);
    };
  }
  for (const type of ['keydown', 'pointerdown'])
    addEventListener(type, () => { watch.event = performance.now(); }, { capture: true });
})()`;

const watched = z.object({ event: z.number(), changed: z.number(), painted: z.number(), led: z.number() });

/** Waits until nothing has changed for a while. The page's policy forbids to ask within the page. */
const untilQuiet = async (page: Page, quietMs = QUIET_MS): Promise<void> => {
  const sinceChange = 'performance.now() - Math.max(window.watchedChanges.changed, window.watchedChanges.event)';
  while (z.number().parse(await page.evaluate(sinceChange)) < quietMs) await page.waitForTimeout(50);
};

/** Milliseconds from an action's event to the frames of its last changes: of anything, and of verdict and map. */
const timed = async (
  { page, threadMs }: Pick<Side, 'page' | 'threadMs'>,
  act: () => Promise<void>,
): Promise<{ readonly all: number; readonly led: number; readonly thread: number }> => {
  await untilQuiet(page);
  const before = await threadMs();
  await act();
  await untilQuiet(page);
  const { event, painted, led } = watched.parse(await page.evaluate('window.watchedChanges'));
  return { all: painted - event, led: led - event, thread: (await threadMs()) - before };
};

/** The processor time of a page's own thread so far, in milliseconds. */
const threadClock = async (page: Page): Promise<() => Promise<number>> => {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN);
  };
};

/** Times of each action in a tree, in milliseconds. */
interface Timed {
  readonly times: Map<string, number[]>;
}

interface Side extends Timed {
  readonly page: Page;
  readonly threadMs: () => Promise<number>;
}

const note = ({ times }: Timed, action: string, ...ms: readonly number[]): void => {
  times.set(action, [...(times.get(action) ?? []), ...ms]);
};

/** Serves a built tree on a workspace; the address that it prints, and its end. */
const serve = async (
  tree: string,
  folder: string,
): Promise<{ readonly address: string; readonly stop: () => boolean }> => {
  const server = spawn(
    process.execPath,
    [path.join(tree, 'main/cli/uncurl.ts'), 'serve', `--workspace=${path.join(folder, 'workspace')}`],
    {
      cwd: tree,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, UNCURL_SETTINGS: path.join(folder, 'settings.json') },
    },
  );
  const address = await new Promise<string>((resolve, reject) => {
    let printed = '';
    server.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString('utf8');
      const found = /http:\/\/\S+token=[^\s"]+/.exec(printed);
      if (found !== null) resolve(found[0]);
    });
    server.on('exit', () => reject(new Error(`uncurl serve ended before it printed its address:\n${printed}`)));
  });
  return { address, stop: () => server.kill('SIGTERM') };
};

const view = (page: Page, name: string): Locator => page.getByRole('tab', { name, exact: true });

/** Opens the sample, and every view once. */
const prepare = async (page: Page): Promise<void> => {
  await page
    .getByRole('button', { name: /^(?:Open the sample|Add the sample sweep)$/ })
    .first()
    .click();
  await page.getByRole('button', { name: 'Close the note on the sample' }).click({ timeout: 120_000 });
  const header = page.getByRole('region', { name: 'What is on screen' });
  await header.getByLabel('Model', { exact: true }).selectOption({ label: 'uncurl-32' });
  await header.getByLabel('Task', { exact: true }).selectOption({ label: 'Sorting' });
  for (const name of VIEWS) {
    await view(page, name).click();
    await untilQuiet(page, SETTLED_MS);
  }
};

const round = async (side: Side): Promise<void> => {
  const { page } = side;
  for (const name of VIEWS) {
    const { all, thread } = await timed(side, () => view(page, name).click());
    note(side, `view: ${name}`, all);
    note(side, `view: ${name}, thread`, thread);
  }
  await page.getByRole('main').focus();
  // From the factor 2 on, there and back.
  for (const key of ['Alt+]', 'Alt+]', 'Alt+]', 'Alt+[', 'Alt+[', 'Alt+[']) {
    const { all, led, thread } = await timed(side, () => page.keyboard.press(key));
    note(side, 'factor key: everything', all);
    note(side, `factor key: ${VERDICT_AND_MAP}`, led);
    note(side, 'factor key: thread', thread);
  }
  await view(page, 'Thresholds').click();
  const slider = page.locator('.delta-slider');
  const chip = page.getByRole('button', { name: /^loses at most/ });
  if ((await chip.count()) > 0) await chip.click();
  await slider.focus();
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowLeft', 'ArrowLeft', 'ArrowLeft']) {
    const { all, thread } = await timed(side, () => page.keyboard.press(key));
    note(side, 'margin step', all);
    note(side, 'margin step: thread', thread);
  }
  await page.keyboard.press('Escape');
};

/** Times between animation frames while the factor is dragged. */
const dragged = async ({ page }: Side): Promise<readonly number[]> => {
  const drag = await holdSlider(page);
  await page.evaluate(`window.frameTimes = [];
    (function next(at) { window.frameTimes.push(at); requestAnimationFrame(next); })(performance.now());`);
  const end = performance.now() + DRAG_SECONDS * 1000;
  for (let step = 0; performance.now() < end; step += 1) {
    await drag(step);
    await page.waitForTimeout(8);
  }
  const times = z.array(z.number()).parse(await page.evaluate('window.frameTimes'));
  await page.mouse.up();
  return times.slice(1).map((at, index) => at - (times[index] ?? at));
};

/** Starts a sweep of a hundred candidates on four tasks by the palette, and waits for its progress. */
const sweep = async ({ page }: Side): Promise<void> => {
  await view(page, 'Workbench').click();
  await page.getByRole('button', { name: 'All', exact: true }).first().click();
  const start = page.getByRole('button', { name: /^(?:Start|Run) (?:the )?sweep/ });
  await start.scrollIntoViewIfNeeded();
  await start.click();
  await page.getByRole('progressbar').first().waitFor({ timeout: 120_000 });
  await page.waitForTimeout(3_000);
};

/** Rounds of actions in Chromium, here and there, and frames during a sweep. */
const measureActions = async (trees: readonly string[], scratch: string): Promise<readonly Timed[]> => {
  const stops: (() => unknown)[] = [];
  const browser = await chromium.launch({
    executablePath: process.env['UNCURL_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
  try {
    const sides: Side[] = [];
    for (const tree of trees) {
      const folder = path.join(scratch, `of-${path.basename(tree)}`);
      mkdirSync(folder);
      const { address, stop } = await serve(tree, folder);
      stops.push(stop);
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
      await page.addInitScript(WATCH);
      await page.goto(address);
      sides.push({ page, threadMs: await threadClock(page), times: new Map() });
      await prepare(page);
    }
    for (let count = 0; count < rounds; count += 1) for (const side of sides) await round(side);
    for (const side of sides) {
      await sweep(side);
      const frames = await dragged(side);
      note(side, 'drag during a sweep: median', median(frames));
      note(side, 'drag during a sweep: 95 %', percentile(frames, 0.95));
      note(side, 'drag during a sweep: longest', Math.max(...frames));
      await side.page
        .getByRole('button', { name: /^Cancel/ })
        .first()
        .click();
      await side.page.waitForTimeout(5_000);
    }
    return sides;
  } finally {
    await browser.close();
    for (const stop of stops) stop();
  }
};

/** Starts of the application in turns, here and there. */
const measureStarts = async (trees: readonly string[]): Promise<readonly Timed[]> => {
  const staged = [];
  try {
    for (const tree of trees) {
      const electron = await stageElectron(tree);
      staged.push({ electron, times: new Map<string, number[]>() });
      await electron.start();
    }
    for (let count = 0; count < rounds; count += 1)
      for (const side of staged) {
        const { contentMs, processorMs } = await side.electron.start();
        note(side, 'cold Electron to content', contentMs);
        note(side, 'cold Electron: processor', processorMs);
      }
    return staged;
  } finally {
    for (const { electron } of staged) await electron.remove();
  }
};

const scratch = mkdtempSync(path.join(os.tmpdir(), 'uncurl-bench-interactions-'));
const commit = values.tree === undefined ? commitOf(values.against) : path.basename(values.tree);
const other = values.tree ?? path.join(scratch, commit);
try {
  if (values.tree === undefined) addWorktree(commit, other);
  for (const tree of [root, other])
    execFileSync(process.execPath, [path.join(tree, '.ci', 'build.mjs')], { cwd: tree, stdio: ['ignore', 2, 2] });
  const trees = [root, other];
  const [here, there] = values.electron ? await measureStarts(trees) : await measureActions(trees, scratch);
  console.log(`here against ${commit}, ${String(rounds)} rounds; load ${os.loadavg()[0]?.toFixed(1) ?? ''}`);
  const words = (ms: readonly number[]): string =>
    `${median(ms).toFixed(0)} ms (${Math.min(...ms).toFixed(0)} to ${Math.max(...ms).toFixed(0)})`;
  for (const [action, own] of here?.times ?? []) {
    const before = there?.times.get(action) ?? [];
    console.log(
      `${action.padEnd(30)}  ${words(own).padEnd(26)}  there ${words(before).padEnd(26)}  ${ratios(before, own)}`,
    );
  }
} finally {
  if (values.tree === undefined) removeWorktree(other);
  rmSync(scratch, { recursive: true, force: true });
}
