import { factorKey, type SweepDocument } from '../contract/sweep.ts';
import { type LuckPoint, luckPoints } from '../evaluation/calibration-luck.ts';
import { groupBy } from '../evaluation/threshold.ts';
import { methodTitle } from '../words/methods.ts';
import { formatCount, formatFactor, formatValue } from '../words/numbers.ts';
import {
  type Chart,
  type ChartFigure,
  type ChartRule,
  type ChartSeries,
  countsAxis,
  linearAxis,
  tickText,
} from './chart.ts';
import type { FigureTheme } from './colors.ts';
import { type MethodMark, methodMarks } from './method-marks.ts';
import { axisTitle } from './model-charts.ts';

const LUCK_CAPTION =
  'Across: calibration items of each draw. Bars: lowest to highest value over the draws; marks and lines: their ' +
  'mean. Thin level lines: the plan of all calibration items.';

/** The pictures of luck that a document has: one for each model and factor with calibration draws. */
export interface LuckPicture extends Pick<LuckPoint, 'model' | 'factor'> {
  readonly points: readonly LuckPoint[];
}

export const luckPictures = (document: SweepDocument, shown?: readonly string[]): readonly LuckPicture[] => {
  const points = luckPoints(document).filter(({ method }) => shown?.includes(method) ?? true);
  return groupBy(points, ({ model, factor }) => [model, factorKey(factor)]).map((group): LuckPicture => {
    const [{ model, factor }] = group;
    return { model, factor, points: group };
  });
};

const seriesOf = (points: readonly LuckPoint[], method: string, mark: MethodMark): ChartSeries => ({
  key: method,
  mark,
  line: points.map(({ items, value }) => [items, value.mean] as const),
  points: points.map(({ items, size, draws, value, all, metric, safe }) => ({
    key: JSON.stringify([method, size]),
    x: items,
    y: value.mean,
    look: 'filled',
    whiskers: [{ along: 'y', low: value.lowest, high: value.highest, width: 1.2 }],
    tip: () => ({
      title: `${methodTitle(method)}, ${formatCount(items)} calibration items`,
      lines: [
        `mean of ${formatCount(draws)} draws ${formatValue(value.mean, metric)}, from ` +
          `${formatValue(value.lowest, metric)} to ${formatValue(value.highest, metric)}`,
        `safe in ${formatCount(safe.count)} of ${formatCount(safe.of)} draws`,
        ...(all === null ? [] : [`plan of all items ${formatValue(all.value, metric)}`]),
      ],
    }),
  })),
});

/** Luck over the number of calibration items, for one model and factor: a chart per task, a line per method. */
export const luckFigure = (
  document: SweepDocument,
  { model, factor, points }: LuckPicture,
  theme: FigureTheme,
): ChartFigure => {
  const methods = [...new Set(points.map(({ method }) => method))];
  const marks = methodMarks([...new Set(document.results.map(({ method }) => method))], theme, methods);
  const tasks = groupBy(points, ({ task }) => task);
  return {
    title: `Luck of the calibration items: ${model} at ${formatFactor(factor)}`,
    description:
      `${tasks.length} tasks, methods ${methods.join(', ')}, draws of ` +
      `${[...new Set(points.map(({ items }) => items))].join(', ')} calibration items.`,
    caption: LUCK_CAPTION,
    rule: document.rule,
    legend: [...marks].map(([method, mark]) => ({ label: methodTitle(method), mark })),
    charts: tasks.flatMap((pictures): Chart[] => {
      const [first] = pictures;
      const curves = [...marks].flatMap(([method, mark]) => {
        const rising = pictures
          .filter((point) => point.method === method)
          .sort((left, right) => left.items - right.items);
        return rising.length === 0 ? [] : [{ method, mark, rising }];
      });
      const levels = curves.flatMap(({ mark: { color }, rising }): ChartRule[] => {
        const all = rising.find((point) => point.all !== null)?.all;
        return all === null || all === undefined ? [] : [{ axis: 'y', at: all.value, tone: { color } }];
      });
      return [
        {
          key: first.task,
          heading: theme.task(first.task),
          note: `n = ${first.n}`,
          x: countsAxis(
            pictures.map(({ items }) => items),
            { title: 'calibration items in a draw', label: String },
            [22, 22],
          ),
          y: linearAxis(
            [...pictures.flatMap(({ value }) => [value.lowest, value.highest]), ...levels.map(({ at }) => at)],
            {
              title: axisTitle(first.metric),
              label: (tick) => tickText(tick, first.metric),
            },
          ),
          definition: 'calibrationDraw',
          rules: levels,
          series: curves.map(({ method, mark, rising }) => seriesOf(rising, method, mark)),
        },
      ];
    }),
  };
};
