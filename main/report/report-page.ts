import { refuse } from '../contract/errors.ts';
import type { Finding } from '../contract/size-trend.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { choiceWarnings } from '../evaluation/fidelity.ts';
import { luckSentences } from '../evaluation/calibration-luck.ts';
import { choiceAndWriting, reachSummary } from '../evaluation/choice-and-writing.ts';
import { frontierWords } from '../evaluation/frontier.ts';
import type { AskedReading } from '../evaluation/threshold-family.ts';
import { kindColumns, luckColumns, luckRows } from '../figures/tables.ts';
import { readFrontier, readReportComparisons, readRunProfiles, readStoredSweep } from '../runs/read-run.ts';
import type { RunSource } from '../runs/run-source.ts';
import { chartQuestion, sweepNotes } from '../words/verdicts.ts';
import { columnsTable, html, type HtmlNode, notes } from './html.ts';
import { htmlPage, reportName, type Section } from './page.ts';
import {
  bestFigures,
  curveFigures,
  frontierFigures,
  luckFigures,
  pairFigures,
  routingFigures,
  shareFigures,
  trendFigures,
} from './report-figures.ts';
import { definitionSection, recordSection, reportHeader } from './report-header.ts';
import { curtailedTable, measurementTables, methodComparisons } from './report-methods.ts';
import type { ReportSource } from './report-source.ts';
import {
  chartFindings,
  equalKeptTable,
  keyFindings,
  pairTable,
  safeCountTables,
  thresholdMatrices,
} from './report-thresholds.ts';

const sizeTrendSections = (source: ReportSource): Section[] => {
  const { sizeTrend } = source;
  if (sizeTrend.trends.length === 0) return [];
  const overExperts: Section = {
    id: 'experts',
    title: 'Threshold and number of experts',
    content: [
      ...trendFigures(source),
      chartFindings(sizeTrend.findings, 'threshold-over-experts'),
      html('h3', {}, 'How many thresholds reach a factor'),
      chartFindings(sizeTrend.findings, 'safe-tasks'),
      safeCountTables(sizeTrend),
      ...(sizeTrend.sharePoints.length === 0
        ? []
        : [
            html('h3', {}, chartQuestion('loss-over-share')),
            ...shareFigures(source),
            chartFindings(sizeTrend.findings, 'loss-over-share'),
          ]),
    ],
  };
  const pairs: Section = {
    id: 'scratch',
    title: 'Pruned large, or trained small?',
    content: [
      ...pairFigures(source),
      chartFindings(sizeTrend.findings, 'pruned-against-scratch'),
      pairTable(sizeTrend),
      equalKeptTable(sizeTrend),
    ],
  };
  return [overExperts, ...(sizeTrend.pairs.length > 0 ? [pairs] : [])];
};

/** Above figures and tables that are collapsed. */
const NOT_PRINTED = html(
  'p',
  { class: 'muted' },
  'Collapsed figures and tables are not printed: expand those that you want on paper.',
);

const sections = (source: ReportSource): Section[] => {
  const { manifest, document, sizeTrend, comparisons = [], profiles, frontier } = source;
  return [
    {
      id: 'findings',
      title: 'Findings',
      content: [keyFindings(sizeTrend.findings), ...notes(sizeTrend.notes)],
    },
    {
      id: 'thresholds',
      title: 'Thresholds',
      content: [
        html('p', {}, sizeTrend.rule),
        ...bestFigures(source),
        thresholdMatrices(sizeTrend),
        ...choiceAndWritingTable(document),
        ...luckTable(source),
        ...notes([choiceWarnings(document.results)].flatMap((warning) => warning ?? [])),
      ],
    },
    { id: 'curves', title: 'Curves', content: [NOT_PRINTED, ...curveFigures(source)] },
    ...(frontier === undefined
      ? []
      : [
          {
            id: 'frontier',
            title: 'Prune or quantise?',
            content: [...frontierFigures(source), ...notes(frontier.summary), ...notes(frontier.findings)],
          },
        ]),
    ...(comparisons.length > 0
      ? [{ id: 'methods', title: 'Methods compared', content: methodComparisons(comparisons) }]
      : []),
    ...sizeTrendSections(source),
    ...(profiles.length > 0 ? [{ id: 'routing', title: 'Routing', content: routingFigures(source) }] : []),
    {
      id: 'measurements',
      title: 'Measurements',
      content: [NOT_PRINTED, measurementTables(document), ...curtailedTable(document), ...notes(sweepNotes(document))],
    },
    { id: 'definitions', title: 'Definitions', content: definitionSection(source) },
    { id: 'record', title: 'Record', content: recordSection(manifest) },
  ];
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
    `Run ${manifest.id}, ${manifest.createdAt}. Every number on this page is computed from the run\u2019s ` +
    `stored outcomes.`;
  return htmlPage({ manifest, header: reportHeader(source), parts: sections(source), origin });
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
  const pairs = (await readFrontier(source, stored.document))?.pairs;
  const frontier = pairs && frontierWords(pairs);
  return {
    name: reportName(stored.manifest),
    html: reportPage({ ...stored, comparisons, profiles, frontier }),
    findings: stored.sizeTrend.findings,
  };
};

/** Thresholds of tasks measured with both kinds of answers, side by side; empty if there are none. */
export const choiceAndWritingTable = (document: SweepDocument): HtmlNode[] => {
  const pairs = choiceAndWriting(document);
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return [];
  return [
    html('h3', {}, 'Chosen and written answers'),
    ...(summary === null ? [] : [html('p', {}, summary)]),
    html(
      'details',
      {},
      html('summary', {}, `All ${pairs.length} pairs as a table`),
      columnsTable(
        'The same items and the same plans: how far a task is safe if the model chooses among answers, and ' +
          'if it writes them.',
        kindColumns,
        pairs,
      ),
    ),
  ];
};

/** Plans made from calibration items that were drawn again, in sentences and as a table; empty if there are none. */
export const luckTable = (source: Pick<ReportSource, 'document' | 'manifest'>): HtmlNode[] => {
  const { document } = source;
  const rows = luckRows(document);
  if (rows.length === 0) return [];
  return [
    html('h3', {}, 'Calibration draws'),
    ...luckSentences(document).map((sentence) => html('p', {}, sentence)),
    html(
      'details',
      {},
      html('summary', {}, 'Values of the draws over the number of calibration items'),
      luckFigures(source),
    ),
    html(
      'details',
      {},
      html('summary', {}, `All ${rows.length} points over their draws as a table`),
      columnsTable(
        'The calibration items drawn again with replacement: the plans of each draw on the same test items.',
        luckColumns,
        rows,
      ),
    ),
  ];
};
