import { groupBy } from '../evaluation/threshold.ts';
import { axisCaption, axisFigure, axisTasks, hasAxis, PANEL } from '../figures/axis-figure.ts';
import { ownTasks } from '../figures/best-cell.ts';
import { BEST_CAPTION, bestThresholdsFigure, CELL } from '../figures/best-figure.ts';
import { largestCell } from '../figures/cell-matrix.ts';
import { pageTheme } from '../figures/colors.ts';
import { curveCaption, curveFigure, stripHeight } from '../figures/curve-figure.ts';
import { curveSheets } from '../figures/curve-panels.ts';
import { FRONTIER_CAPTION, frontierFigure, frontierTasks, hasFrontier } from '../figures/frontier-figure.ts';
import { LUCK_CAPTION, luckFigure, luckPictures } from '../figures/luck-figure.ts';
import { profileMetrics } from '../figures/profile-matrices.ts';
import { routingBlockHeight, routingCaption, routingSheet } from '../figures/routing-sheet.ts';
import { SHARE_CAPTION, SHARE_PANEL_HEIGHT, shareFigure } from '../figures/share-figure.ts';
import { pairPanelHeight, pairPanels, SIZE_PAIR_CAPTION, sizePairFigure } from '../figures/size-pair-figure.ts';
import { expertTrendCaption, expertTrendFigure } from '../figures/size-trend-figure.ts';
import type { Drawing } from '../figures/svg.ts';
import { maxOf } from '../statistics/extremes.ts';
import { html, htmlFigure, type HtmlNode } from './html.ts';
import type { ReportSource } from './report-source.ts';

/** Space for small multiples on a page, in the figures' own pixels: a figure wider than the paper is scaled down. */
const PAGE_HEIGHT = 1080;
const COLUMNS = 3;
const CURVE_PANEL_HEIGHT = 270;
const TREND_PANEL_HEIGHT = 264;
const LUCK_PANEL_HEIGHT = 250;

/** Splits into parts of at most `size` items, as even as possible. */
const parts = <T>(items: readonly T[], size: number): T[][] => {
  const count = Math.ceil(items.length / size);
  const each = Math.ceil(items.length / Math.max(1, count));
  return Array.from({ length: count }, (_, index) => items.slice(index * each, (index + 1) * each));
};

/** Number of small multiples that fit on a page. */
const perPage = (panelHeight: number): number => COLUMNS * Math.max(1, Math.floor(PAGE_HEIGHT / panelHeight));

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

/** Quality against pruning factor, a figure per model. */
export const curveFigures = ({ document, manifest }: ReportSource): HtmlNode[] =>
  curveSheets(document).flatMap((sheet) =>
    parts(sheet.panels, perPage(CURVE_PANEL_HEIGHT + stripHeight(sheet.methods.length))).map((panels) =>
      figure(curveFigure({ ...sheet, panels }, document.rule, manifest, pageTheme), curveCaption({ ...sheet, panels })),
    ),
  );

/** Small multiples of quality against an axis that fit on a page. */
const AXIS_PANELS = perPage(PANEL.height + PANEL.below);

const AXES = { bytes: 'bytes', dropped: 'dropped share', kl: 'KL' } as const;

/** Quality against bytes, dropped share and KL, for each model whose points have them; collapsed, as there are many. */
export const axisFigures = ({ document, manifest }: ReportSource): HtmlNode[] =>
  (['bytes', 'dropped', 'kl'] as const).flatMap((axis) => {
    const models = [...new Set(document.results.map(({ model }) => model))].filter((model) =>
      hasAxis(document, model, axis),
    );
    if (models.length === 0) return [];
    const figures = models.flatMap((model) =>
      parts(axisTasks(document, model, axis), AXIS_PANELS).map((tasks) =>
        figure(axisFigure(document, model, axis, manifest, pageTheme, tasks), axisCaption(axis)),
      ),
    );
    return [html('details', {}, html('summary', {}, `Quality against ${AXES[axis]}`), figures)];
  });

/** Quality against bytes, a line per type of weights, of every model measured at several types. */
export const frontierFigures = ({ document, manifest }: ReportSource): HtmlNode[] =>
  [...new Set(document.results.map(({ model }) => model))]
    .filter((model) => hasFrontier(document, model))
    .flatMap((model) =>
      parts(frontierTasks(document, model), AXIS_PANELS).map((tasks) =>
        figure(frontierFigure(document, model, manifest, pageTheme, tasks), FRONTIER_CAPTION),
      ),
    );

/** Luck over the number of calibration items, for each model and factor with calibration draws. */
export const luckFigures = ({ document, manifest }: Pick<ReportSource, 'document' | 'manifest'>): HtmlNode[] =>
  luckPictures(document).flatMap((picture) =>
    parts(
      groupBy(picture.points, ({ task }) => task),
      perPage(LUCK_PANEL_HEIGHT),
    ).map((tasks) =>
      figure(luckFigure(document, { ...picture, points: tasks.flat() }, manifest, pageTheme), LUCK_CAPTION),
    ),
  );

/** Threshold against pretraining experts. */
export const trendFigures = ({ sizeTrend, manifest }: ReportSource): HtmlNode[] =>
  parts(sizeTrend.methods, perPage(TREND_PANEL_HEIGHT)).map((methods) =>
    figure(expertTrendFigure(sizeTrend, sizeTrend.tasks, manifest, pageTheme, methods), expertTrendCaption(sizeTrend)),
  );

export const shareFigures = ({ sizeTrend, manifest }: ReportSource): HtmlNode[] =>
  parts(
    sizeTrend.methods.filter((method) => sizeTrend.sharePoints.some((point) => point.method === method)),
    perPage(SHARE_PANEL_HEIGHT),
  ).map((methods) => figure(shareFigure(sizeTrend, sizeTrend.tasks, manifest, pageTheme, methods), SHARE_CAPTION));

/** Pruned large model against small model from scratch. */
export const pairFigures = ({ sizeTrend, manifest }: ReportSource): HtmlNode[] => {
  const panels = pairPanels(sizeTrend.pairs, sizeTrend.tasks);
  const rows = maxOf([1, ...panels.map((panel) => panel.rows.length)]);
  return parts(panels, perPage(pairPanelHeight(rows, sizeTrend.methods.length))).map((part) =>
    figure(
      sizePairFigure(
        sizeTrend,
        part.map(({ task }) => task),
        manifest,
        pageTheme,
      ),
      SIZE_PAIR_CAPTION,
    ),
  );
};

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
