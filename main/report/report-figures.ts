import type { RunManifest } from '../contract/run.ts';
import { ownTasks } from '../figures/best-cell.ts';
import { BEST_CAPTION, bestThresholdsFigure, CELL } from '../figures/best-figure.ts';
import { largestCell } from '../figures/cell-matrix.ts';
import type { ChartFigure } from '../figures/chart.ts';
import { chartColumns, chartRowHeight, drawChartFigure } from '../figures/chart-svg.ts';
import { differenceFigure, differencePanel } from '../figures/difference-chart.ts';
import { type FigureTheme, pageTheme } from '../figures/colors.ts';
import { luckFigure, luckPictures } from '../figures/luck-figure.ts';
import { modelCharts } from '../figures/model-charts.ts';
import { profileMetrics } from '../figures/profile-table.ts';
import { routingBlockHeight, routingCaption, routingSheet } from '../figures/routing-sheet.ts';
import { shareFigure } from '../figures/share-figure.ts';
import { sizePairFigure } from '../figures/size-pair-figure.ts';
import { expertTrendFigure } from '../figures/size-trend-figure.ts';
import type { Drawing } from '../figures/svg.ts';
import { maxOf } from '../statistics/extremes.ts';
import { folded, html, htmlFigure, type HtmlNode } from './html.ts';
import { namesOf, type ReportSource } from './report-source.ts';

/** Space for small multiples on a page, in the figures' own pixels: a figure wider than the paper is scaled down. */
const PAGE_HEIGHT = 1080;

/** Splits into parts of at most `size` items, as even as possible. */
const parts = <T>(items: readonly T[], size: number): T[][] => {
  const count = Math.ceil(items.length / size);
  const each = Math.ceil(items.length / Math.max(1, count));
  return Array.from({ length: count }, (_, index) => items.slice(index * each, (index + 1) * each));
};

const figure = ({ svg }: Drawing, caption: string, size: 'whole' | 'half' = 'whole'): HtmlNode =>
  html(
    'figure',
    {},
    html('div', { class: size === 'half' ? 'chart half' : 'chart' }, htmlFigure(svg)),
    html('figcaption', {}, caption),
  );

/** The colours of the page, and the titles of tasks. */
const themeOf = (source: Pick<ReportSource, 'titles'>): FigureTheme => ({ ...pageTheme, task: namesOf(source).task });

/** Best threshold of every model and task, which the window shows first. */
export const bestFigures = ({ sizeTrend, manifest, titles }: ReportSource): HtmlNode[] =>
  sizeTrend.thresholds.length === 0
    ? []
    : parts(ownTasks(sizeTrend, sizeTrend.tasks), Math.floor(PAGE_HEIGHT / CELL.height) - 3).map((tasks) =>
        figure(bestThresholdsFigure(sizeTrend, tasks, manifest, themeOf({ titles })), BEST_CAPTION),
      );

/** A figure's charts, over as many pages as they need. */
export const chartFigures = (whole: ChartFigure, manifest: RunManifest): HtmlNode[] => {
  const rows = Math.max(1, Math.floor(PAGE_HEIGHT / chartRowHeight(whole)));
  return parts(whole.charts, rows * chartColumns(whole)).map((charts) =>
    figure(drawChartFigure({ ...whole, charts }, manifest, pageTheme), whole.caption),
  );
};

type Measured = Pick<ReportSource, 'document' | 'manifest' | 'titles'>;

/** The kinds of charts of each model that are `report`ed so and that the sweep measured; folded ones by their title. */
const kindsOf = (
  { document, manifest, titles }: Measured,
  report: 'shown' | 'folded',
  isOfMethods: boolean,
  models: readonly string[] = [...new Set(document.results.map(({ model }) => model))],
): HtmlNode[] =>
  modelCharts
    .filter((kind) => kind.report === report && kind.isOfMethods === isOfMethods)
    .flatMap(({ title, make }) => {
      const found = models.flatMap((model) => make(document, model, themeOf({ titles })) ?? []);
      const drawn = found.flatMap((entry) => chartFigures(entry, manifest));
      if (report === 'shown' || drawn.length === 0) return drawn;
      return [folded(title, drawn)];
    });

/** The model whose curves the report shows first: the one with the most experts. */
export const firstModel = ({ sizeTrend }: Pick<ReportSource, 'sizeTrend'>): string | null =>
  sizeTrend.models.at(-1)?.name ?? null;

/** Difference to unpruned against the factor, of the first model on its first task. */
export const firstCurve = (source: ReportSource): HtmlNode[] => {
  const { document, sizeTrend, manifest } = source;
  const model = firstModel(source);
  const matchingResults = document.results.filter((result) => result.model === model);
  const task = ownTasks(sizeTrend, sizeTrend.tasks).find((name) =>
    matchingResults.some((entry) => entry.task === name),
  );
  const panel = differencePanel(
    matchingResults.filter((entry) => entry.task === task),
    sizeTrend.delta,
    document.multiplicity?.alpha,
  );
  if (model === null || panel === null) return [];
  const { methods } = sizeTrend;
  const largestFactor = maxOf(matchingResults.map(({ factor }) => factor));
  const view = { model, panels: [panel], methods, shown: methods, largestFactor, otherRuns: [] };
  return chartFigures(differenceFigure(view, document.rule, themeOf(source)), manifest);
};

/** Quality against the pruning factor of the first model. */
export const curveFigures = (source: ReportSource): HtmlNode[] =>
  kindsOf(source, 'shown', true, [firstModel(source) ?? []].flat());

/** The same of the other models, then quality against other numbers. */
export const otherCurves = (source: ReportSource): HtmlNode[] => [
  ...kindsOf(
    source,
    'shown',
    true,
    [...new Set(source.document.results.map(({ model }) => model))].filter((model) => model !== firstModel(source)),
  ),
  ...kindsOf(source, 'folded', true),
];

/** Quality against bytes, a line per type of weights, of every model measured at several types. */
export const frontierFigures = (source: Measured): HtmlNode[] => kindsOf(source, 'shown', false);

/** Luck over the number of calibration items, for each model and factor with calibration draws. */
export const luckFigures = ({ document, manifest, titles }: Measured): HtmlNode[] =>
  luckPictures(document).flatMap((picture) =>
    chartFigures(luckFigure(document, picture, themeOf({ titles })), manifest),
  );

/** Threshold against pretraining experts. */
export const trendFigures = ({ sizeTrend, manifest, titles }: ReportSource): HtmlNode[] =>
  chartFigures(expertTrendFigure(sizeTrend, sizeTrend.tasks, themeOf({ titles })), manifest);

export const shareFigures = ({ sizeTrend, manifest, titles }: ReportSource): HtmlNode[] =>
  chartFigures(shareFigure(sizeTrend, sizeTrend.tasks, themeOf({ titles })), manifest);

/** Pruned large model against small model from scratch. */
export const pairFigures = ({ sizeTrend, manifest, titles }: ReportSource): HtmlNode[] =>
  chartFigures(sizePairFigure(sizeTrend, sizeTrend.tasks, themeOf({ titles })), manifest);

/** Usage alone misleads, so the saliency is shown with it. */
const SHOWN_METRICS = ['share', 'reap'];

/** Routing of every model, tasks below one another: how often experts are chosen, and how much they matter. */
export const routingFigures = ({ profiles, manifest, titles }: ReportSource): HtmlNode[] =>
  profiles.flatMap(({ model, profiles: ofModel }) =>
    profileMetrics
      .filter(({ name }) => SHOWN_METRICS.includes(name))
      .flatMap((metric) => {
        const blocks = ofModel.map((profile) => ({ task: profile.task, matrix: metric.matrix(profile) }));
        const maximum = largestCell(blocks.map(({ matrix }) => matrix));
        const layers = maxOf([1, ...blocks.map(({ matrix }) => matrix.length)]);
        return parts(blocks, Math.max(1, Math.floor(PAGE_HEIGHT / routingBlockHeight(layers)))).map((part) =>
          figure(
            routingSheet({
              title: `${model}: ${metric.title}`,
              unit: metric.unit,
              blocks: part,
              maximum,
              manifest,
              theme: themeOf({ titles }),
            }),
            `Measured on the calibration items of each task. ${routingCaption({ unit: metric.unit, blocks: part })}`,
            part.length * routingBlockHeight(layers) <= PAGE_HEIGHT / 2 ? 'half' : 'whole',
          ),
        );
      }),
  );
