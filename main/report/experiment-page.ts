import type { ExperimentAnswer, ExperimentCell, ExperimentDocument } from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { signMark } from '../words/comparisons.ts';
import { methodTitle, treatmentWords } from '../words/methods.ts';
import { bracketWords, thresholdValue } from '../words/verdicts.ts';
import { pageTheme } from '../figures/colors.ts';
import { experimentCaption, experimentFigure } from '../figures/experiment-figure.ts';
import { formatFactor, formatSigned } from '../words/numbers.ts';
import { html, htmlFigure, type HtmlNode, reportTable } from './html.ts';
import { htmlPage, type Section } from './page.ts';
import { recordSection } from './report-header.ts';

const points = (share: number): string => formatSigned(share * 100, 1);

const interval = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  `[${points(low)}, ${points(high)}]`;

const notes = (texts: readonly string[]): HtmlNode[] =>
  texts.length === 0
    ? []
    : [
        html(
          'ul',
          { class: 'notes' },
          texts.map((text) => html('li', {}, text)),
        ),
      ];

const matrixCell = (cell: ExperimentCell | undefined): HtmlNode | string =>
  cell === undefined
    ? ''
    : html(
        'span',
        {},
        html('b', {}, signMark(cell.sign)),
        ` ${points(cell.difference)} `,
        html('small', {}, interval(cell)),
        cell.draws > 1
          ? [html('small', {}, ` ${points(cell.lowest)} to ${points(cell.highest)}, ${String(cell.draws)} draws`)]
          : [],
      );

const matrixTable = (answer: ExperimentAnswer, tasks: readonly string[]): HtmlNode =>
  reportTable(
    'The matrix of + and \u2212: difference of accuracy in points, two-sided 95 % interval; ? where that contains 0. ' +
      'Of several draws: the mean, an interval that spans those of all draws, the lowest and the highest difference; ' +
      'a sign is one that every draw has.',
    [
      { title: 'sizes', cell: ({ experts, kept }) => `${String(experts)} \u2192 ${String(kept)}` },
      { title: 'factor', isNumber: true, cell: ({ factor }) => formatFactor(factor) },
      { title: 'method', cell: ({ method }) => methodTitle(method) },
      { title: 'arm', cell: ({ treatment }) => treatmentWords(treatment) },
      ...tasks.map((task) => ({
        title: task,
        isNumber: true,
        cell: (row: ExperimentAnswer['rows'][number]) =>
          matrixCell(
            answer.cells.find(
              (cell) =>
                cell.task === task &&
                cell.method === row.method &&
                cell.treatment === row.treatment &&
                cell.model === row.model &&
                cell.kept === row.kept,
            ),
          ),
      })),
      { title: '+', isNumber: true, cell: ({ plus }) => plus },
      { title: '\u2212', isNumber: true, cell: ({ minus }) => minus },
      { title: '?', isNumber: true, cell: ({ cannotTell }) => cannotTell },
      {
        title: 'all items',
        isNumber: true,
        cell: ({ pooled }) => (pooled === null ? '' : `${points(pooled.difference)} ${interval(pooled)}`),
      },
    ],
    answer.rows,
  );

const thresholdTable = ({ thresholds }: ExperimentAnswer): HtmlNode =>
  reportTable(
    'Thresholds of each model and task.',
    [
      { title: 'model', cell: ({ model }) => model },
      { title: 'task', cell: ({ task }) => task },
      { title: 'method', cell: ({ method }) => methodTitle(method) },
      { title: 'arm', cell: ({ treatment }) => treatmentWords(treatment) },
      { title: 'n', isNumber: true, cell: ({ n }) => n },
      { title: 'threshold', isNumber: true, cell: (threshold) => thresholdValue(threshold) },
      { title: 'tested', cell: (threshold) => bracketWords(threshold) },
      { title: 'by sign', isNumber: true, cell: ({ bySign }) => (bySign === 1 ? 'none' : formatFactor(bySign)) },
    ],
    thresholds,
  );

const answerSection = (
  document: ExperimentDocument,
  answer: ExperimentAnswer,
  manifest: RunManifest,
): readonly Section[] => {
  if (answer.pairs.length === 0) return [];
  const { svg } = experimentFigure(document, answer, manifest, pageTheme);
  const tasks = document.tasks.map(({ name }) => name);
  return [
    {
      id: answer.question,
      title: answer.question === 'scratch' ? 'Pruned against scratch' : 'Pruned against unpruned',
      content: [
        html('p', { class: 'lead' }, answer.title),
        html(
          'figure',
          {},
          html('div', { class: 'chart' }, htmlFigure(svg)),
          html('figcaption', {}, experimentCaption(answer.question)),
        ),
        ...notes(answer.findings.map(({ sentence }) => sentence)),
        matrixTable(answer, tasks),
        html('p', {}, answer.rule),
        thresholdTable(answer),
      ],
    },
  ];
};

const publishedSection = ({ published }: ExperimentDocument): readonly Section[] =>
  published === null
    ? []
    : [
        {
          id: 'published',
          title: 'The paper\u2019s own table',
          content: [
            html('p', {}, html('a', { href: published.url }, published.source), '. ', published.note),
            reportTable(
              'Published accuracies minus those of the scratch model of the same size, in points; no intervals.',
              [
                { title: 'sizes', cell: ({ experts, kept }) => `${String(experts)} \u2192 ${String(kept)}` },
                { title: 'factor', isNumber: true, cell: ({ factor }) => formatFactor(factor) },
                { title: 'method', cell: ({ method }) => method },
                ...published.tasks.map((task, index) => ({
                  title: task,
                  isNumber: true,
                  cell: ({ differences }: (typeof published.rows)[number]) => {
                    const difference = differences[index] ?? null;
                    return difference === null ? '' : formatSigned(difference, 2);
                  },
                })),
                { title: 'above', isNumber: true, cell: ({ above, of }) => `${String(above)} of ${String(of)}` },
              ],
              published.rows,
            ),
          ],
        },
      ];

const header = ({ tasks, models }: ExperimentDocument, manifest: RunManifest): HtmlNode =>
  html(
    'header',
    {},
    html('p', { class: 'eyebrow' }, 'Uncurl Workbench \u00b7 experiment report'),
    html('h1', {}, manifest.title),
    html(
      'p',
      { class: 'lead' },
      `Members with ${models.map(({ experts }) => String(experts)).join(', ')} experts on ` +
        `${tasks.map(({ name, n }) => `${name} (n = ${String(n)})`).join(', ')}: each pruned to the size of each ` +
        'smaller one, and compared with that one and with itself.',
    ),
    manifest.state === 'done'
      ? []
      : [
          html(
            'p',
            { class: 'notice' },
            `This experiment is not finished (${manifest.state}): the page shows what was measured so far.`,
          ),
        ],
  );

export const experimentReportName = ({ id }: RunManifest): string => `${id}.html`;

/** An experiment as one HTML page: both questions with figures, matrix and thresholds, and the paper's own table. */
export const experimentPage = (manifest: RunManifest, document: ExperimentDocument): string =>
  htmlPage({
    manifest,
    header: header(document, manifest),
    parts: [
      ...document.answers.flatMap((answer) => answerSection(document, answer, manifest)),
      ...publishedSection(document),
      { id: 'notes', title: 'How to read it', content: notes(document.notes) },
      ...(document.reproduction === null
        ? []
        : [{ id: 'reproduction', title: 'Reproduction', content: [html('p', {}, document.reproduction.sentence)] }]),
      { id: 'record', title: 'Record', content: recordSection(manifest) },
    ],
    footer:
      `Run ${manifest.id}, ${manifest.createdAt}. Every number on this page is computed from the run\u2019s stored ` +
      'outcomes.',
  });
