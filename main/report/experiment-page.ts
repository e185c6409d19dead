import type { ExperimentAnswer, ExperimentDocument, ExperimentRow } from '../contract/experiment.ts';
import type { RunManifest } from '../contract/run.ts';
import { experimentDocument } from '../evaluation/experiment/document.ts';
import { pageTheme } from '../figures/colors.ts';
import type { Names } from '../figures/columns.ts';
import { experimentFigure } from '../figures/experiment-figure.ts';
import { chartFigures } from './report-figures.ts';
import {
  experimentThresholdColumns,
  matrixColumns,
  publishedColumns,
  thresholdLines,
} from '../figures/experiment-tables.ts';
import {
  experimentManifestOf,
  readExperimentReproduction,
  readPublishedTable,
  requireExperimentRecord,
} from '../runs/experiment-record.ts';
import type { RunSource } from '../runs/run-source.ts';
import { methodTitle } from '../words/methods.ts';
import { titleList, withTaskTitles } from '../words/task-titles.ts';
import {
  columnsTable,
  html,
  htmlAll,
  type HtmlContent,
  type HtmlNode,
  notes,
  reportColumns,
  reportTable,
} from './html.ts';
import { htmlPage, pageHeader, reportName, type Section, unfinished } from './page.ts';
import { recordSection } from './report-header.ts';

/** A cell of the matrix with its sign in bold. */
const matrixCell = (text: HtmlContent): HtmlContent => {
  const [sign, ...rest] = typeof text === 'string' ? text.split(' ') : [];
  return sign === undefined ? text : htmlAll([html('b', {}, sign), ` ${rest.join(' ')}`]);
};

const matrixTable = (answer: ExperimentAnswer, tasks: readonly string[], names: Names): HtmlNode =>
  reportTable(
    'The matrix of + and \u2212: difference of accuracy in points, two-sided 95 % interval; ? where that contains 0. ' +
      'Of several draws: the mean, an interval that spans those of all draws, the lowest and the highest difference; ' +
      'a sign is one that every draw has.',
    reportColumns<ExperimentRow>(matrixColumns(answer, tasks, names.task), answer.rows, names).map((column) =>
      column.name.startsWith('task ')
        ? { ...column, cell: (row: ExperimentRow) => matrixCell(column.cell(row)) }
        : column.name === 'arm'
          ? { ...column, cell: (row: ExperimentRow) => html('span', { class: 'line' }, column.cell(row)) }
          : column,
    ),
    answer.rows,
  );

const answerSection = (
  document: ExperimentDocument,
  answer: ExperimentAnswer,
  manifest: RunManifest,
  names: Names,
): readonly Section[] => {
  if (answer.pairs.length === 0) return [];
  const figure = experimentFigure(document, answer, { ...pageTheme, task: names.task });
  const tasks = document.tasks.map(({ name }) => name);
  return [
    {
      id: answer.question,
      title: answer.question === 'scratch' ? 'Pruned against scratch' : 'Pruned against unpruned',
      content: [
        html('p', { class: 'lead' }, answer.title),
        ...chartFigures(figure, manifest),
        ...notes(answer.findings.map(({ sentence }) => withTaskTitles(sentence, tasks, names.task))),
        matrixTable(answer, tasks, names),
        html('p', {}, answer.rule),
        columnsTable('Thresholds of each model and task.', experimentThresholdColumns, thresholdLines(answer), names),
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
            columnsTable(
              'Published accuracies minus those of the scratch model of the same size, in points; no intervals.',
              publishedColumns(published),
              published.rows,
            ),
          ],
        },
      ];

const header = ({ tasks, models }: ExperimentDocument, manifest: RunManifest, names: Names): HtmlNode =>
  pageHeader(
    'experiment report',
    manifest.title,
    `Members with ${models.map(({ experts }) => String(experts)).join(', ')} experts on ` +
      `${titleList(tasks.map(({ name, n }) => `${names.task(name)} (n\u00a0=\u00a0${n})`))}: ` +
      'each pruned to the size of each smaller one, and compared with that one and with itself.',
    unfinished(manifest, 'experiment'),
  );

/** An experiment as one HTML page: both questions with figures, matrix and thresholds, and the paper's own table. */
export const experimentPage = (
  manifest: RunManifest,
  document: ExperimentDocument,
  title: (task: string) => string,
): string => {
  const names: Names = { task: title, method: methodTitle };
  const { reproduction } = document;
  return htmlPage({
    manifest,
    header: header(document, manifest, names),
    parts: [
      ...document.answers.flatMap((answer) => answerSection(document, answer, manifest, names)),
      ...publishedSection(document),
      { id: 'notes', title: 'How to read it', content: notes(document.notes) },
      {
        id: 'reproduction',
        title: 'Reproduction',
        content: reproduction === null ? [] : [html('p', {}, reproduction.sentence)],
      },
      { id: 'record', title: 'Record', content: recordSection(manifest) },
    ],
    origin: ' Every number on this page is computed from the run\u2019s stored outcomes.',
  });
};

/** Document of an experiment, at its own margin unless another one is given. */
export const readExperimentDocument = async (
  source: RunSource,
  run: string,
  delta: number | undefined,
): Promise<ExperimentDocument> => {
  const manifest = await experimentManifestOf(source, run);
  const folder = source.runs.folder(run);
  return experimentDocument(await requireExperimentRecord(folder, manifest), {
    delta,
    published: await readPublishedTable(source.resources),
    reproduction: await readExperimentReproduction(folder),
  });
};

/** The report of an experiment on disk, finished or not. */
export const makeExperimentReport = async (
  source: RunSource,
  run: string,
  delta: number | undefined,
): Promise<{
  readonly name: string;
  readonly html: string;
  readonly findings: ExperimentDocument['answers'][number]['findings'];
}> => {
  const manifest = await experimentManifestOf(source, run);
  const document = await readExperimentDocument(source, run, delta);
  return {
    name: reportName(manifest),
    html: experimentPage(manifest, document, await source.titlesOf(manifest)),
    findings: document.answers.flatMap(({ findings }) => findings),
  };
};
