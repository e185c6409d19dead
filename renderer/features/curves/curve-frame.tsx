import type { ReactNode } from 'react';
import { CartesianGrid, ComposedChart, ReferenceLine, XAxis, YAxis } from 'recharts';
import { formatFixed, formatNumber } from '../../../main/words/numbers.ts';

interface CurveFrameProps {
  readonly width: number;
  readonly height: number;
  readonly ticks: readonly number[];
  /** Position of the rightmost mark; methods are drawn side by side. */
  readonly rightmost: number;
  readonly domain: readonly [number, number];
  readonly accuracy: boolean;
  readonly unpruned: number | null;
  readonly delta: number;
  readonly chance: number | null;
  /** The marks, drawn inside the plot with the chart's scales. */
  readonly children: ReactNode;
}

const MARGIN = { top: 9, right: 14, bottom: 0, left: 0 } as const;
const ACCURACY_TICKS = [0, 0.25, 0.5, 0.75, 1];
const TICK = { fill: 'var(--text-muted)', fontSize: 11 } as const;

const VALUE_AXIS = {
  type: 'number',
  allowDataOverflow: true,
  stroke: 'none',
  tick: TICK,
  tickLine: false,
  width: 36,
} as const;

const factorLabel = (factor: number): string => `×${formatFixed(factor, Number.isInteger(factor) ? 0 : 1)}`;
const accuracyLabel = (value: number): string => formatFixed(value, value === 0 || value === 1 ? 0 : 2);
const perplexityLabel = (value: number): string => formatNumber(value, 3);

/** Axes (factor on a log2 scale), grid, and the lines for unpruned, margin and chance. */
export const CurveFrame = ({
  width,
  height,
  ticks,
  rightmost,
  domain,
  accuracy,
  unpruned,
  delta,
  chance,
  children,
}: CurveFrameProps) => (
  <ComposedChart
    width={width}
    height={height}
    margin={MARGIN}
    data={ticks.map((factor) => ({ factor }))}
    accessibilityLayer={false}
  >
    <CartesianGrid stroke="var(--grid)" vertical={false} />
    <XAxis
      dataKey="factor"
      type="number"
      scale="log"
      domain={[0.93, rightmost * 1.06]}
      allowDataOverflow
      ticks={[...ticks]}
      tickFormatter={factorLabel}
      stroke="var(--border-strong)"
      tick={TICK}
      tickLine={false}
      interval={0}
      height={22}
    />
    {accuracy ? (
      <YAxis {...VALUE_AXIS} domain={[...domain]} ticks={ACCURACY_TICKS} tickFormatter={accuracyLabel} />
    ) : (
      <YAxis {...VALUE_AXIS} domain={[...domain]} tickFormatter={perplexityLabel} />
    )}
    {chance !== null && accuracy && <ReferenceLine y={chance} stroke="var(--text-faint)" strokeDasharray="1 3" />}
    {unpruned !== null && <ReferenceLine y={unpruned} stroke="var(--text-muted)" strokeWidth={1} />}
    {unpruned !== null && accuracy && (
      <ReferenceLine y={unpruned - delta} stroke="var(--text-muted)" strokeDasharray="4 3" />
    )}
    {children}
  </ComposedChart>
);
