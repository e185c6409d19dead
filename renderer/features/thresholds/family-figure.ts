import type { RunManifest } from '../../../main/contract/run.ts';
import type { SizePair, SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { chartMarkup } from '../../figures/chart-markup.ts';
import { csvDocument, type CsvValue, type Figure } from '../../figures/csv.ts';
import { LEGEND_ROW, methodLegend } from '../../figures/method-legend.ts';
import { escapeXml, svgDocument } from '../../figures/svg-document.ts';
import type { ResolvedTheme } from '../../state/theme.ts';

/** Columns of saved thresholds, named as `uncurl figures` names them. */
export const thresholdColumns = [
  'method',
  'task',
  'experts',
  'model',
  'factor',
  'last_safe',
  'first_unsafe',
  'largest_tested',
  'delta',
  'n',
  'verdict',
] as const;

export const thresholdRow = (threshold: SizeThreshold): readonly CsvValue[] => [
  threshold.method,
  threshold.task,
  threshold.experts,
  threshold.model,
  threshold.factor,
  threshold.lastSafe,
  threshold.firstUnsafe,
  threshold.largestTested,
  threshold.delta,
  threshold.n,
  threshold.verdict,
];

/** Columns of saved comparisons, likewise. */
export const pairColumns = [
  'method',
  'seed',
  'task',
  'large',
  'large_experts',
  'small',
  'experts',
  'factor',
  'past_threshold',
  'metric',
  'n',
  'pruned',
  'scratch',
  'difference',
  'low',
  'high',
  'p',
  'lost',
  'gained',
  'reading',
] as const;

export const pairRow = (pair: SizePair): readonly CsvValue[] => [
  pair.method,
  pair.seed,
  pair.task,
  pair.large,
  pair.largeExperts,
  pair.small,
  pair.experts,
  pair.factor,
  pair.pastThreshold,
  pair.metric,
  pair.n,
  pair.pruned,
  pair.scratch,
  pair.difference,
  pair.low,
  pair.high,
  pair.p,
  pair.lost,
  pair.gained,
  pair.reading,
];

interface SizeTrendFigure {
  readonly kind: string;
  readonly title: string;
  /** How to read it. */
  readonly caption: string;
  readonly manifest: RunManifest;
  readonly family: SizeTrendDocument;
  /** Every method, and those on screen. */
  readonly methods: readonly string[];
  readonly shown: readonly string[];
  /** Charts on screen: ids of their elements, and what stands above each. */
  readonly charts: readonly { readonly id: string; readonly title: string }[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly CsvValue[])[];
  readonly theme: ResolvedTheme;
}

const COLUMNS = 3;
const GAP = 24;
const HEAD = 76;
const ABOVE = 22;
const LINE_CHARACTERS = 150;
const LINE_PX = 15;

const wrapped = (text: string, width: number): readonly string[] =>
  text.split(' ').reduce<readonly string[]>((lines, word) => {
    const last = lines.at(-1);
    return last !== undefined && last.length + word.length < width
      ? [...lines.slice(0, -1), `${last} ${word}`]
      : [...lines, word];
  }, []);

/** Small multiples on screen as one picture, with legend and rule, and the numbers behind them. */
export const sizeTrendChart = (figure: SizeTrendFigure): Figure => {
  const { kind, manifest, family, methods, shown, theme } = figure;
  const panels = figure.charts.flatMap(({ id, title }) => {
    const chart = chartMarkup(id);
    return chart === null ? [] : [{ title, chart }];
  });
  const cell = {
    width: Math.max(0, ...panels.map(({ chart }) => chart.width)),
    height: Math.max(0, ...panels.map(({ chart }) => chart.height)),
  };
  const columns = Math.max(1, Math.min(COLUMNS, panels.length));
  const ink = theme === 'dark' ? '#e6e8eb' : '#1b1d20';
  const title = `${figure.title}: ${manifest.title}`;
  const background = theme === 'dark' ? '#17191c' : '#ffffff';
  const width = Math.max(720, GAP + columns * (cell.width + GAP));
  const legend = methodLegend({ methods, shown, theme, ink, background, left: GAP, top: 52, width: width - 2 * GAP });
  const head = HEAD + (legend.rows - 1) * LEGEND_ROW;
  const bodies = panels.map(({ title: name, chart }, index) => {
    const x = GAP + (index % columns) * (cell.width + GAP);
    const y = head + Math.floor(index / columns) * (cell.height + ABOVE + GAP);
    return (
      `<g transform="translate(${x} ${y})"><text x="30" y="12" font-weight="bold" ` +
      `fill="${ink}">${escapeXml(name)}</text><g transform="translate(0 ${ABOVE})">${chart.markup}</g></g>`
    );
  });
  const lines = wrapped(
    `${figure.caption} ${family.rule}`,
    Math.min(LINE_CHARACTERS, Math.floor((width - 2 * GAP) / 5.6)),
  );
  const captionTop = head + Math.max(1, Math.ceil(panels.length / columns)) * (cell.height + ABOVE + GAP);
  const caption = lines.map(
    (line, index) =>
      `<text x="${GAP}" y="${captionTop + index * LINE_PX}" font-size="11" fill="${ink}">${escapeXml(line)}</text>`,
  );
  const size = { width, height: captionTop + lines.length * LINE_PX + GAP };
  const figureManifest = { kind, delta: family.delta, rule: family.rule, run: manifest };
  return {
    ...size,
    manifest: figureManifest,
    svg: svgDocument({
      ...size,
      title,
      background,
      manifest: figureManifest,
      body: [
        `<text x="${GAP}" y="28" font-size="15" font-weight="bold" fill="${ink}">${escapeXml(title)}</text>`,
        ...legend.markup,
        ...bodies,
        ...caption,
      ].join('\n'),
    }),
    csv: csvDocument(figureManifest, figure.columns, figure.rows),
  };
};
