import type { CompareDocument } from '../contract/compare.ts';
import { refuse } from '../contract/errors.ts';
import type { TaskProfile } from '../contract/profile.ts';
import type { RunManifest } from '../contract/run.ts';
import type { SizeTrendDocument } from '../contract/size-trend.ts';
import type { SweepDocument } from '../contract/sweep.ts';
import { figureTheme, type FigureTheme, type ThemeName } from './colors.ts';
import { curveFigure } from './curve-figure.ts';
import { curveSheets } from './curve-panels.ts';
import { heatmapFigure } from './heatmap-figure.ts';
import { heatmapPng, type Deflate } from './heatmap-png.ts';
import { largestCell, profileCsv, profileMetrics } from './profile-matrices.ts';
import { sizePairFigure } from './size-pair-figure.ts';
import { expertTrendFigure } from './size-trend-figure.ts';
import {
  comparisonsCsv,
  expertTrendsCsv,
  findingsMarkdown,
  resultsCsv,
  equalKeptCsv,
  sizePairsCsv,
  thresholdsCsv,
  thresholdsMarkdown,
} from './tables.ts';

/** A name that every file system takes: lower case letters, digits, dots, single dashes; at most 60 characters. */
const safeName = (name: string): string => {
  const safe = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 60);
  return safe === '' ? 'unnamed' : safe;
};

/** Safe names, each different: a second name that comes out the same gets `-2` and so on, in the order given. */
export const fileNames = (names: readonly string[]): ReadonlyMap<string, string> => {
  const taken = new Set<string>();
  const given = new Map<string, string>();
  for (const name of new Set(names)) {
    const safe = safeName(name);
    let free = safe;
    for (let count = 2; taken.has(free); count += 1) free = `${safe}-${count}`;
    taken.add(free);
    given.set(name, free);
  }
  return given;
};

export interface ModelProfiles {
  /** The model's name as the sweep's results have it. */
  readonly model: string;
  readonly profiles: readonly TaskProfile[];
}

/** What figures are drawn from: a sweep (also read as a family of models), profiles, or both. */
export interface FigureSource {
  readonly manifest: RunManifest;
  readonly document: SweepDocument | null;
  readonly family?: SizeTrendDocument;
  /** The methods against each other, per model. */
  readonly comparisons?: readonly CompareDocument[];
  readonly profiles: readonly ModelProfiles[];
  /** Compresses the pictures' pixels: this code knows no Node. */
  readonly deflate: Deflate;
}

export interface FigureFile {
  readonly name: string;
  readonly contents: string | Uint8Array;
}

type Names = ReadonlyMap<string, string>;
const nameOf = (names: Names, name: string): string => names.get(name) ?? name;

const sweepFiles = (
  document: SweepDocument,
  manifest: RunManifest,
  models: Names,
  theme: FigureTheme,
): FigureFile[] => [
  ...curveSheets(document).map((sheet) => ({
    name: `curves-${nameOf(models, sheet.model)}.svg`,
    contents: curveFigure(sheet, document.rule, manifest, theme),
  })),
  { name: 'results.csv', contents: resultsCsv(document, manifest) },
  { name: 'thresholds.csv', contents: thresholdsCsv(document, manifest) },
  { name: 'thresholds.md', contents: thresholdsMarkdown(document, manifest) },
];

/** Findings in words, and where the models of a sweep differ in the number of experts, what depends on it. */
const sizeTrendFiles = (family: SizeTrendDocument, manifest: RunManifest, theme: FigureTheme): FigureFile[] => [
  { name: 'findings.md', contents: findingsMarkdown(family, manifest) },
  ...(family.trends.length === 0
    ? []
    : [
        { name: 'thresholds-by-experts.svg', contents: expertTrendFigure(family, family.tasks, manifest, theme) },
        { name: 'thresholds-by-experts.csv', contents: expertTrendsCsv(family, manifest) },
      ]),
  ...(family.pairs.length === 0
    ? []
    : [
        { name: 'pruned-against-scratch.svg', contents: sizePairFigure(family, family.tasks, manifest, theme) },
        { name: 'pruned-against-scratch.csv', contents: sizePairsCsv(family, manifest) },
      ]),
  ...(family.equalKept.length === 0
    ? []
    : [{ name: 'equal-kept-experts.csv', contents: equalKeptCsv(family, manifest) }]),
];

const profileFiles = (
  { model, profiles }: ModelProfiles,
  manifest: RunManifest,
  models: Names,
  tasks: Names,
  theme: FigureTheme,
  deflate: Deflate,
): FigureFile[] => {
  const prefix = (task: string): string => `${nameOf(models, model)}--${nameOf(tasks, task)}`;
  const heatmaps = profileMetrics.flatMap((metric) => {
    const matrices = profiles.map((profile) => ({ profile, matrix: metric.matrix(profile) }));
    // One scale for all tasks of a model, so that their maps compare.
    const maximum = largestCell(matrices.map(({ matrix }) => matrix));
    return matrices.flatMap(({ profile, matrix }): FigureFile[] => {
      const title = `${model} on ${profile.task}: ${metric.title}`;
      const measured = `Profile of ${profile.items} calibration items, ${profile.tokens} tokens.`;
      const note = `${measured} Run ${manifest.id}, ${manifest.createdAt}.`;
      const name = `heatmap-${prefix(profile.task)}--${metric.name}`;
      return [
        {
          name: `${name}.svg`,
          contents: heatmapFigure({ title, unit: metric.unit, matrix, maximum, note, manifest, theme }),
        },
        {
          name: `${name}.png`,
          contents: heatmapPng(
            matrix,
            maximum,
            theme,
            {
              Title: title,
              Description: `${metric.unit}; colour scale cividis from 0 to ${maximum}. ${note}`,
              Manifest: JSON.stringify(manifest),
            },
            deflate,
          ),
        },
      ];
    });
  });
  const tables = profiles.map((profile) => ({
    name: `profile-${prefix(profile.task)}.csv`,
    contents: profileCsv(model, profile, manifest),
  }));
  return [...heatmaps, ...tables];
};

/**
 * Every figure and table of a run, as files to write: curves (SVG), heatmaps (SVG, and PNG without axes), results,
 * thresholds and profiles (CSV, Markdown), each with the run's manifest inside. Curves as PNG need a rasteriser, which
 * the engine does not have: the window offers them. Pure: the same source gives the same bytes.
 */
export const figures = (source: FigureSource, themeName: ThemeName = 'light'): FigureFile[] => {
  const { manifest, document, family, comparisons = [], profiles, deflate } = source;
  const theme = figureTheme(themeName);
  const models = fileNames([
    ...(document?.results.map(({ model }) => model) ?? []),
    ...profiles.map(({ model }) => model),
  ]);
  const tasks = fileNames(profiles.flatMap((one) => one.profiles.map(({ task }) => task)));
  const files = [
    ...(document === null || document.results.length === 0 ? [] : sweepFiles(document, manifest, models, theme)),
    ...(family === undefined || family.thresholds.length === 0 ? [] : sizeTrendFiles(family, manifest, theme)),
    ...(comparisons.length === 0
      ? []
      : [{ name: 'methods-compared.csv', contents: comparisonsCsv(comparisons, manifest) }]),
    ...profiles.flatMap((one) => profileFiles(one, manifest, models, tasks, theme, deflate)),
  ];
  if (files.length === 0) {
    throw refuse(
      'figures-nothing',
      `Run ${manifest.id} has neither results nor profiles to draw.`,
      'Choose a profile run, or a sweep that has measured at least one candidate.',
    );
  }
  return files;
};
