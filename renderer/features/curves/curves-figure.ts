import type { RunManifest } from '../../../main/contract/run.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { chartMarkup } from '../../figures/chart-markup.ts';
import { csvDocument } from '../../figures/csv.ts';
import type { Figure } from '../../figures/csv.ts';
import { LEGEND_ROW, methodLegend } from '../../figures/method-legend.ts';
import { escapeXml, svgDocument } from '../../figures/svg-document.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import type { TaskCurves } from './task-curves.ts';

interface CurvesFigure {
  readonly manifest: RunManifest;
  readonly document: SweepDocument;
  readonly model: string | null;
  readonly methods: readonly string[];
  readonly hidden: readonly string[];
  readonly curves: readonly TaskCurves[];
  readonly tasks: readonly TaskEntry[];
  readonly delta: number;
  readonly theme: ResolvedTheme;
}

const COLUMNS = 3;
const GAP = 24;
const HEAD = 76;
const CAPTION = 22;
/** Room for a legend of four methods beside each other. */
const MIN_WIDTH = 560;

/** The charts on screen, side by side in one picture, and every point of their model as a table. */
export const curvesFigure = ({
  manifest,
  document,
  model,
  methods,
  hidden,
  curves,
  tasks,
  delta,
  theme,
}: CurvesFigure): Figure => {
  const panels = curves.flatMap((task) => {
    const chart = chartMarkup(`curve-${task.task}`);
    return chart === null ? [] : [{ task, chart }];
  });
  const width = Math.max(0, ...panels.map(({ chart }) => chart.width));
  const height = Math.max(0, ...panels.map(({ chart }) => chart.height));
  const columns = Math.max(1, Math.min(COLUMNS, panels.length));
  const ink = theme === 'dark' ? '#e6e8eb' : '#1b1d20';
  const title = `${manifest.title}${model === null ? '' : `: ${model}`}`;
  const background = theme === 'dark' ? '#17191c' : '#ffffff';
  const pageWidth = Math.max(MIN_WIDTH, GAP + columns * (width + GAP));
  const shown = methods.filter((method) => !hidden.includes(method));
  const legend = methodLegend({
    methods,
    shown,
    theme,
    ink,
    background,
    left: GAP,
    top: 52,
    width: pageWidth - 2 * GAP,
  });
  const head = HEAD + (legend.rows - 1) * LEGEND_ROW;
  const bodies = panels.map(({ task, chart }, index) => {
    const x = GAP + (index % columns) * (width + GAP);
    const y = head + Math.floor(index / columns) * (height + CAPTION + GAP);
    const name = tasks.find((known) => known.name === task.task)?.title ?? task.task;
    return (
      `<g transform="translate(${x} ${y})"><text x="36" y="12" font-weight="bold" ` +
      `fill="${ink}">${escapeXml(name)}</text><g transform="translate(0 ${CAPTION})">${chart.markup}</g></g>`
    );
  });
  const size = {
    width: pageWidth,
    height: head + Math.max(1, Math.ceil(panels.length / columns)) * (height + CAPTION + GAP),
  };
  const figureManifest = { kind: 'uncurl-curves', delta, rule: document.rule, run: manifest };
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
      ].join('\n'),
    }),
    csv: csvDocument(
      figureManifest,
      [
        'model',
        'task',
        'method',
        'seed',
        'factor',
        'kept',
        'n',
        'metric',
        'value',
        'difference',
        'low',
        'high',
        'low_one_sided',
        'p',
        'lost',
        'gained',
        'truncated',
      ],
      document.results.map((result) => [
        result.model,
        result.task,
        result.method,
        result.seed,
        result.factor,
        result.kept,
        result.n,
        result.metric,
        result.value,
        result.difference,
        result.low,
        result.high,
        result.lowOneSided,
        result.p,
        result.lost,
        result.gained,
        result.truncated,
      ]),
    ),
  };
};
