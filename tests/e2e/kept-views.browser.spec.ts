import type { Page } from '@playwright/test';
import { z } from 'zod';
import { HANG_LIMIT_MS } from '../hang-limit.ts';
import { pageErrors, showWhole, tab } from './page-steps.ts';
import { expect, sampled as test } from './workbench.ts';

const sentCall = z.object({ type: z.literal('call'), name: z.string() });
const numberedCall = sentCall.extend({ id: z.number() });
const numberedAnswer = z.object({ type: z.enum(['result', 'error']), id: z.number() });

const header = (page: Page) => page.getByRole('region', { name: 'What is on screen' });

/** From now on: counts drawings on canvases. The page's own counters cannot be read from outside. */
const countDrawings = (page: Page): Promise<void> =>
  page.evaluate(() => {
    document.documentElement.dataset['drawings'] = '0';
    const own = CanvasRenderingContext2D.prototype.fillRect;
    CanvasRenderingContext2D.prototype.fillRect = function (...given) {
      const { dataset } = document.documentElement;
      dataset['drawings'] = String(Number(dataset['drawings']) + 1);
      own.apply(this, given);
    };
  });

const drawings = (page: Page): Promise<number> =>
  page.evaluate(() => Number(document.documentElement.dataset['drawings']));

/** Properties and methods that make the browser lay out the page before the next frame. */
const MEASURES = ['scrollWidth', 'scrollTop', 'clientWidth', 'clientHeight', 'scrollIntoView', 'getBoundingClientRect'];

/** Clicks a tab in the page, and reads what was measured, or written into the address, before the page can paint. */
const doneBeforePaint = (page: Page, tabId: string): Promise<readonly string[]> =>
  page.evaluate(
    async ([id, measures]) => {
      const done: string[] = [];
      const restore: (() => void)[] = [];
      const watch = (owner: object, name: string): void => {
        const own = Object.getOwnPropertyDescriptor(owner, name);
        if (own === undefined) throw new Error(`${name} is not where it is expected.`);
        const part = own.get === undefined ? 'value' : 'get';
        const asked = own[part] as (...given: readonly unknown[]) => unknown;
        const noted = function (this: unknown, ...given: readonly unknown[]): unknown {
          done.push(name);
          return asked.apply(this, [...given]);
        };
        Object.defineProperty(owner, name, { ...own, [part]: noted });
        restore.push(() => void Object.defineProperty(owner, name, own));
      };
      for (const name of measures) watch(Element.prototype, name);
      watch(History.prototype, 'pushState');
      document.getElementById(id)?.click();
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      for (const each of restore) each();
      return done;
    },
    [tabId, MEASURES] as const,
  );

/** What the workbench says of the plan, and draws of it in the layer at its foot. */
interface PlanShown {
  readonly name: string;
  readonly pruned: number;
  readonly experts: number;
}

/**
 * Presses a key, or clicks a tab, in the page, and reads the plan there before the page can paint: whatever is read
 * stands in the first frame after the event.
 */
const planAfter = (page: Page, event: { readonly code: string } | { readonly tab: string }): Promise<PlanShown> =>
  page.evaluate(async (asked) => {
    if ('tab' in asked) document.getElementById(asked.tab)?.click();
    else
      document.body.dispatchEvent(
        new KeyboardEvent('keydown', { code: asked.code, key: ']', altKey: true, bubbles: true }),
      );
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    return {
      name: document.querySelector('.plan-cursor-name')?.textContent ?? '',
      pruned: document.querySelectorAll('.layer-bar-gone').length,
      experts: document.querySelectorAll('.layer-bar').length,
    };
  }, event);

test('a view that is shown again stands as it was, with what changed meanwhile, before the next frame', async ({
  workbench,
}) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  /** Names of the calls of the engine. */
  const asked: string[] = [];
  page.on('websocket', (socket) =>
    socket.on('framesent', ({ payload }) => {
      const call = sentCall.safeParse(JSON.parse(String(payload)));
      if (call.success) asked.push(call.data.name);
    }),
  );
  // A map whose experts still fade when its view is hidden is drawn again when it is shown.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.reload();
  await showWhole(page, 'Workbench');
  const factor = header(page).getByLabel('Factor', { exact: true });
  const name = page.locator('.plan-cursor-name');
  const gone = page.locator('.layer-bar-gone');
  // This workspace has the results of the sample, and not its profiles.
  await page.getByRole('button', { name: 'Profile ticked tasks' }).click();
  await expect(page.locator('.layer-bar').first()).toBeVisible({ timeout: HANG_LIMIT_MS });
  await expect(page.getByText('No job is running.')).toBeVisible({ timeout: HANG_LIMIT_MS });
  const experts = await page.locator('.layer-bar').count();
  expect(experts).toBeGreaterThan(0);
  // The plans of both factors are known from now on.
  for (const [label, share] of [
    ['×4', 3 / 4],
    ['×2', 1 / 2],
  ] as const) {
    await factor.selectOption({ label });
    await expect(name).toContainText(label);
    await expect(gone).toHaveCount(experts * share);
  }

  await test.step('verdict and map follow a key in one frame', async () => {
    const shown = await planAfter(page, { code: 'BracketRight' });
    expect(shown).toEqual({ name: expect.stringContaining('×4'), pruned: experts * (3 / 4), experts });
    expect(await planAfter(page, { code: 'BracketLeft' })).toMatchObject({ pruned: experts / 2 });
  });

  await test.step('hidden views are not in the document', async () => {
    await page
      .locator('.difference-plot')
      .first()
      .evaluate((plot) => plot.setAttribute('data-seen', ''));
    await showWhole(page, 'Compare');
    await expect(page.locator('.difference-plot')).toHaveCount(0);
    await expect(page.getByRole('main').locator('.compare')).toHaveCount(1);
    await expect(page.locator('[id="view-panel"]')).toHaveCount(1);
  });

  await test.step('nothing is measured or stored before a view stands', async () => {
    await showWhole(page, 'Thresholds');
    await tab(page, 'Side by side');
    await expect(page.locator('.beside-form')).toBeVisible();
    await tab(page, 'Runs');
    await expect(page.getByRole('list', { name: 'Tasks' })).toHaveCount(0);
    // A step that waits to be written is written at the next one.
    await expect(page).toHaveURL(/#view=runs/);
    // From Runs the lists on the left come back too.
    for (const name of ['beside', 'compare', 'thresholds', 'runs', 'compare']) {
      expect(await doneBeforePaint(page, `tab-${name}`), name).toEqual([]);
      // It is a step of the browser's history all the same.
      await expect(page).toHaveURL(new RegExp(`#view=${name}`));
    }
    await page.goBack();
    await expect(page.getByRole('tab', { name: 'Runs', exact: true })).toHaveAttribute('aria-selected', 'true');
    await page.goBack();
    await expect(page.getByRole('tab', { name: 'Thresholds', exact: true })).toHaveAttribute('aria-selected', 'true');
    await tab(page, 'Compare');
  });

  await test.step('shown again, nothing is drawn or asked anew', async () => {
    asked.length = 0;
    await countDrawings(page);
    await tab(page, 'Workbench');
    await expect(page.locator('.difference-plot[data-seen]')).toHaveCount(1);
    await expect.poll(() => asked).toContain('view.keep');
    expect(asked.filter((call) => call !== 'view.keep')).toEqual([]);
    expect(await drawings(page)).toBe(0);
  });

  await test.step('what changed while it was hidden stands in the first frame', async () => {
    await tab(page, 'Compare');
    await factor.selectOption({ label: '×4' });
    await expect(page.locator('.plan-cursor-name')).toHaveCount(0);
    const shown = await planAfter(page, { tab: 'tab-workbench' });
    expect(shown).toEqual({ name: expect.stringContaining('×4'), pruned: experts * (3 / 4), experts });
    await expect(page.locator('.difference-plot[data-seen]')).toHaveCount(1);
  });

  await test.step('an open panel and a tip do not outlive their view', async () => {
    const panel = page.getByRole('group', { name: 'Threshold rule' });
    await page.getByRole('button', { name: /^loses at most/ }).click();
    await expect(panel).toBeVisible();
    await page.keyboard.press('Control+3');
    await expect(page.getByRole('tab', { name: 'Compare', exact: true })).toHaveAttribute('aria-selected', 'true');
    await tab(page, 'Workbench');
    await expect(page.locator('.difference-plot[data-seen]')).toHaveCount(1);
    await expect(panel).toHaveCount(0);
    await page.getByRole('main').getByText('Difference to unpruned').first().hover();
    await expect(page.getByRole('tooltip')).toBeVisible();
    // Nor the size of the window.
    const size = page.viewportSize() ?? { width: 1440, height: 900 };
    await page.setViewportSize({ width: size.width, height: size.height - 100 });
    await expect(page.getByRole('tooltip')).toHaveCount(0);
    await page.setViewportSize(size);
    await page.mouse.move(2, 2);
    await page.getByRole('main').getByText('Difference to unpruned').first().hover();
    await expect(page.getByRole('tooltip')).toBeVisible();
    // Without a key or a move of the pointer, as the browser's Back.
    await page.evaluate(() => document.getElementById('tab-compare')?.click());
    await expect(page.locator('.compare')).toBeVisible();
    await expect(page.getByRole('tooltip')).toHaveCount(0);
  });

  await test.step('the sidebar comes back from the view that has no room for it', async () => {
    await page.getByRole('list', { name: 'Tasks' }).evaluate((list) => list.setAttribute('data-seen', ''));
    await tab(page, 'Runs');
    await expect(page.getByRole('list', { name: 'Tasks' })).toHaveCount(0);
    await tab(page, 'Compare');
    await expect(page.locator('[data-seen][aria-label="Tasks"]')).toHaveCount(1);
  });
  expect(problems).toEqual([]);
});

test('the sweep is read while the models are still listed', async ({ workbench }) => {
  const { page } = workbench;
  const problems = pageErrors(page);
  await expect(page.locator('.difference-plot').first()).toBeVisible();
  /** What each call asks, by its number. */
  const asked = new Map<number, string>();
  let holdModels = true;
  const held: (() => void)[] = [];
  await page.routeWebSocket(/\/engine$/, (socket) => {
    const engine = socket.connectToServer();
    socket.onMessage((message) => {
      const call = numberedCall.safeParse(JSON.parse(String(message)));
      if (call.success) asked.set(call.data.id, call.data.name);
      engine.send(message);
    });
    engine.onMessage((message) => {
      const answer = numberedAnswer.safeParse(JSON.parse(String(message)));
      const isOfModels = answer.success && asked.get(answer.data.id) === 'models.list';
      if (isOfModels && holdModels) held.push(() => socket.send(message));
      else socket.send(message);
    });
  });
  const readings = () => [...asked.values()].filter((name) => name === 'sweep.read');
  await page.reload();
  await expect.poll(() => readings()).toEqual(['sweep.read']);
  await expect(page.locator('.difference-plot')).toHaveCount(0);
  holdModels = false;
  for (const send of held) send();
  await expect(page.locator('.difference-plot').first()).toBeVisible();
  // What was read ahead is what the views show: nobody asks again.
  expect(readings()).toEqual(['sweep.read']);
  expect(problems).toEqual([]);
});
