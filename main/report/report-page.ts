import { refuse } from '../contract/errors.ts';
import type { Finding, SizeTrendDocument } from '../contract/size-trend.ts';
import { isNothingToLose, type SweepDocument } from '../contract/sweep.ts';
import { choiceWarnings } from '../evaluation/fidelity.ts';
import { luckSentences } from '../evaluation/calibration-luck.ts';
import { choiceAndWriting, reachSummary } from '../evaluation/choice-and-writing.ts';
import { frontierWords } from '../evaluation/frontier.ts';
import type { AskedReading } from '../evaluation/threshold-family.ts';
import type { Names } from '../figures/columns.ts';
import { kindColumns, luckColumns, luckRows } from '../figures/tables.ts';
import { readFrontier, readReportComparisons, readRunProfiles, readStoredSweep } from '../runs/read-run.ts';
import type { RunSource } from '../runs/run-source.ts';
import { withTaskTitles } from '../words/task-titles.ts';
import { chartQuestion, sweepNotes } from '../words/verdicts.ts';
import { columnsTable, folded, html, htmlAll, type HtmlNode, notes, reportTable } from './html.ts';
import { htmlPage, reportName, type Section } from './page.ts';
import {
  bestFigures,
  curveFigures,
  firstCurve,
  firstModel,
  frontierFigures,
  luckFigures,
  otherCurves,
  pairFigures,
  routingFigures,
  shareFigures,
  trendFigures,
} from './report-figures.ts';
import { definitionSection, recordSection, reportHeader, sweepFacts } from './report-header.ts';
import {
  curtailedTable,
  frontierTables,
  measurementTables,
  methodComparisons,
  overviewTable,
} from './report-methods.ts';
import { namesOf, type ReportSource } from './report-source.ts';
import { equalKeptTable, findingsInWords, pairTable, safeCountTables, thresholdMatrices } from './report-thresholds.ts';
import { bestCell, ownTasks } from '../figures/best-cell.ts';
import { findingTables } from '../figures/finding-tables.ts';
import { counted, formatFactor, formatMargin } from '../words/numbers.ts';

/** Sections on how thresholds depend on the number of experts, for the appendix. */
const sizeTrendSections = (source: ReportSource, names: Names): Section[] => {
  const { sizeTrend } = source;
  if (sizeTrend.trends.length === 0) return [];
  return [
    { id: 'counts', title: 'How many thresholds reach a factor', content: [safeCountTables(sizeTrend)] },
    {
      id: 'shares',
      title: chartQuestion('loss-over-share'),
      content: sizeTrend.sharePoints.length === 0 ? [] : shareFigures(source),
    },
    {
      id: 'scratch',
      title: 'Pruned large, or trained small?',
      content:
        sizeTrend.pairs.length === 0
          ? []
          : [...pairFigures(source), pairTable(sizeTrend, names), equalKeptTable(sizeTrend, names)],
    },
  ];
};

/** The pages that are printed: the verdict, its findings, the curves of one model, and what was compared. */
const mainSections = (source: ReportSource, names: Names, worded: (sentence: string) => string): Section[] => {
  const { document, sizeTrend, comparisons = [], frontier } = source;
  return [
    { id: 'verdict', title: 'Verdict', content: verdictSection(source) },
    {
      id: 'findings',
      title: 'Findings',
      content: [
        ...findingsInNumbers(sizeTrend),
        ...choiceAndWritingTable(document, names),
        ...luckTable(source, names, worded),
        html('h3', {}, 'The rule'),
        html('p', {}, sizeTrend.rule),
        ...notes([choiceWarnings(document.results)].flatMap((warning) => (warning === null ? [] : [worded(warning)]))),
      ],
    },
    {
      id: 'methods',
      title: 'Methods compared',
      content: comparisons.length > 0 ? [overviewTable(comparisons, names)] : [],
    },
    {
      id: 'frontier',
      title: 'Prune or quantise?',
      content:
        frontier === undefined
          ? []
          : [...frontierFigures(source), ...notes(frontierWords(frontier).summary.map(worded))],
    },
    { id: 'curves', title: `Curves of ${firstModel(source) ?? 'the model'}`, content: curveFigures(source) },
    {
      id: 'experts',
      title: 'Threshold and number of experts',
      content: sizeTrend.trends.length === 0 ? [] : trendFigures(source),
    },
    { id: 'sweep', title: 'The sweep', content: [sweepFacts(source)] },
  ];
};

/** What a reader asks for: folded on the page, and printed once it is expanded. */
const appendix = (source: ReportSource, names: Names, worded: (sentence: string) => string): Section[] => {
  const { manifest, document, sizeTrend, comparisons = [], frontier } = source;
  const sections: readonly Section[] = [
    {
      id: 'words',
      title: 'Findings in words',
      content: [findingsInWords(sizeTrend.findings, worded), ...notes(sizeTrend.notes.map(worded))],
    },
    { id: 'thresholds', title: 'Thresholds by method', content: [thresholdMatrices(sizeTrend, names)] },
    { id: 'other-curves', title: 'Other curves', content: otherCurves(source) },
    { id: 'method-tasks', title: 'Methods task by task', content: methodComparisons(comparisons, names) },
    {
      id: 'frontier-tasks',
      title: 'Every comparison of weights',
      content: frontierTables(frontier?.pairs ?? [], names),
    },
    ...sizeTrendSections(source, names),
    { id: 'routing', title: 'Routing', content: routingFigures(source) },
    {
      id: 'measurements',
      title: 'Measurements',
      content: [
        measurementTables(document, names),
        ...curtailedTable(document, names),
        ...notes(sweepNotes(document).map(worded)),
      ],
    },
    { id: 'definitions', title: 'Definitions', content: definitionSection(source) },
    { id: 'record', title: 'Record', content: recordSection(manifest) },
  ];
  return sections.map((section) => ({ ...section, isFolded: true }));
};

/**
 * A sweep as one self-contained HTML page: no scripts, no fonts, no network (a policy in its head forbids them).
 * Refuses a sweep without results. Light or dark like the reader's system, laid out for A4 in print. Pure: the same
 * source gives the same bytes.
 */
export const reportPage = (source: ReportSource): string => {
  const { manifest, document } = source;
  if (document.results.length === 0) {
    throw refuse(
      'nothing-measured',
      `${manifest.id} (${manifest.state}) has not measured anything yet.`,
      'Wait for its first point, or resume it.',
    );
  }
  const origin =
    ' Every number on this page is computed from the run\u2019s stored outcomes. The appendix is folded: expand the ' +
    'parts that you want on paper.';
  const names = namesOf(source);
  const worded = (sentence: string): string => withTaskTitles(sentence, source.sizeTrend.tasks, names.task);
  const parts = [...mainSections(source, names, worded), ...appendix(source, names, worded)];
  return htmlPage({ manifest, header: reportHeader(source), parts, origin });
};

export interface MadeReport {
  readonly name: string;
  readonly html: string;
  readonly findings: readonly Finding[];
}

/** The report of a sweep from its stored outcomes, finished or not. */
export const makeReport = async (source: RunSource, run: string, reading: AskedReading = {}): Promise<MadeReport> => {
  const stored = await readStoredSweep(source, run, reading);
  const profiles = await readRunProfiles(source.runs.folder(run), stored.manifest);
  const comparisons = await readReportComparisons(source, stored.document);
  const frontier = (await readFrontier(source, stored.document)) ?? undefined;
  return {
    name: reportName(stored.manifest),
    html: reportPage({ ...stored, comparisons, profiles, frontier, titles: await source.titlesOf(stored.manifest) }),
    findings: stored.sizeTrend.findings,
  };
};

/** Thresholds of tasks measured with both kinds of answers, side by side; empty if there are none. */
export const choiceAndWritingTable = (document: SweepDocument, names: Names): HtmlNode[] => {
  const pairs = choiceAndWriting(document);
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return [];
  return [
    html('h3', {}, 'Chosen and written answers'),
    ...(summary === null ? [] : [html('p', {}, summary)]),
    folded(
      `All ${pairs.length} pairs as a table`,
      columnsTable(
        'The same items and the same plans: how far a task is safe if the model chooses among answers, and ' +
          'if it writes them.',
        kindColumns,
        pairs,
        names,
      ),
    ),
  ];
};

/** Plans made from calibration items that were drawn again, in sentences and as a table; empty if there are none. */
export const luckTable = (
  source: Pick<ReportSource, 'document' | 'manifest' | 'titles'>,
  names: Names,
  worded: (sentence: string) => string,
): HtmlNode[] => {
  const { document } = source;
  const rows = luckRows(document);
  if (rows.length === 0) return [];
  return [
    html('h3', {}, 'Calibration draws'),
    ...luckSentences(document).map((sentence) => html('p', {}, worded(sentence))),
    folded('Values of the draws over the number of calibration items', luckFigures(source)),
    folded(
      `All ${rows.length} points over their draws as a table`,
      columnsTable(
        'The calibration items drawn again with replacement: the plans of each draw on the same test items.',
        luckColumns,
        rows,
        names,
      ),
    ),
  ];
};

/** Models with a sentence of their own; the matrix shows them all. */
const MOST_SENTENCES = 6;

/**
 * "safe to ×4 on 4 of 9 tasks, to ×2 on 4; too few items on 1": the best threshold of every task, after the choice
 * among all methods.
 */
const modelSentence = (sizeTrend: SizeTrendDocument, model: SizeTrendDocument['models'][number]): string => {
  const reached = ownTasks(sizeTrend, sizeTrend.tasks).flatMap((task) => {
    const { best, selected } = bestCell(sizeTrend, model, task, sizeTrend.methods);
    return (selected ?? best)?.best ?? [];
  });
  if (reached.length === 0) return 'not measured.';
  const told = reached.filter(({ verdict, lastSafe }) => !isNothingToLose(verdict) && lastSafe !== null);
  const safe = told.filter(({ lastSafe }) => (lastSafe ?? 1) > 1);
  const atChance = reached.filter(({ verdict }) => isNothingToLose(verdict)).length;
  const factors = [...new Set(safe.map(({ lastSafe }) => lastSafe ?? 1))].sort((left, right) => right - left);
  const tasks = ` of ${counted(reached.length, 'task')}`;
  const parts = factors.map((factor, index) => {
    const count = safe.filter(({ lastSafe }) => lastSafe === factor).length;
    return `${index === 0 ? 'safe ' : ''}to ${formatFactor(factor)} on ${count}${index === 0 ? tasks : ''}`;
  });
  const rest: readonly (readonly [words: string, count: number])[] = [
    ['at no tested factor on', told.length - safe.length],
    ['nothing to lose on', atChance],
    ['too few items on', reached.length - told.length - atChance],
  ];
  const clauses = [
    ...(parts.length === 0 ? [`safe on none${tasks}`] : [parts.join(', ')]),
    ...rest.filter(([, count]) => count > 0).map(([words, count]) => `${words} ${count}`),
  ];
  return `${clauses.join('; ')}.`;
};

/** Page one: how far each model can be pruned in a sentence each, one matrix, and one curve. */
const verdictSection = (source: ReportSource): HtmlNode[] => {
  const { sizeTrend } = source;
  const { models, methods, delta } = sizeTrend;
  const chosen = [...models].reverse().slice(0, MOST_SENTENCES);
  return [
    html(
      'ul',
      { class: 'verdict' },
      chosen.map((model) =>
        html(
          'li',
          {},
          html('b', {}, `${model.name}, ${counted(model.experts, 'expert')}: `),
          modelSentence(sizeTrend, model),
        ),
      ),
    ),
    html(
      'p',
      { class: 'muted' },
      `Safe: the loss is at most ${formatMargin(delta)}, by the lower end of the one-sided 95 % interval` +
        `${methods.length > 1 ? `, of the best of ${methods.length} methods after their selection` : ''}.`,
    ),
    ...bestFigures(source),
    ...firstCurve(source),
  ];
};

/** The findings as tables: a question each, in numbers. */
const findingsInNumbers = (sizeTrend: SizeTrendDocument): HtmlNode[] =>
  findingTables(sizeTrend)
    .filter(({ chart }) => PRINTED.includes(chart))
    .map(({ chart, note, columns, rows }) =>
      reportTable<readonly string[]>(
        htmlAll([html('b', {}, chartQuestion(chart)), ` ${note}`]),
        columns.map(({ title, isNumber }, index) => ({ title, isNumber, cell: (row) => row[index] ?? '' })),
        rows,
      ),
    );

/** Questions on the first pages; what is safe where stands in their matrix and in the appendix. */
const PRINTED: readonly Finding['chart'][] = ['threshold-over-experts', 'loss-over-share', 'pruned-against-scratch'];
