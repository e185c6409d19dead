import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import { methodStyle, type MethodStyle } from '../../../main/figures/method-marks.ts';
import {
  type PlacedThreshold,
  type PlacedTrend,
  type TrendFrame,
  trendLayout,
} from '../../../main/figures/trend-layout.ts';
import { MethodMarker } from '../../charts/legend.tsx';
import { formatCount, formatFactor } from '../../../main/figures/numbers.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { PointedChart, type PointText } from './pointed-chart.tsx';

interface TrendChartProps extends Pick<TrendFrame, 'sizes' | 'largestFactor' | 'methods'> {
  readonly id: string;
  readonly title: string;
  readonly trends: readonly ExpertTrend[];
  readonly theme: ResolvedTheme;
  readonly text: (threshold: SizeThreshold) => PointText;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

const HEIGHT = 190;
const MARGIN = { left: 30, right: 6, top: 8, bottom: 24 } as const;
/** Length of the arrow of an open bracket. */
const ARROW_PX = 12;
const TICK = { fill: 'var(--text-muted)', fontSize: 11 } as const;

const keyOf = ({ model, method }: SizeThreshold): string => JSON.stringify([model, method]);

/** Threshold of one task against the number of pretraining experts, a mark with its bracket per model and method. */
export const TrendChart = ({ id, title, trends, theme, text, onSelect, ...frame }: TrendChartProps) => {
  const find = (key: string): SizeThreshold | undefined =>
    trends.flatMap(({ points }) => points).find((point) => keyOf(point) === key);
  return (
    <PointedChart
      id={id}
      label={`${title}: threshold factor against experts before pruning`}
      height={HEIGHT}
      text={(key) => {
        const threshold = find(key);
        return threshold === undefined ? null : text(threshold);
      }}
      onSelect={(key) => {
        const threshold = find(key);
        if (threshold !== undefined) onSelect(threshold);
      }}
    >
      {(width) => {
        const layout = trendLayout(trends, {
          ...frame,
          left: MARGIN.left,
          right: width - MARGIN.right,
          bottom: HEIGHT - MARGIN.bottom - 8,
          top: MARGIN.top + ARROW_PX + 4,
          arrow: ARROW_PX,
        });
        const bottom = HEIGHT - MARGIN.bottom;
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
            {layout.trends.map((trend) => (
              <TrendMarks
                key={trend.method}
                trend={trend}
                style={methodStyle(trend.method, frame.methods.indexOf(trend.method))}
                theme={theme}
              />
            ))}
          </>
        );
      }}
    </PointedChart>
  );
};

const TrendMarks = ({
  trend,
  style,
  theme,
}: {
  readonly trend: PlacedTrend;
  readonly style: MethodStyle;
  readonly theme: ResolvedTheme;
}) => {
  const color = style[theme];
  const line = trend.line.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)},${y.toFixed(1)}`).join('');
  return (
    <g>
      {trend.spreads.map(({ x, low, high }) => (
        <line key={x} x1={x} x2={x} y1={low} y2={high} stroke={color} strokeWidth={8} strokeOpacity={0.2} />
      ))}
      <path d={line} fill="none" stroke={color} strokeWidth={1.4} strokeDasharray={style.dash} strokeOpacity={0.7} />
      {trend.points.map((point) => (
        <ThresholdMark key={keyOf(point.threshold)} point={point} style={style} theme={theme} />
      ))}
    </g>
  );
};

const ThresholdMark = ({
  point,
  style,
  theme,
}: {
  readonly point: PlacedThreshold;
  readonly style: MethodStyle;
  readonly theme: ResolvedTheme;
}) => {
  const color = style[theme];
  const { threshold, x, y, end } = point;
  const place = { className: 'curve-point', 'data-point': keyOf(threshold), 'data-x': x, 'data-y': y };
  if (threshold.lastSafe === null) {
    return (
      <text {...place} x={x} y={y - 4} textAnchor="middle" fontSize={12} fontWeight={600} fill={color}>
        ?
      </text>
    );
  }
  const hollow = threshold.lastSafe === 1;
  return (
    <g {...place}>
      <line x1={x} x2={x} y1={y} y2={end} stroke={color} strokeWidth={1} />
      <path
        d={
          threshold.firstUnsafe === null
            ? `M${x - 3},${end + 3.5}L${x},${end}L${x + 3},${end + 3.5}`
            : `M${x - 3},${end}h6`
        }
        fill="none"
        stroke={color}
        strokeWidth={1.4}
      />
      <MethodMarker style={style} theme={theme} x={x} y={y} r={3.6} hollow={hollow} />
    </g>
  );
};
