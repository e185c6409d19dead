import { ChartTip } from '../../charts/chart-tip.tsx';
import { type MouseEvent, memo, useMemo, useState, type ReactNode } from 'react';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { dotsOf, nearestMark, useElementWidth } from '../../charts/chart-element.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { pointLines, pointTitle, resultKey } from '../../sweep/points.ts';
import { dodged, valueDomain } from './chart-rows.ts';
import { CurveMarks } from './curve-marks.tsx';
import { nextPoint, type TaskCurves } from './task-curves.ts';
import '../../sweep/sweep.css';
import { CartesianGrid, ComposedChart, ReferenceLine, XAxis, YAxis } from 'recharts';
import { formatFixed, formatNumber } from '../../../main/words/numbers.ts';

interface CurveChartProps {
  readonly curves: TaskCurves;
  readonly methods: readonly string[];
  readonly hidden: readonly string[];
  readonly title: string;
  readonly chance: number | null;
  readonly delta: number;
  /** Factors with a tick. */
  readonly ticks: readonly number[];
  readonly theme: ResolvedTheme;
  readonly height: number;
  /** The selected point, if it belongs to this task. */
  readonly selected: SweepResult | null;
  readonly onSelect: (result: SweepResult) => void;
  readonly id: string;
}

interface Hovered {
  readonly result: SweepResult;
  readonly x: number;
  readonly y: number;
}

const TIP_WIDTH = 236;

const Chart = (props: CurveChartProps) => {
  const { curves, methods, hidden, title, chance, delta, ticks, theme, height, selected, onSelect, id } = props;
  const [frame, width] = useElementWidth<HTMLDivElement>();
  const [hovered, setHovered] = useState<Hovered | null>(null);
  const shown = useMemo(
    () =>
      curves.curves.filter(
        (curve) => !hidden.includes(curve.method) && curve.points.length + curve.curtailed.length > 0,
      ),
    [curves, hidden],
  );
  const domain = useMemo(() => valueDomain(curves), [curves]);
  const hoveredAt = (event: MouseEvent): Hovered | null => {
    const near = nearestMark(dotsOf(event.currentTarget), event);
    if (near === null) return null;
    const result = shown.flatMap((curve) => curve.points).find((point) => resultKey(point) === near.key);
    if (result === undefined) return null;
    return hovered?.result === result ? hovered : { result, x: near.x, y: near.y };
  };

  return (
    <div
      className="curve-chart"
      ref={frame}
      id={id}
      role="application"
      aria-roledescription="chart"
      aria-label={`${title}: ${curves.metric} against factor. Arrow keys move between points.`}
      tabIndex={0}
      style={{ height }}
      onPointerMove={(event) => setHovered(hoveredAt(event))}
      onPointerLeave={() => setHovered(null)}
      onClick={(event) => {
        const target = hoveredAt(event);
        if (target !== null) onSelect(target.result);
      }}
      onKeyDown={(event) => {
        setHovered(null);
        const next = nextPoint(shown, selected, event.key);
        if (next === null) return;
        event.preventDefault();
        onSelect(next);
      }}
    >
      {width > 0 && (
        <CurveFrame
          width={width}
          height={height}
          ticks={ticks}
          rightmost={dodged(ticks.at(-1) ?? 2, methods.length - 1, methods.length)}
          domain={domain}
          accuracy={curves.metric !== 'perplexity'}
          unpruned={curves.unpruned}
          delta={delta}
          chance={chance}
        >
          <CurveMarks
            curves={shown}
            unpruned={curves.unpruned}
            methods={methods}
            theme={theme}
            selectedKey={selected === null ? null : resultKey(selected)}
            emphasised={hovered?.result.method ?? selected?.method ?? null}
          />
        </CurveFrame>
      )}
      {hovered !== null && (
        <ChartTip
          at={hovered}
          chart={{ width, height }}
          width={TIP_WIDTH}
          title={pointTitle(hovered.result)}
          lines={pointLines(hovered.result)}
        />
      )}
      <p className="visually-hidden" aria-live="polite">
        {selected === null ? '' : `${pointTitle(selected)}: ${pointLines(selected).join('; ')}`}
      </p>
    </div>
  );
};

/**
 * Accuracy (or perplexity) of one task against the factor, one line per method. Arrow keys move between points.
 * Memoised, because a running sweep keeps adding points of other tasks.
 */
export const CurveChart = memo(
  Chart,
  ({ onSelect, ...left }, { onSelect: other, ...right }) =>
    onSelect === other && JSON.stringify(left) === JSON.stringify(right),
);

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
const CurveFrame = ({
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
