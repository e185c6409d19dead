import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import { drawTrendChart, type TrendChart as Drawn } from '../../../main/figures/size-trend-figure.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { PointedChart, type PointText } from './pointed-chart.tsx';

interface TrendChartProps extends Omit<Drawn, 'left' | 'right' | 'top' | 'bottom' | 'pointed'> {
  readonly id: string;
  readonly method: string;
  readonly trends: readonly ExpertTrend[];
  /** Text of a task at one size, with the thresholds of all its trainings. */
  readonly text: (thresholds: readonly SizeThreshold[]) => PointText;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

const HEIGHT = 190;
const MARGIN = { left: 30, right: 6, top: 2, bottom: 24 } as const;

const keyOf = ({ task, experts }: Pick<SizeThreshold, 'task' | 'experts'>): string => JSON.stringify([task, experts]);

/**
 * Thresholds of one method against the number of experts before pruning: a thin line per task, and the factor that half
 * of the tasks reach.
 */
export const TrendChart = ({ id, method, trends, text, onSelect, ...chart }: TrendChartProps) => {
  const find = (key: string): readonly SizeThreshold[] =>
    trends.flatMap(({ points }) => points.filter((point) => point.lastSafe !== null && keyOf(point) === key));
  return (
    <PointedChart
      id={id}
      label={`${methodTitle(method)}: threshold factor of every task against experts before pruning`}
      height={HEIGHT}
      text={(key) => {
        const found = find(key);
        return found.length === 0 ? null : text(found);
      }}
      onSelect={(key) => {
        const [threshold] = find(key);
        if (threshold !== undefined) onSelect(threshold);
      }}
      draw={(width, pointed) => {
        const { nodes, layout } = drawTrendChart(trends, {
          ...chart,
          left: MARGIN.left,
          right: width - MARGIN.right,
          top: MARGIN.top,
          bottom: HEIGHT - MARGIN.bottom,
          pointed: pointed === null ? undefined : find(pointed)[0]?.task,
        });
        const points = layout.tasks.flatMap(({ task, points: own }) =>
          own.map(({ experts, x, y }) => ({ key: keyOf({ task, experts }), x, y })),
        );
        return { nodes, points };
      }}
    />
  );
};
