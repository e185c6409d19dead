import { assertNever } from '../contract/assert-never.ts';
import type { Finding } from '../contract/family.ts';
import { html, htmlAll, type HtmlNode } from './html.ts';

const questionOf = (chart: Finding['chart']): string => {
  switch (chart) {
    case 'threshold-over-experts':
      return 'Does the threshold rise with the number of pretraining experts?';
    case 'safe-tasks':
      return 'How many tasks are safe?';
    case 'pruned-against-scratch':
      return 'Prune many experts, or train fewer?';
    case 'thresholds':
      return 'How far can the models be pruned?';
    default:
      return assertNever(chart);
  }
};

/** Sentences of a chart, as a list. */
export const chartFindings = (findings: readonly Finding[], chart: Finding['chart']): HtmlNode => {
  const own = findings.filter((one) => one.chart === chart && (one.method !== null || chart === 'thresholds'));
  if (own.length === 0) return htmlAll([]);
  return html(
    'dl',
    { class: 'findings' },
    ...own.map(({ method, sentence }) => html('div', {}, html('dt', {}, method ?? questionOf(chart)), html('dd', {}, sentence))),
  );
};

/** What the sweep shows, in the sentences over all methods. */
export const keyFindings = (findings: readonly Finding[]): HtmlNode => {
  const key = findings.filter(({ method }) => method === null);
  return html(
    'dl',
    { class: 'findings key' },
    ...key.map(({ chart, sentence }) => html('div', {}, html('dt', {}, questionOf(chart)), html('dd', {}, sentence))),
  );
};
