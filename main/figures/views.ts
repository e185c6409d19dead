import { present } from '../contract/errors.ts';
import type { CompareDocument } from '../contract/compare.ts';
import type { ExperimentDocument } from '../contract/experiment.ts';
import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import type { ModelTree } from '../evaluation/model-tree.ts';
import { factorInName } from '../words/numbers.ts';
import {
  atIndices,
  type ExpertOrder,
  goneThere,
  type Hatch,
  inOrder,
  largestCell,
  largestDifference,
  matrixDifference,
  type Subtracted,
} from './cell-matrix.ts';
import {
  amountScale,
  differenceScale,
  figureTheme,
  type FigureTheme,
  type TaskNaming,
  type ThemeName,
} from './colors.ts';
import { bestThresholdsCsv, bestThresholdsFigure } from './best-figure.ts';
import { compareFigure } from './compare-figure.ts';
import { type ChartFigure, onlyCharts } from './chart.ts';
import { drawChartFigure } from './chart-svg.ts';
import { type DifferenceView, differenceFigure, type RunsChart } from './difference-chart.ts';
import { modelChart, type ModelChartName } from './model-charts.ts';
import { modelTreeFigure } from './model-tree-figure.ts';
import { elsewhereFigure } from './elsewhere-figure.ts';
import { experimentPairsCsv } from './experiment-tables.ts';
import { frontierCsv } from './frontier-table.ts';
import { type FigureManifest, manifestLine, type RunsRecord } from './figure-manifest.ts';
import { fileNameOf, fileNames } from './file-names.ts';
import { heatmapFigure, type HeatmapFigure, heatmapPng } from './heatmap-figure.ts';
import { luckFigure, type LuckPicture } from './luck-figure.ts';
import { type MapScaling, shadedMap } from './map-scaling.ts';
import { type Deflate, pngTexts } from './png.ts';
import { profileCsv, profileMetric, type ProfileMetric } from './profile-table.ts';
import { type RunEntry, runsCsv } from './run-tables.ts';
import { shareFigure } from './share-figure.ts';
import { sizePairFigure } from './size-pair-figure.ts';
import { expertTrendFigure } from './size-trend-figure.ts';
import type { Drawing } from './svg.ts';
import { comparisonsCsv } from './compare-tables.ts';
import { equalKeptCsv, expertTrendsCsv, sharePointsCsv, sizePairsCsv } from './size-tables.ts';
import { calibrationDrawsCsv, choiceAndWritingCsv, elsewhereCsv, resultsCsv, thresholdsCsv } from './tables.ts';

/**
 * A view as files that are made on demand: a picture, if it has one, and its data. `uncurl figures` and the window both
 * use this: the same view gives the same bytes, but for the titles by which the window calls tasks.
 */
export interface ViewFiles {
  /** `name` has no extension: the picture may become SVG or PNG. `task`: how it calls tasks; default, by names. */
  readonly picture: { readonly name: string; readonly draw: (task?: TaskNaming) => Drawing } | null;
  /** Its manifest is saved beside it. */
  readonly table: { readonly name: string; readonly write: () => string; readonly manifest: FigureManifest };
}

/** The parts to draw; default: all. */
export interface Shown {
  readonly tasks?: readonly string[];
  readonly methods?: readonly string[];
}

type Names = ReadonlyMap<string, string>;

const modelFileNames = ({ results }: Pick<SweepDocument, 'results'>): Names =>
  fileNames(results.map(({ model }) => model));

interface SweepView {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly theme: ThemeName;
}

/** A chart of a model as a picture, with the titles of tasks that are asked for. */
const chartPicture = (
  name: string,
  manifest: FigureManifest,
  theme: ThemeName,
  make: (theme: FigureTheme) => ChartFigure | null,
): ViewFiles['picture'] => {
  if (make(figureTheme(theme)) === null) return null;
  const draw = (task?: TaskNaming): Drawing => {
    const figure = present(make(figureTheme(theme, task)), 'A chart that was there is gone.');
    return drawChartFigure(figure, manifest, figureTheme(theme, task));
  };
  return { name, draw };
};

const resultsTable = (document: SweepDocument, manifest: RunManifest): ViewFiles['table'] => ({
  name: 'results.csv',
  write: () => resultsCsv(document, manifest),
  manifest,
});

/** A chart of one model, and every result of the sweep (of the frontier: all measured models with their bytes). */
export const modelChartView = (
  { manifest, document, theme }: SweepView,
  model: string,
  chart: ModelChartName,
  { tasks, methods }: Shown = {},
): ViewFiles => {
  const { file, make, isOfMethods } = modelChart(chart);
  const picture = chartPicture(`${file}-${fileNameOf(modelFileNames(document), model)}`, manifest, theme, (look) => {
    const whole = make(document, model, look, { methods });
    return whole === null ? null : onlyCharts(whole, tasks);
  });
  const table = isOfMethods
    ? resultsTable(document, manifest)
    : { name: 'frontier.csv', write: () => frontierCsv(document, manifest) ?? '', manifest };
  return { picture, table };
};

/** The chart of the workbench, and every result of the sweep. */
export const differenceView = ({ manifest, document, theme }: SweepView, chart: DifferenceView): ViewFiles => ({
  picture: chartPicture(
    `difference-${fileNameOf(fileNames([chart.model]), chart.model)}--${chart.panels[0]?.task ?? ''}`,
    manifest,
    theme,
    (look) => (chart.panels.length === 0 ? null : differenceFigure(chart, document.rule, look)),
  ),
  table: resultsTable(document, manifest),
});

export interface RunsView {
  readonly entries: readonly RunEntry[];
  readonly theme: ThemeName;
}

/** Several runs: their curves for a model and a task, if there is such a chart, and every point of all of them. */
export const runsView = (
  { entries, theme }: RunsView,
  chartIn: (theme: FigureTheme) => RunsChart | null,
): ViewFiles => {
  const manifest: RunsRecord = { runs: entries.map(({ line }) => line.run) };
  const chart = chartIn(figureTheme(theme));
  const name = `runs-${fileNameOf(fileNames([chart?.model ?? '']), chart?.model ?? '')}--${chart?.task ?? ''}`;
  return {
    picture: chartPicture(name, manifest, theme, (look) => chartIn(look)?.figure ?? null),
    table: { name: 'runs.csv', write: () => runsCsv(entries, manifest), manifest },
  };
};

export const thresholdsView = ({ manifest, document }: Omit<SweepView, 'theme'>): ViewFiles => ({
  picture: null,
  table: { name: 'thresholds.csv', write: () => thresholdsCsv(document, manifest), manifest },
});

/** Thresholds of tasks measured with both kinds of answers: chosen and written. */
export const kindsView = ({ manifest, document }: Omit<SweepView, 'theme'>): ViewFiles => ({
  picture: null,
  table: { name: 'chosen-and-written.csv', write: () => choiceAndWritingCsv(document, manifest) ?? '', manifest },
});

/** Plans of one model and method on every task, and all of the sweep's plans on tasks that they were not made for. */
export const elsewhereView = (
  { manifest, document, theme }: SweepView,
  curve: { readonly model: string; readonly method: string },
): ViewFiles => ({
  picture: {
    name: `elsewhere-${fileNameOf(modelFileNames(document), curve.model)}--${fileNameOf(fileNames([]), curve.method)}`,
    draw: (task) => elsewhereFigure(document, curve, manifest, figureTheme(theme, task)),
  },
  table: { name: 'elsewhere.csv', write: () => elsewhereCsv(document, manifest) ?? '', manifest },
});

/** Plans of a sweep from calibration items that were drawn again: a picture of one model and factor, and all in CSV. */
export const calibrationDrawsView = ({ manifest, document, theme }: SweepView, shown: LuckPicture): ViewFiles => ({
  picture: chartPicture(
    `luck-${fileNameOf(modelFileNames(document), shown.model)}--${factorInName(shown.factor)}`,
    manifest,
    theme,
    (look) => luckFigure(document, shown, look),
  ),
  table: { name: 'calibration-draws.csv', write: () => calibrationDrawsCsv(document, manifest) ?? '', manifest },
});

/** Every model that a sweep made of one model, measured on one task, as a tree; and every result of the sweep. */
export const modelTreeView = (
  { manifest, document, theme }: SweepView,
  subject: { readonly model: string; readonly task: string },
  tree: ModelTree,
): ViewFiles => ({
  picture: {
    name: `map-of-models-${fileNameOf(modelFileNames(document), subject.model)}--${subject.task}`,
    draw: (task) => modelTreeFigure(tree, subject, document, manifest, figureTheme(theme, task)),
  },
  table: resultsTable(document, manifest),
});

interface ExperimentView {
  readonly manifest: RunManifest;
  readonly document: ExperimentDocument;
  readonly theme: ThemeName;
}

const memberFile = ({ models }: ExperimentDocument, model: string): string =>
  fileNameOf(fileNames(models.map(({ name }) => name)), model);

/** Every model that an experiment has measured of one member on one task, as a tree; and every pair of its arms. */
export const experimentTreeView = (
  { manifest, document, theme }: ExperimentView,
  subject: { readonly model: string; readonly task: string },
  tree: ModelTree,
): ViewFiles => ({
  picture: {
    name: `map-of-models-${memberFile(document, subject.model)}--${subject.task}`,
    draw: (task) => modelTreeFigure(tree, subject, unprunedRule(document), manifest, figureTheme(theme, task)),
  },
  table: { name: 'experiment-pairs.csv', write: () => experimentPairsCsv(document, manifest), manifest },
});

/** The rule of the verdicts against unpruned members. */
const unprunedRule = ({ answers }: ExperimentDocument): { readonly rule: string } => ({
  rule: answers.find(({ question }) => question === 'unpruned')?.rule ?? '',
});

interface SizeTrendView {
  readonly manifest: RunManifest;
  readonly sizeTrend: SizeTrendDocument;
  readonly theme: ThemeName;
}

const sizeView =
  (name: string, make: typeof expertTrendFigure, write: typeof expertTrendsCsv) =>
  ({ manifest, sizeTrend, theme }: SizeTrendView, shown: Shown = {}): ViewFiles => {
    const [tasks, methods] = shownParts(sizeTrend, shown);
    return {
      picture: chartPicture(name, manifest, theme, (look) => make(sizeTrend, tasks, look, methods)),
      table: { name: `${name}.csv`, write: () => write(sizeTrend, manifest), manifest },
    };
  };

/** Tasks and methods of a view, in the order of the document. */
const shownParts = (
  { tasks, methods }: SizeTrendDocument,
  shown: Shown,
): readonly [readonly string[], readonly string[]] => [
  tasks.filter((task) => shown.tasks?.includes(task) ?? true),
  methods.filter((method) => shown.methods?.includes(method) ?? true),
];

/** How far each model can be pruned for each task by the best method. */
export const bestThresholdsView = ({ manifest, sizeTrend, theme }: SizeTrendView, shown: Shown = {}): ViewFiles => {
  const [tasks, methods] = shownParts(sizeTrend, shown);
  const name = 'best-thresholds';
  return {
    picture: {
      name,
      draw: (task) => bestThresholdsFigure(sizeTrend, tasks, manifest, figureTheme(theme, task), methods),
    },
    table: { name: `${name}.csv`, write: () => bestThresholdsCsv(sizeTrend, manifest), manifest },
  };
};

export const expertTrendView = sizeView('thresholds-by-experts', expertTrendFigure, expertTrendsCsv);

export const shareView = sizeView('loss-by-dropped-share', shareFigure, sharePointsCsv);

/** Pruned large model against small model from scratch. */
export const sizePairView = sizeView('pruned-against-scratch', sizePairFigure, sizePairsCsv);

/** Models of neighbouring sizes pruned to the same number of experts. */
export const equalKeptView = ({ manifest, sizeTrend }: Omit<SizeTrendView, 'theme'>): ViewFiles => ({
  picture: null,
  table: { name: 'equal-kept-experts.csv', write: () => equalKeptCsv(sizeTrend, manifest), manifest },
});

export interface CompareView {
  readonly manifest: RunManifest;
  readonly comparison: CompareDocument;
  readonly theme: ThemeName;
}

export const compareView = ({ manifest, comparison, theme }: CompareView): ViewFiles => {
  const { model, models, answers, answersMeasured } = comparison;
  const kind = answersMeasured.length > 1 ? `-${answers}` : '';
  const name = `methods-compared-${fileNameOf(fileNames(models), model)}${kind}`;
  return {
    picture: { name, draw: (task) => compareFigure(comparison, manifest, figureTheme(theme, task)) },
    table: { name: `${name}.csv`, write: () => comparisonsCsv([comparison], manifest), manifest },
  };
};

export interface RoutingView {
  readonly manifest: FigureManifest;
  readonly model: string;
  readonly profile: TaskProfile;
  readonly metric: ProfileMetric['name'];
  /** Profiles of every task that share the colour scale, including this one. */
  readonly profiles: readonly TaskProfile[];
  readonly theme: ThemeName;
  /** How colours depend on values; absent: linear, one scale for all tasks of the model. */
  readonly scaling?: MapScaling;
  /** Another task or model, subtracted: then colours show a difference. */
  readonly minus?: Subtracted | null;
  /** Order of experts in each layer with its description; absent: by their numbers. */
  readonly order?: { readonly experts: ExpertOrder; readonly words: string } | null;
  /** Effect of a plan on each expert, [L][E]. */
  readonly hatches?: readonly (readonly Hatch[])[] | null;
}

/** File names of the models and tasks of profiles; a model of their sweep keeps its name there. */
export interface RoutingNames {
  readonly models: Names;
  readonly tasks: Names;
}

const routingName = ({ model, profile, metric, minus = null }: RoutingView, { models, tasks }: RoutingNames): string =>
  `heatmap-${fileNameOf(models, model)}--${fileNameOf(tasks, profile.task)}--${metric}` +
  (minus === null ? '' : `--minus-${fileNameOf(tasks, minus.name)}`);

/** Contents of a routing map before it is drawn: as SVG with axes, as PNG without. */
const routingMap = (view: RoutingView, task?: TaskNaming): HeatmapFigure => {
  const { manifest, model, profile, profiles, theme, minus = null, order = null, hatches = null } = view;
  const metric = profileMetric(view.metric);
  const metricMatrix = metric.matrix(profile);
  const look = figureTheme(theme, task);
  const [shownTask, other] = [look.task(profile.task), look.task(minus?.name ?? '')];
  const experts = order?.experts ?? null;
  const shared = {
    hatches: hatches === null ? [] : inOrder(hatches, experts),
    across: order === null ? 'expert' : `position in the layer, experts ${order.words}`,
    note: `Profile of ${profile.items} calibration items, ${profile.tokens} tokens. ${manifestLine(manifest)}.`,
    manifest,
    theme: look,
  };
  const whole =
    minus === null
      ? metricMatrix
      : matrixDifference(metricMatrix, atIndices(metric.matrix(minus.profile), minus.indices));
  const matrix = inOrder(whole, experts);
  const shaded = view.scaling === undefined ? null : shadedMap(matrix, view.scaling, minus !== null);
  if (minus !== null)
    return {
      ...shared,
      matrix,
      shaded,
      absent: goneThere(minus) === null ? 'never chosen' : `never chosen, or missing in ${other}`,
      scale: differenceScale(shaded === null ? largestDifference(matrix) : 1, theme),
      title: `${model} on ${shownTask} minus ${other}: ${metric.title}`,
      unit: `${metric.unit}; orange: more here, blue: more on ${other}`,
    };
  return {
    ...shared,
    matrix,
    shaded,
    // One scale for all tasks of a model, so that their maps are comparable.
    scale: amountScale(shaded === null ? largestCell(profiles.map(metric.matrix)) : 1),
    title: `${model} on ${shownTask}: ${metric.title}`,
    unit: metric.unit,
  };
};

/** A routing map, and the whole profile behind it. */
export const routingView = (view: RoutingView, names: RoutingNames): ViewFiles => {
  const { model, profile, manifest, hatches = null, minus = null } = view;
  return {
    picture: {
      name: routingName(view, names),
      draw: (task) => heatmapFigure(routingMap(view, task)),
    },
    table: {
      name: `profile-${fileNameOf(names.models, model)}--${fileNameOf(names.tasks, profile.task)}.csv`,
      write: () => profileCsv(model, profile, manifest, { minus, hatches }),
      manifest,
    },
  };
};

/** A routing map as pixels only, without axes and text, for hosts that cannot draw an SVG. */
export const routingPixels = (view: RoutingView, deflate: Deflate): Uint8Array => {
  const { matrix, scale, title, unit, note, manifest, theme } = routingMap(view);
  const description = `${unit}; colour scale cividis from ${scale.domain.join(' to ')}. ${note}`;
  return heatmapPng(matrix, scale, theme, pngTexts({ title, description, manifest }), deflate);
};
