import { distinct } from '../contract/distinct.ts';
import type { SharePoint, SizeTrendDocument } from '../contract/size-trend.ts';
import { factorKey } from '../contract/sweep.ts';
import { type AnswerKind, answerKind } from '../contract/task.ts';
import { groupBy } from '../evaluation/threshold.ts';
import { mean } from '../statistics/bootstrap.ts';
import { methodTitle } from '../words/methods.ts';
import { counted, formatDifferenceInUnit, formatFactor, formatPercent } from '../words/numbers.ts';
import { type Chart, type ChartAxis, type ChartFigure, type ChartSeries, linearAxis, tickText } from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { type MethodMark, methodMarks } from './method-marks.ts';

/** Dropped share and loss of one size at each factor, over tasks and draws; begins where nothing is dropped. */
interface ShareLine {
  readonly experts: number;
  readonly answers: AnswerKind;
  readonly points: readonly { readonly factor: number; readonly share: number; readonly difference: number }[];
}

/**
 * Lines of one method, multiple choice first, then by rising E: means over models of a size, tasks and draws. A factor
 * is only drawn if it was measured on every task of the line, so that all means are over the same tasks.
 */
export const shareLines = (points: readonly SharePoint[]): ShareLine[] =>
  answerKind.options.flatMap((answers) => {
    const rising = points.filter((point) => point.answers === answers).sort((a, b) => a.experts - b.experts);
    return groupBy(rising, ({ experts }) => experts).map((ofSize) => {
      const tasks = distinct(ofSize.map(({ task }) => task)).length;
      const means = groupBy(ofSize, ({ factor }) => factorKey(factor)).flatMap((here) =>
        distinct(here.map(({ task }) => task)).length < tasks
          ? []
          : [
              {
                factor: Number(factorKey(here[0].factor)),
                share: mean(here.map(({ share }) => share)),
                difference: mean(here.map(({ difference }) => difference)),
              },
            ],
      );
      const line = [{ factor: 1, share: 0, difference: 0 }, ...means.sort((a, b) => a.share - b.share)];
      return { experts: ofSize[0].experts, answers, points: line };
    });
  });

const SHARE_CAPTION =
  'A line per number of experts before pruning, named at its end, darker for more: each mark is a factor, at the ' +
  'share of the routed choices that it drops (or merges into another expert) and the difference to the unpruned ' +
  'model; means over the tasks and draws. Solid: answers chosen; dashed and hollow: written. Where lines coincide, a ' +
  'model with more experts loses as much at the same dropped share, and tolerates a larger factor only because that ' +
  'drops less.';

/** From the smallest size to the largest. */
const opacityOf = (rank: number, sizes: number): number => (sizes < 2 ? 1 : 0.45 + (0.55 * rank) / (sizes - 1));

const seriesOf = (
  { experts, answers, points }: ShareLine,
  method: string,
  mark: MethodMark,
  opacity: number,
): ChartSeries => ({
  key: JSON.stringify([answers, experts]),
  mark: { ...mark, dash: answers === 'written' ? '5 3' : 'none' },
  line: points.map(({ share, difference }) => [100 * share, difference] as const),
  opacity,
  name: String(experts),
  points: points.slice(1).map(({ factor, share, difference }) => ({
    key: JSON.stringify([answers, experts, factor]),
    x: 100 * share,
    y: difference,
    look: answers === 'written' ? 'hollow' : 'filled',
    whiskers: [],
    tip: () => ({
      title: `${methodTitle(method)}, E ${experts}, ${formatFactor(factor)}`,
      lines: [
        `drops ${formatPercent(share)} of the routed choices`,
        `difference ${formatDifferenceInUnit(difference, 'acc')}, mean over tasks and draws; answers ${answers}`,
      ],
    }),
  })),
});

const ACROSS: ChartAxis = {
  scale: 'linear',
  domain: [0, 100],
  ticks: [0, 20, 40, 60, 80, 100],
  label: String,
  title: 'dropped share of the routed choices (%)',
  inset: [6, 18],
  hasGrid: true,
};

/** Loss against dropped share: a chart per method, a line per number of experts before pruning. */
export const shareFigure = (
  sizeTrend: SizeTrendDocument,
  tasks: readonly string[],
  theme: FigureTheme,
  shown: readonly string[] = sizeTrend.methods,
): ChartFigure => {
  const panels = [...methodMarks(sizeTrend.methods, theme, shown)].flatMap(([method, mark]) => {
    const matchingSharePoints = sizeTrend.sharePoints.filter(
      (point) => point.method === method && tasks.includes(point.task),
    );
    const count = distinct(matchingSharePoints.map(({ task }) => task)).length;
    return count === 0 ? [] : [{ method, mark, lines: shareLines(matchingSharePoints), tasks: count }];
  });
  const losses = panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map((point) => point.difference)));
  const y = linearAxis([-0.1, 0, ...losses], {
    title: 'difference to unpruned (points)',
    label: (tick) => tickText(tick, 'acc'),
  });
  return {
    title: 'Loss against the dropped share of the routed choices',
    description:
      `Methods ${panels.map(({ method }) => method).join(', ')}, a line per number of experts. ` + SHARE_CAPTION,
    caption: SHARE_CAPTION,
    legend: panels.map(({ method, mark }) => ({ label: methodTitle(method), mark })),
    charts: panels.map(({ method, mark, lines, tasks: count }): Chart => {
      const sizes = distinct(lines.map(({ experts }) => experts));
      return {
        key: method,
        heading: methodTitle(method),
        note: counted(count, 'task'),
        x: ACROSS,
        y,
        definition: 'droppedShare',
        rules: [{ axis: 'y', at: 0, tone: 'muted' }],
        series: lines.map((line) => seriesOf(line, method, mark, opacityOf(sizes.indexOf(line.experts), sizes.length))),
      };
    }),
  };
};
