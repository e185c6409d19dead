import { sweepSettings } from '../contract/sweep.ts';
import { listed } from '../evaluation/finding-text.ts';
import { html, type HtmlNode } from './html.ts';
import { printedFactor } from './report-numbers.ts';
import type { ReportSource } from './report-source.ts';

const distinct = <T>(items: readonly T[]): T[] => [...new Set(items)];

const question = ({ family, document }: ReportSource): string => {
  const { delta, models, tasks, methods } = family;
  const points = Math.round(delta * 1000) / 10;
  const metrics = distinct(document.results.map(({ metric }) => metric));
  const fall = [
    ...(metrics.some((metric) => metric !== 'perplexity') ? [`accuracy falls by more than ${points} percentage points`] : []),
    ...(metrics.includes('perplexity') ? [`log-perplexity rises by more than ${delta} nats per token`] : []),
  ].join(' or ');
  const subject = models.length === 1 ? `the experts of ${models[0]?.name ?? 'the model'}` : `the experts of ${models.length} models`;
  const over = models.length > 1 && family.trends.length > 0 ? ', and does that depend on how many experts a model was trained with' : '';
  return (
    `How far can ${subject} be pruned, task by task, before ${fall}${over}? ` +
    `Asked of ${tasks.length === 1 ? 'one task' : `${tasks.length} tasks`} with ${methods.length === 1 ? 'the method' : 'the methods'} ${listed(methods)}.`
  );
};

const facts = ({ manifest, document, family }: ReportSource): HtmlNode => {
  const settings = sweepSettings.safeParse(manifest.spec);
  const items = document.results.filter(({ factor }) => factor === 1).map(({ n }) => n);
  const factors = distinct(document.results.map(({ factor }) => printedFactor(factor))).sort((a, b) => Number(a) - Number(b));
  const entries: readonly (readonly [string, string])[] = [
    ['Models', family.models.map(({ name, experts }) => `${name} (E = ${experts})`).join(', ')],
    ['Tasks', family.tasks.join(', ')],
    ['Factors', factors.join(', ')],
    ['Test items per task', items.length === 0 ? 'none yet' : distinct([Math.min(...items), Math.max(...items)]).join(' to ')],
    ...(settings.success
      ? ([
          ['Budget', settings.data.budget],
          ['Random seeds', settings.data.seeds.join(', ')],
        ] as const)
      : []),
    ['Measured', manifest.createdAt.slice(0, 16).replace('T', ', ')],
  ];
  return html('dl', { class: 'facts' }, ...entries.map(([name, value]) => html('div', {}, html('dt', {}, name), html('dd', {}, value))));
};

/** Title, question and facts. */
export const reportHeader = (source: ReportSource): HtmlNode => {
  const { manifest } = source;
  const unfinished = manifest.state === 'done' ? [] : [html('p', { class: 'notice' }, `This sweep is not finished (${manifest.state}): the page shows what was measured so far.`)];
  return html(
    'header',
    {},
    html('p', { class: 'eyebrow' }, 'Uncurl Workbench \u00b7 sweep report'),
    html('h1', {}, manifest.title),
    html('p', { class: 'lead' }, question(source)),
    ...unfinished,
    facts(source),
  );
};
