import { useXAxisScale, useYAxisScale, usePlotArea } from 'recharts';
import { BACK_OPACITY, methodStyle } from '../../../main/figures/method-marks.ts';
import { MethodMarker } from '../../charts/legend.tsx';
import type { ResolvedTheme } from '../../state/theme.ts';
import { resultKey } from '../../sweep/points.ts';
import { type ChartRow, chartRows, dodged } from './chart-rows.ts';
import type { MethodCurve } from './task-curves.ts';

interface CurveMarksProps {
  readonly curves: readonly MethodCurve[];
  readonly unpruned: number | null;
  /** All methods of the sweep, which determine position and style. */
  readonly methods: readonly string[];
  readonly theme: ResolvedTheme;
  readonly selectedKey: string | null;
  /** The emphasised method; null if none. */
  readonly emphasised: string | null;
}

type Scale = (value: number) => number;

const asScale = (scale: ((value: unknown) => number | undefined) | undefined): Scale | null =>
  scale === undefined ? null : (value) => scale(value) ?? Number.NaN;

/** Lines, intervals, points, thresholds and the band of the emphasised method, drawn with the chart's scales. */
export const CurveMarks = ({ curves, unpruned, methods, theme, selectedKey, emphasised }: CurveMarksProps) => {
  const x = asScale(useXAxisScale());
  const y = asScale(useYAxisScale());
  if (x === null || y === null) return null;
  return (
    <g>
      {curves.map((curve) => (
        <MethodMarks
          key={curve.method}
          curve={curve}
          rows={chartRows(curve, unpruned, methods.indexOf(curve.method), methods.length)}
          curtailed={curve.curtailed.map((factor) => x(dodged(factor, methods.indexOf(curve.method), methods.length)))}
          order={methods.indexOf(curve.method)}
          theme={theme}
          selectedKey={selectedKey}
          stand={emphasised === null ? 'alike' : emphasised === curve.method ? 'out' : 'back'}
          x={x}
          y={y}
        />
      ))}
    </g>
  );
};

interface MethodMarksProps {
  readonly curve: MethodCurve;
  readonly rows: readonly ChartRow[];
  /** Positions of curtailed candidates. */
  readonly curtailed: readonly number[];
  readonly order: number;
  readonly theme: ResolvedTheme;
  readonly selectedKey: string | null;
  readonly stand: 'alike' | 'out' | 'back';
  readonly x: Scale;
  readonly y: Scale;
}

const polyline = (points: readonly (readonly [number, number])[]): string =>
  points.map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${px.toFixed(1)},${py.toFixed(1)}`).join('');

const MethodMarks = ({ curve, rows, curtailed, order, theme, selectedKey, stand, x, y }: MethodMarksProps) => {
  const style = methodStyle(curve.method, order);
  const color = style[theme];
  const line = rows.flatMap((row) => (row.line === null ? [] : [[x(row.x), y(row.line)] as const]));
  const band = rows.flatMap((row) =>
    row.band === null ? [] : [{ x: x(row.x), low: y(row.band[0]), high: y(row.band[1]) }],
  );
  const upper = band.map((edge) => [edge.x, edge.high] as const);
  const lower = band.map((edge) => [edge.x, edge.low] as const).reverse();
  return (
    <g opacity={stand === 'back' ? BACK_OPACITY[theme] : 1}>
      {(stand === 'out' || curve.draws > 1) && band.length > 1 && (
        <path d={`${polyline([...upper, ...lower])}Z`} fill={color} fillOpacity={0.14} stroke="none" />
      )}
      <path
        d={polyline(line)}
        fill="none"
        stroke={color}
        strokeWidth={stand === 'out' ? 2.2 : 1.6}
        strokeDasharray={style.dash}
      />
      <CurtailedMarks xs={curtailed} color={color} />
      {rows.map((row) => {
        if (row.result === null || row.dot === null) return null;
        const [cx, cy] = [x(row.x), y(row.dot)];
        const key = resultKey(row.result);
        return (
          <g key={key} className="curve-point" data-point={key} data-x={cx} data-y={cy}>
            {row.error !== null && (
              <line
                x1={cx}
                x2={cx}
                y1={y(row.dot - row.error[0])}
                y2={y(row.dot + row.error[1])}
                stroke={color}
                strokeWidth={1.2}
                opacity={0.7}
              />
            )}
            {row.threshold && <circle cx={cx} cy={cy} r={7.5} fill="none" stroke={color} strokeWidth={1.3} />}
            {key === selectedKey && (
              <circle cx={cx} cy={cy} r={9.5} fill="none" stroke="var(--accent)" strokeWidth={2} />
            )}
            <MethodMarker style={style} theme={theme} x={cx} y={cy} r={curve.draws > 1 ? 2.4 : 3.4} />
          </g>
        );
      })}
    </g>
  );
};

const RADIUS = 3;
const WIDTH = 2 * RADIUS;

/** Curtailed candidates: a cross on the axis at each factor, since they have no value. */
const CurtailedMarks = ({ xs, color }: { readonly xs: readonly number[]; readonly color: string }) => {
  const area = usePlotArea();
  if (area === undefined) return null;
  const y = area.y + area.height - RADIUS - 2;
  return xs.map((x) => (
    <path
      key={x}
      d={`M${x - RADIUS},${y - RADIUS}l${WIDTH},${WIDTH}M${x - RADIUS},${y + RADIUS}l${WIDTH},${-WIDTH}`}
      stroke={color}
      strokeWidth={1.5}
      fill="none"
      data-curtailed=""
    />
  ));
};
