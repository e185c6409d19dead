import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { runManifest } from '../../main/contract/run.ts';
import { type SweepDocument } from '../../main/contract/sweep.ts';
import type { Frontier } from '../../main/evaluation/frontier.ts';
import { sizeTrendDocument } from '../../main/evaluation/size-trend/document.ts';
import { bestThresholdsView, modelChartView, shareView } from '../../main/figures/views.ts';
import { reportPage } from '../../main/report/report-page.ts';
import { readStoredSweep } from '../../main/runs/read-run.ts';
import { openRunSource } from '../../main/runs/run-source.ts';
import { addSample } from '../../main/sample/sample-run.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { recordedJson, recordedResults } from '../main/sample/recorded.ts';
import { axeFindings } from './axe-findings.ts';
import { resources } from './page-steps.ts';
import { expect, test } from './workbench.ts';

/** A report with a section of every kind: the records of calibration draws and of rounded weights in one sweep. */
const reportOfRecords = async (): Promise<{ readonly html: string; readonly document: SweepDocument }> => {
  const manifest = runManifest.parse(
    JSON.parse(await readFile(path.join(resources, 'luck', 'run', 'manifest.json'), 'utf8')),
  );
  const luck = await recordedResults('luck');
  const frontier = (await recordedJson('frontier', 'frontier.json')) as Frontier;
  const stored = new Set(luck.results.map(({ model, task, method, factor }) => [model, task, method, factor].join()));
  const rounded = frontier.points
    .map(({ result }) => result)
    .filter(({ model, task, method, factor }) => !stored.has([model, task, method, factor].join()));
  const document = { ...luck, results: [...luck.results, ...rounded] };
  const sizeTrend = sizeTrendDocument(luck, { delta: 0.02 }, { pairs: [], missing: 0, incomparable: 0 });
  const html = reportPage({ manifest, document, sizeTrend, frontier, profiles: [] });
  return { html, document };
};

/** Pairs of texts that cover each other; the boxes are those of the letters, without the room above and below. */
const covered = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    interface Box {
      readonly text: string;
      readonly left: number;
      readonly right: number;
      readonly top: number;
      readonly bottom: number;
    }
    const boxes: Box[] = [];
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = node.textContent?.trim() ?? '';
      const around = node.parentElement;
      const hidden = around?.closest('style, title, desc, metadata, details:not([open]) > :not(summary)') ?? null;
      if (text === '' || hidden !== null) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const { left, right, top, bottom, width, height } of range.getClientRects())
        if (width > 0 && height > 0)
          boxes.push({
            text,
            left: left + 0.5,
            right: right - 0.5,
            top: top + 0.22 * height,
            bottom: bottom - 0.2 * height,
          });
    }
    boxes.sort((one, other) => one.top - other.top);
    const found: string[] = [];
    boxes.forEach((box, index) => {
      for (let next = index + 1; next < boxes.length; next += 1) {
        const other = boxes[next];
        if (other === undefined || other.top >= box.bottom) break;
        if (box.left < other.right && other.left < box.right) found.push(`“${box.text}” and “${other.text}”`);
      }
    });
    if (boxes.length === 0) found.push('there is no text');
    return found.slice(0, 20);
  });

/** The width by which the page is too wide. */
const sideways = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Printed without its appendix the sample is short, and page one is the verdict. */
const expectShort = async (page: Page): Promise<void> => {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll('details[open]')) details.toggleAttribute('open', false);
  });
  const printed = await page.pdf({ preferCSSPageSize: true });
  const pages = printed.toString('latin1').match(/\/Type\s*\/Page\b(?!s)/g) ?? [];
  expect(pages.length).toBeGreaterThan(3);
  expect(pages.length).toBeLessThanOrEqual(8);
  const verdict = await page.locator('#verdict').boundingBox();
  // 262 mm of A4 between the margins, at 96 dots an inch.
  expect((verdict?.y ?? Infinity) + (verdict?.height ?? 0)).toBeLessThan(990);
};

test('no two texts of a report or of a saved figure cover each other, on screens of four widths and on paper', async ({
  workbench,
}) => {
  const { workspace, exports, openFile } = workbench;
  const opened = await openWorkspace(workspace);
  await addSample(opened, resources);
  const stored = await readStoredSweep(await openRunSource(opened, resources), 'sample');
  const { html, document } = await reportOfRecords();
  const view = { ...stored, theme: 'light' as const };
  const figures = [
    bestThresholdsView(view),
    shareView(view),
    modelChartView({ ...view, document }, 'uncurl-64', 'frontier'),
  ].flatMap(({ picture }) => picture?.draw().svg ?? []);
  expect(figures).toHaveLength(3);
  const files = {
    'sample.html': reportPage({ ...stored, profiles: [] }),
    'records.html': html,
    'figures.html': `<!DOCTYPE html><meta charset="utf-8"><body>${figures.join('')}</body>`,
  };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(path.join(exports, name), content);
    // Figures alone keep their width, and have no heading.
    const isPage = name !== 'figures.html';
    const page = await openFile(path.join(exports, name));
    for (const details of await page.locator('details:has(figure)').all())
      await details.evaluate((element) => element.toggleAttribute('open', true));
    for (const width of [720, 1024, 1440, 1920]) {
      await page.setViewportSize({ width, height: 900 });
      expect.soft(await covered(page), `${name} at ${String(width)} pixels`).toEqual([]);
      if (isPage) expect.soft(await sideways(page), `${name} at ${String(width)} pixels`).toBe(0);
    }
    if (isPage) expect.soft(await axeFindings(page), name).toEqual([]);
    // Between the margins of A4 at 96 dots an inch.
    await page.setViewportSize({ width: 680, height: 900 });
    await page.emulateMedia({ media: 'print' });
    expect.soft(await covered(page), `${name} on paper`).toEqual([]);
    if (name === 'sample.html') await expectShort(page);
    await page.close();
  }
});
