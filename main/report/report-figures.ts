import type { RunManifest } from '../contract/run.ts';
import { ownTasks } from '../figures/best-cell.ts';
import { BEST_CAPTION, bestThresholdsFigure, CELL } from '../figures/best-figure.ts';
import { largestCell } from '../figures/cell-matrix.ts';
import type { ChartFigure } from '../figures/chart.ts';
import { chartColumns, chartRowHeight, drawChartFigure } from '../figures/chart-svg.ts';
import { pageTheme } from '../figures/colors.ts';
import { luckFigure, luckPictures } from '../figures/luck-figure.ts';
import { modelCharts } from '../figures/model-charts.ts';
import { profileMetrics } from '../figures/profile-matrices.ts';
import { routingBlockHeight, routingCaption, routingSheet } from '../figures/routing-sheet.ts';
import { shareFigure } from '../figures/share-figure.ts';
import { sizePairFigure } from '../figures/size-pair-figure.ts';
import { expertTrendFigure } from '../figures/size-trend-figure.ts';
import type { Drawing } from '../figures/svg.ts';
import { maxOf } from '../statistics/extremes.ts';
import { html, htmlFigure, type HtmlNode } from './html.ts';
import type { ReportSource } from './report-source.ts';

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

/** Best threshold of every model and task, which the window shows first. */
export const bestFigures = ({ sizeTrend, manifest }: ReportSource): HtmlNode[] =>
  sizeTrend.thresholds.length === 0
    ? []
    : parts(ownTasks(sizeTrend, sizeTrend.tasks), Math.floor(PAGE_HEIGHT / CELL.height) - 3).map((tasks) =>
        figure(bestThresholdsFigure(sizeTrend, tasks, manifest, pageTheme), BEST_CAPTION),
      );

/** A figure's charts, over as many pages as they need. */
export const chartFigures = (whole: ChartFigure, manifest: RunManifest): HtmlNode[] => {
  const rows = Math.max(1, Math.floor(PAGE_HEIGHT / chartRowHeight(whole)));
  return parts(whole.charts, rows * chartColumns(whole)).map((charts) =>
    figure(drawChartFigure({ ...whole, charts }, manifest, pageTheme), whole.caption),
  );
};

type Measured = Pick<ReportSource, 'document' | 'manifest'>;

/** The kinds of charts of each model that are `report`ed so and that the sweep measured; folded ones by their title. */
const kindsOf = ({ document, manifest }: Measured, report: 'shown' | 'folded', isOfMethods: boolean): HtmlNode[] =>
  modelCharts
    .filter((kind) => kind.report === report && kind.isOfMethods === isOfMethods)
    .flatMap(({ title, make }) => {
      const models = [...new Set(document.results.map(({ model }) => model))];
      const found = models.flatMap((model) => make(document, model, pageTheme) ?? []);
      const drawn = found.flatMap((one) => chartFigures(one, manifest));
      if (report === 'shown' || drawn.length === 0) return drawn;
      return [html('details', {}, html('summary', {}, title), drawn)];
    });

/** Quality against the pruning factor, then against other numbers, collapsed, as there are many. */
export const curveFigures = (source: Measured): HtmlNode[] => [
  ...kindsOf(source, 'shown', true),
  ...kindsOf(source, 'folded', true),
];

/** Quality against bytes, a line per type of weights, of every model measured at several types. */
export const frontierFigures = (source: Measured): HtmlNode[] => kindsOf(source, 'shown', false);

/** Luck over the number of calibration items, for each model and factor with calibration draws. */
export const luckFigures = ({ document, manifest }: Measured): HtmlNode[] =>
  luckPictures(document).flatMap((picture) => chartFigures(luckFigure(document, picture, pageTheme), manifest));

/** Threshold against pretraining experts. */
export const trendFigures = ({ sizeTrend, manifest }: ReportSource): HtmlNode[] =>
  chartFigures(expertTrendFigure(sizeTrend, sizeTrend.tasks, pageTheme), manifest);

export const shareFigures = ({ sizeTrend, manifest }: ReportSource): HtmlNode[] =>
  chartFigures(shareFigure(sizeTrend, sizeTrend.tasks, pageTheme), manifest);

/** Pruned large model against small model from scratch. */
export const pairFigures = ({ sizeTrend, manifest }: ReportSource): HtmlNode[] =>
  chartFigures(sizePairFigure(sizeTrend, sizeTrend.tasks, pageTheme), manifest);

/** Usage alone misleads, so the saliency is shown with it. */
const SHOWN_METRICS = ['share', 'reap'];

/** Routing of every model, tasks below one another: how often experts are chosen, and how much they matter. */
export const routingFigures = ({ profiles, manifest }: ReportSource): HtmlNode[] =>
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
              theme: pageTheme,
            }),
            `Measured on the calibration items of each task. ${routingCaption({ unit: metric.unit, blocks: part })}`,
            part.length * routingBlockHeight(layers) <= PAGE_HEIGHT / 2 ? 'half' : 'whole',
          ),
        );
      }),
  );
