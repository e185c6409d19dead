import type { CompareDocument } from '../contract/compare.ts';
import { refuse } from '../contract/errors.ts';
import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import type { ThemeName } from './colors.ts';
import { fileNames } from './file-names.ts';
import { manifestFile } from './figure-manifest.ts';
import type { Deflate } from './png.ts';
import { profileMetrics } from './profile-table.ts';
import { elsewhereCurves } from './elsewhere-figure.ts';
import { luckPictures } from './luck-figure.ts';
import { modelCharts } from './model-charts.ts';
import { choiceAndWritingCsv, curtailedCsv, findingsMarkdown, thresholdsMarkdown } from './tables.ts';
import {
  bestThresholdsView,
  compareView,
  calibrationDrawsView,
  elsewhereView,
  equalKeptView,
  expertTrendView,
  modelChartView,
  type RoutingNames,
  routingPixels,
  type RoutingView,
  routingView,
  shareView,
  sizePairView,
  thresholdsView,
  type ViewFiles,
} from './views.ts';

export interface ModelProfiles {
  /** The model's name in the sweep's results. */
  readonly model: string;
  readonly profiles: readonly TaskProfile[];
}

/** Input of figures: a sweep (also analysed over the sizes of its models), profiles, or both. */
export interface FigureSource {
  readonly manifest: RunManifest;
  readonly document: SweepDocument | null;
  readonly sizeTrend?: SizeTrendDocument | undefined;
  /** Comparisons of methods, per model. */
  readonly comparisons?: readonly CompareDocument[];
  readonly profiles: readonly ModelProfiles[];
  /** Compresses the pictures' pixels: this code cannot use Node. */
  readonly deflate: Deflate;
}

export interface FigureFile {
  readonly name: string;
  readonly contents: string | Uint8Array;
}

const pictureFile = ({ picture }: ViewFiles): FigureFile[] =>
  picture === null ? [] : [{ name: `${picture.name}.svg`, contents: picture.draw().svg }];
const tableFile = ({ table }: ViewFiles): FigureFile => ({ name: table.name, contents: table.write() });
const viewFiles = (view: ViewFiles): FigureFile[] => [...pictureFile(view), tableFile(view)];

/** A table that only some sweeps have. */
const tableIfAny = (name: string, contents: string | null): FigureFile[] =>
  contents === null ? [] : [{ name, contents }];

const sweepFiles = (manifest: RunManifest, document: SweepDocument, theme: ThemeName): FigureFile[] => {
  const view = { manifest, document, theme };
  const models = [...new Set(document.results.map(({ model }) => model))];
  const charts = modelCharts.flatMap(({ name, isOfMethods }) =>
    models.map((model) => ({ isOfMethods, files: modelChartView(view, model, name) })),
  );
  const frontier = charts.filter(({ isOfMethods, files }) => !isOfMethods && files.picture !== null);
  const elsewhere = elsewhereCurves(document).map((curve) => elsewhereView(view, curve));
  const luck = luckPictures(document).map((shown) => calibrationDrawsView(view, shown));
  return [
    ...charts.filter(({ isOfMethods }) => isOfMethods).flatMap(({ files }) => pictureFile(files)),
    ...charts.slice(0, 1).map(({ files }) => tableFile(files)),
    ...viewFiles(thresholdsView(view)),
    { name: 'thresholds.md', contents: thresholdsMarkdown(document, manifest) },
    ...tableIfAny('chosen-and-written.csv', choiceAndWritingCsv(document, manifest)),
    ...elsewhere.flatMap(pictureFile),
    ...elsewhere.slice(0, 1).map(tableFile),
    ...luck.flatMap(pictureFile),
    ...luck.slice(0, 1).map(tableFile),
    ...tableIfAny('curtailed.csv', curtailedCsv(document, manifest)),
    ...frontier.flatMap(({ files }) => pictureFile(files)),
    ...frontier.slice(0, 1).map(({ files }) => tableFile(files)),
  ];
};

/** Findings in words, and if the models of a sweep differ in the number of experts, the analysis over sizes. */
const sizeTrendFiles = (manifest: RunManifest, sizeTrend: SizeTrendDocument, theme: ThemeName): FigureFile[] => {
  const view = { manifest, sizeTrend, theme };
  return [
    { name: 'findings.md', contents: findingsMarkdown(sizeTrend, manifest) },
    ...viewFiles(bestThresholdsView(view)),
    ...(sizeTrend.trends.length === 0 ? [] : viewFiles(expertTrendView(view))),
    ...(sizeTrend.sharePoints.length === 0 ? [] : viewFiles(shareView(view))),
    ...(sizeTrend.pairs.length === 0 ? [] : viewFiles(sizePairView(view))),
    ...(sizeTrend.equalKept.length === 0 ? [] : viewFiles(equalKeptView(view))),
  ];
};

const profileFiles = (
  { model, profiles }: ModelProfiles,
  manifest: RunManifest,
  names: RoutingNames,
  theme: ThemeName,
  deflate: Deflate,
): FigureFile[] => {
  const viewOf = (profile: TaskProfile, metric: string): RoutingView => ({
    manifest,
    model,
    profile,
    metric,
    profiles,
    theme,
  });
  const heatmaps = profileMetrics.flatMap(({ name: metric }) =>
    profiles.flatMap((profile): FigureFile[] => {
      const view = viewOf(profile, metric);
      const { picture } = routingView(view, names);
      return picture === null
        ? []
        : [
            { name: `${picture.name}.svg`, contents: picture.draw().svg },
            { name: `${picture.name}.png`, contents: routingPixels(view, deflate) },
          ];
    }),
  );
  const tables = profiles.flatMap((profile) =>
    profileMetrics.slice(0, 1).map(({ name }) => tableFile(routingView(viewOf(profile, name), names))),
  );
  return [...heatmaps, ...tables];
};

/**
 * Every figure and table of a run as files: curves and comparisons (SVG), heatmaps (SVG, and PNG without axes),
 * results, thresholds and profiles (CSV, Markdown), and the run's manifest, which pictures also hold. Other pictures as
 * PNG need a rasteriser, which only the window has. Pure: the same source gives the same bytes.
 */
export const figures = (source: FigureSource, theme: ThemeName = 'light'): FigureFile[] => {
  const { manifest, document, sizeTrend, comparisons = [], profiles, deflate } = source;
  const names = {
    models: fileNames([...(document?.results.map(({ model }) => model) ?? []), ...profiles.map(({ model }) => model)]),
    tasks: fileNames(profiles.flatMap((profile) => profile.profiles.map(({ task }) => task))),
  };
  const files = [
    ...(document === null || document.results.length === 0 ? [] : sweepFiles(manifest, document, theme)),
    ...(sizeTrend === undefined || sizeTrend.thresholds.length === 0 ? [] : sizeTrendFiles(manifest, sizeTrend, theme)),
    ...comparisons.flatMap((comparison) => viewFiles(compareView({ manifest, comparison, theme }))),
    ...profiles.flatMap((profile) => profileFiles(profile, manifest, names, theme, deflate)),
  ];
  if (files.length === 0) {
    throw refuse(
      'figures-nothing',
      `Run ${manifest.id} has neither results nor profiles to draw.`,
      'Choose a profile run, or a sweep that has measured at least one candidate.',
    );
  }
  return [...files, { name: 'manifest.json', contents: manifestFile(manifest) }];
};
