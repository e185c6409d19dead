import type { SizePair } from '../../../main/contract/size-trend.ts';
import { methodStyle } from '../../../main/figures/method-marks.ts';
import type { PairPanel, PairPoint, PairRow } from '../../../main/figures/pair-panels.ts';
import { roundTicks } from '../../../main/figures/scales.ts';
import { MethodMarker } from '../../charts/legend.tsx';
import { formatCount, formatFixed } from '../../../main/words/numbers.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { PointedChart } from './pointed-chart.tsx';
import { dotText } from './threshold-text.ts';

interface PairChartProps {
  readonly id: string;
  readonly title: string;
  readonly pairs: PairPanel;
  readonly domain: readonly [number, number];
  /** All methods of the sweep (for the style), and those shown. */
  readonly methods: readonly string[];
  readonly shown: readonly string[];
  readonly theme: ResolvedTheme;
  readonly onSelect: (pair: SizePair) => void;
}

const LABELS_PX = 54;
const RIGHT_PX = 8;
const AXIS_PX = 22;
const METHOD_STEP = 8;
const ROW_PADDING = 12;
const TICKS = 5;
const TICK = { fill: 'var(--text-muted)', fontSize: 11 } as const;

/** One task: large models pruned to E' minus models trained with E', one row per pair of sizes, one dot per method. */
export const PairChart = ({ id, title, pairs, domain, methods, shown, theme, onSelect }: PairChartProps) => {
  const step = shown.length * METHOD_STEP + ROW_PADDING;
  const bottom = pairs.rows.length * step;
  const height = bottom + AXIS_PX;
  const keyOf = (row: PairRow, dot: PairPoint): string => JSON.stringify([row.largeExperts, row.experts, dot.method]);
  const find = (key: string): { readonly row: PairRow; readonly dot: PairPoint } | undefined =>
    pairs.rows
      .flatMap((row) => row.points.map((dot) => ({ row, dot })))
      .find(({ row, dot }) => keyOf(row, dot) === key);
  const [low, high] = domain;
  const room = (high - low || 1) * 0.04;
  const tickText = (tick: number): string =>
    pairs.metric === 'perplexity' ? formatFixed(tick, 2) : formatFixed(100 * tick, 0);
  return (
    <PointedChart
      id={id}
      label={`${title}: pruned model minus model trained with the same number of experts`}
      height={height}
      text={(key) => {
        const found = find(key);
        return found === undefined ? null : dotText(found.row, found.dot);
      }}
      onSelect={(key) => {
        const pair = find(key)?.dot.pairs[0];
        if (pair !== undefined) onSelect(pair);
      }}
    >
      {(width) => {
        const x = (value: number): number =>
          LABELS_PX + ((value - low + room) / (high - low + 2 * room)) * (width - LABELS_PX - RIGHT_PX);
        return (
          <>
            {pairs.rows.map((row, index) => (
              <g key={`${row.largeExperts} ${row.experts}`}>
                {index % 2 === 1 && (
                  <rect x={0} y={index * step} width={width} height={step} fill="var(--grid)" fillOpacity={0.45} />
                )}
                <text x={LABELS_PX - 8} y={index * step + step / 2 + 4} textAnchor="end" {...TICK}>
                  {formatCount(row.largeExperts)} → {formatCount(row.experts)}
                </text>
              </g>
            ))}
            {roundTicks(low - room, high + room, TICKS).map((tick) => (
              <g key={tick}>
                <line
                  x1={x(tick)}
                  x2={x(tick)}
                  y1={0}
                  y2={bottom}
                  stroke={tick === 0 ? 'var(--text-muted)' : 'var(--border)'}
                />
                <text x={x(tick)} y={bottom + 15} textAnchor="middle" {...TICK}>
                  {tickText(tick)}
                </text>
              </g>
            ))}
            {pairs.rows.flatMap((row, index) =>
              row.points
                .filter(({ method }) => shown.includes(method))
                .map((dot) => {
                  const style = methodStyle(dot.method, methods.indexOf(dot.method));
                  const color = style[theme];
                  const y = index * step + ROW_PADDING / 2 + (shown.indexOf(dot.method) + 0.5) * METHOD_STEP;
                  const hollow = dot.standing === 'within';
                  const key = keyOf(row, dot);
                  return (
                    <g
                      key={key}
                      className="curve-point"
                      data-point={key}
                      data-x={x(dot.difference)}
                      data-y={y}
                      opacity={dot.standing === 'unknown' ? 0.45 : 1}
                    >
                      <line x1={x(dot.low)} x2={x(dot.high)} y1={y} y2={y} stroke={color} strokeWidth={1.2} />
                      <MethodMarker style={style} theme={theme} x={x(dot.difference)} y={y} r={3.2} hollow={hollow} />
                    </g>
                  );
                }),
            )}
          </>
        );
      }}
    </PointedChart>
  );
};
