import { describe, expect, it } from 'vitest';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { shownManifest } from '../../../main/words/equivalent-command.ts';
import { sizeTrendDocument } from '../../../main/evaluation/size-trend/document.ts';
import { type Frontier, frontierWords } from '../../../main/evaluation/frontier.ts';
import { withThresholds } from '../../../main/evaluation/threshold-family.ts';
import { reportName } from '../../../main/report/page.ts';
import { reportPage } from '../../../main/report/report-page.ts';
import type { ReportSource } from '../../../main/report/report-source.ts';
import { sampleSizeTrend } from '../evaluation/size-trend/sample-size-trend.ts';
import { recordedJson } from '../sample/recorded.ts';
import { sampleManifest, sampleProfile, sampleSweep, sampleSweepAtChance } from '../figures/sample-run.ts';
import { results } from '../../../main/words/definitions/results.ts';
import { routingAndPlans } from '../../../main/words/definitions/routing-and-plans.ts';

const tasks = ['french', 'sort'];
const { document, sizeTrend } = sampleSizeTrend({
  sizes: [8, 16, 32],
  tasks,
  methods: ['frequency', 'reap'],
  limit: (experts) => experts / 16,
});
const profiles = [{ model: 'e8', profiles: [sampleProfile('french', 3, 8), sampleProfile('sort', 3, 8)] }];
const source: ReportSource = { manifest: sampleManifest, document, sizeTrend, profiles };
const page = reportPage(source);
/** Sizes of a recorded sweep at several types of weights, and their comparisons. */
const frontier = (await recordedJson('frontier', 'frontier.json')) as Frontier;
const text = (html: string): string =>
  html
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

const unescape = (html: string): string =>
  html
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

/** The page of another sweep, without comparisons. */
const pageOf = (other: SweepDocument): string =>
  reportPage({
    manifest: sampleManifest,
    document: other,
    sizeTrend: sizeTrendDocument(other, { delta: 0.02 }, { pairs: [], missing: 0, incomparable: 0 }),
    profiles: [],
  });

describe('a report', () => {
  it('is self-contained', () => {
    expect(page).toMatch(/^<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">/);
    expect(page).toContain('default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;');
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|src=|https?:/i);
  });

  it('is one well-nested document with headings in order, named figures and captioned tables', () => {
    const open: string[] = [];
    for (const [, slash = '', name = '', closed = ''] of page.matchAll(
      /<(\/?)([a-z][a-z0-9]*)(?:\s[^<>]*?)?(\/?)>/gi,
    )) {
      if (slash === '/') expect(open.pop()).toBe(name);
      else if (closed === '' && name !== 'meta' && name !== 'br') open.push(name);
    }
    expect(open).toEqual([]);
    const levels = [...page.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    expect(levels[0]).toBe(1);
    levels.slice(1).forEach((level, index) => expect(level - (levels[index] ?? 0)).toBeLessThanOrEqual(1));
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    expect(page.match(/<table/g)).toHaveLength(page.match(/<caption/g)?.length ?? 0);
    expect(page.match(/<svg/g)).toHaveLength(page.match(/<svg [^>]*role="img" [^>]*aria-label="/g)?.length ?? 0);
    expect(page.match(/<figure/g)).toHaveLength(page.match(/<figcaption/g)?.length ?? 0);
  });

  it('begins with question and verdict, then shows everything, with rule, definitions and record', () => {
    const words = unescape(text(page));
    const order = [
      'How far can the experts of 3 models be pruned',
      'e32, 32 experts: safe to \u00d72 on 2 of 2 tasks.',
      'e16, 16 experts: safe on none of 2 tasks; at no tested factor on 2.',
      'How far each model can be pruned',
      'e32: difference to unpruned against pruning factor',
      'Does the threshold rise with the number of pretraining experts?',
      sizeTrend.rule,
      ...sizeTrend.findings.map(({ sentence }) => sentence),
    ];
    const offsets = order.map((part) => words.indexOf(part));
    expect(offsets.every((offset, index) => offset > (offsets[index - 1] ?? -1))).toBe(true);
    for (const { sentence } of sizeTrend.findings) expect(words).toContain(sentence);
    for (const note of sizeTrend.notes) expect(words).toContain(note);
    // Defined as in the window.
    for (const { text: defined } of [results.pairedDifference, results.risesWithExperts, routingAndPlans.factor])
      expect(words).toContain(defined);
    for (const part of ['Tango', 'McNemar', 'Keeps the experts that the router chooses most often'])
      expect(words).toContain(part);
    expect(unescape(page)).toContain(JSON.stringify(shownManifest(sampleManifest), null, 2));
  });

  it('has the sections of its data: nothing over sizes for one size, no routing without profiles', () => {
    const titles = (html: string): string[] => [...html.matchAll(/<h2[^>]*>([^<]+)/g)].map(([, title]) => title ?? '');
    expect(titles(page)).toEqual([
      'Verdict',
      'Findings',
      'Curves of e32',
      'Threshold and number of experts',
      'The sweep',
      'Findings in words',
      'Thresholds by method',
      'Other curves',
      'How many thresholds reach a factor',
      'Pruned large, or trained small?',
      'Routing',
      'Measurements',
      'Definitions',
      'Record',
    ]);
    expect(titles(pageOf(sampleSweep()))).toEqual([
      'Verdict',
      'Findings',
      'Curves of e16',
      'The sweep',
      'Findings in words',
      'Thresholds by method',
      'Measurements',
      'Definitions',
      'Record',
    ]);
    // No section is empty.
    expect(page).not.toMatch(/<\/h2>(?:<\/summary><\/details>)?<\/section>/);
  });

  it('folds its appendix, and names tasks by their titles', () => {
    const folded = [...page.matchAll(/<details class="appendix"><summary><h2[^>]*>([^<]+)/g)].map(([, title]) => title);
    expect(folded[0]).toBe('Findings in words');
    expect(folded.at(-1)).toBe('Record');
    expect(folded).not.toContain('Verdict');
    const named = text(reportPage({ ...source, titles: (task) => (task === 'sort' ? 'Sorting words' : task) }));
    expect(named).toContain('Sorting words');
    expect(named).not.toMatch(/[Oo]n sort\b/);
  });

  it('says whether to prune or to quantise where the sweep measured several types of weights', () => {
    const said = unescape(text(reportPage({ ...source, frontier })));
    expect(said).toContain('Prune or quantise?');
    expect(said).toContain(text(frontierWords(frontier).summary[0] ?? expect.fail('no sentence')));
    expect(text(page)).not.toContain('Prune or quantise?');
  });

  it('lists every pair of a pruned and a quantised model in one table a model', () => {
    const [, section = ''] = /id="frontier-tasks"(.*?)<\/section>/s.exec(reportPage({ ...source, frontier })) ?? [];
    const models = new Set(frontier.pairs.map(({ pruned }) => pruned.result.model));
    expect(section.match(/<table>/g)).toHaveLength(models.size);
    expect(section.match(/<tr>/g)).toHaveLength(models.size + frontier.pairs.length);
    expect(section).not.toContain('<li>');
  });

  it('prints brackets and verdicts in the matrix', () => {
    const cells = [...page.matchAll(/<td class="number level [a-z]+"[^>]*>(.*?)<\/td>/g)].map(([, cell]) =>
      unescape(text(cell ?? '')).trim(),
    );
    expect(cells).toHaveLength(2 * 2 * 3);
    expect(cells.slice(0, 3)).toEqual([
      '< \u00d72 [1, 2) worse 2',
      '< \u00d72 [1, 2) worse 2',
      '\u00d72 [2, 4) worse 4',
    ]);
    const open = sampleSizeTrend({ sizes: [8, 16], tasks: ['a'], limit: () => 1000 });
    expect(unescape(text(reportPage({ ...source, ...open, profiles: [] })))).toContain('\u2265 \u00d74 [4, \u2026)');
    const few = sampleSizeTrend({ sizes: [8, 16], tasks: ['a'], limit: () => 1000, items: 60 });
    expect(reportPage({ ...source, ...few, profiles: [] })).toContain('<b>?</b>');
  });

  it('says where the unpruned model is at chance, and gives no verdict there', () => {
    const atChance = withThresholds(sampleSweepAtChance(), { delta: 0.02 });
    expect(text(pageOf(atChance))).toMatch(
      /e16 on sums is not above chance: unpruned [\d.]+, chance 25\.0 \(one-sided/,
    );
    expect(pageOf(atChance)).toContain('<b>chance</b>');
    expect(text(pageOf(sampleSweep()))).not.toContain('e16 on sums is not above chance');
  });

  it('states the settings of the sweep that differ from their defaults', () => {
    const facts = (changed: object) => {
      const spec = { methods: ['reap'], factors: [2], ...changed };
      return text(reportPage({ ...source, manifest: { ...sampleManifest, spec } }));
    };
    const changed = facts({ limit: 40, recovery: 'both' });
    expect(changed).toContain('Item limit 40');
    expect(changed).toContain('Recovery beside each plan');
    expect(facts({})).not.toContain('Item limit');
  });

  it('escapes what models, tasks and manifests say, and shows perplexities as they are', () => {
    const odd = pageOf(sampleSweep(['<img src=x>']));
    expect(odd).not.toContain('<img');
    expect(unescape(text(odd))).toContain('facts, "quoted" & <odd>');
    expect(unescape(text(odd))).toContain('log-perplexity rises by more than 0.02 nats per token');
  });

  it('says so if the sweep is not finished, and is refused if it has no results', () => {
    expect(reportPage({ ...source, manifest: { ...sampleManifest, state: 'cancelled' } })).toContain(
      'This sweep is not finished (cancelled)',
    );
    expect(page).not.toContain('not finished');
    expect(() => pageOf({ ...document, results: [], thresholds: [] })).toThrow(/has not measured anything yet/);
  });

  it('is the same bytes for the same source, stays small, and is named after its run', () => {
    expect(reportPage(source)).toBe(page);
    expect(page.length).toBeLessThan(400_000);
    expect(reportName(sampleManifest)).toBe('sweep-sample.html');
  });
});
