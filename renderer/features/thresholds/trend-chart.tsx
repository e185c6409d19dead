import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import { methodStyle } from '../../../main/figures/method-marks.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { formatCount, formatFactor } from '../../../main/words/numbers.ts';
import {
  MEDIAN_LINE,
  type DrawnTask,
  TASK_LINE,
  type TrendFrame,
  trendLayout,
} from '../../../main/figures/trend-layout.ts';
import { MethodMarker } from '../../charts/legend.tsx';
import type { ResolvedTheme } from '../../state/theme.ts';
import { PointedChart, type PointText } from './pointed-chart.tsx';

interface TrendChartProps extends Pick<TrendFrame, 'sizes' | 'largestFactor' | 'written'> {
  readonly id: string;
  readonly method: string;
  /** All methods of the sweep, which determine the style. */
  readonly methods: readonly string[];
  readonly trends: readonly ExpertTrend[];
  readonly theme: ResolvedTheme;
  /** Text of a task at one size, with the thresholds of all its trainings. */
  readonly text: (thresholds: readonly SizeThreshold[]) => PointText;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

const HEIGHT = 190;
const MARGIN = { left: 30, right: 6, top: 16, bottom: 24 } as const;
const TICK = { fill: 'var(--text-muted)', fontSize: 11 } as const;
/** Width of the line of the task under the pointer. */
const POINTED_WIDTH = 2;

const keyOf = (task: string, experts: number): string => JSON.stringify([task, experts]);
const pathOf = (points: readonly { readonly x: number; readonly y: number }[]): string =>
  points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)},${y.toFixed(1)}`).join('');

/**
 * Thresholds of one method against the number of experts before pruning: a thin line per task, and the factor that half
 * of the tasks reach.
 */
export const TrendChart = ({ id, method, methods, trends, theme, text, onSelect, ...frame }: TrendChartProps) => {
  const style = methodStyle(method, methods.indexOf(method));
  const color = style[theme];
  const find = (key: string): readonly SizeThreshold[] =>
    trends.flatMap(({ points }) =>
      points.filter(({ task, experts, lastSafe }) => lastSafe !== null && keyOf(task, experts) === key),
    );
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
    >
      {(width, pointed) => {
        const layout = trendLayout(trends, {
          ...frame,
          left: MARGIN.left,
          right: width - MARGIN.right,
          bottom: HEIGHT - MARGIN.bottom - 14,
          top: MARGIN.top,
        });
        const bottom = HEIGHT - MARGIN.bottom;
        const isPointed = ({ points }: DrawnTask, task: string): boolean =>
          points.some(({ experts }) => keyOf(task, experts) === pointed);
        return (
          <>
            {layout.y.ticks.map((tick) => (
              <g key={tick}>
                <line
                  x1={MARGIN.left}
                  x2={width - MARGIN.right}
                  y1={layout.y.position(tick)}
                  y2={layout.y.position(tick)}
                  stroke="var(--grid)"
                />
                <text x={MARGIN.left - 6} y={layout.y.position(tick) + 4} textAnchor="end" {...TICK}>
                  {formatFactor(tick)}
                </text>
              </g>
            ))}
            <line x1={MARGIN.left} x2={width - MARGIN.right} y1={bottom} y2={bottom} stroke="var(--border-strong)" />
            {layout.x.ticks.map((tick) => (
              <text key={tick} x={layout.x.position(tick)} y={bottom + 16} textAnchor="middle" {...TICK}>
                E {formatCount(tick)}
              </text>
            ))}
            {layout.limits.map(({ x, y, half }) => (
              <line
                key={x}
                x1={x - half}
                x2={x + half}
                y1={y}
                y2={y}
                stroke="var(--text-faint)"
                strokeDasharray="2 2"
              />
            ))}
            {layout.tasks.map((drawn) => (
              <g key={drawn.task}>
                <path
                  d={pathOf(drawn.points)}
                  fill="none"
                  stroke={color}
                  strokeWidth={isPointed(drawn, drawn.task) ? POINTED_WIDTH : TASK_LINE.width}
                  strokeOpacity={isPointed(drawn, drawn.task) ? 1 : TASK_LINE.opacity}
                  strokeDasharray={drawn.answers === 'written' ? TASK_LINE.written : undefined}
                />
                {drawn.points.map(({ experts, x, y }) => (
                  <circle
                    key={experts}
                    className="curve-point"
                    data-point={keyOf(drawn.task, experts)}
                    data-x={x}
                    data-y={y}
                    cx={x}
                    cy={y}
                    r={1.2}
                    fill={color}
                    fillOpacity={TASK_LINE.opacity}
                  />
                ))}
              </g>
            ))}
            {layout.medians.map(({ answers, points }) => (
              <g key={answers}>
                <path
                  d={pathOf(points)}
                  fill="none"
                  stroke={color}
                  strokeWidth={MEDIAN_LINE.width}
                  strokeDasharray={answers === 'written' ? MEDIAN_LINE.written : undefined}
                />
                {points.map(({ experts, x, y }) => (
                  <MethodMarker
                    key={experts}
                    style={style}
                    theme={theme}
                    x={x}
                    y={y}
                    r={3.6}
                    hollow={answers === 'written'}
                  />
                ))}
              </g>
            ))}
          </>
        );
      }}
    </PointedChart>
  );
};
