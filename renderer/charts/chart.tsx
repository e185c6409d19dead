import { memo, type MouseEvent, useMemo, useState } from 'react';
import { CartesianGrid, ComposedChart, XAxis, YAxis } from 'recharts';
import { present } from '../../main/contract/errors.ts';
import {
  type Chart as Described,
  type ChartAxis,
  chartScales,
  type ChartTip,
  fittingTicks,
  nearestPoint,
  type PlacedPoint,
  placePoints,
  type Plot,
  steppedPoint,
  thresholdsHeight,
} from '../../main/figures/chart.ts';
import { drawMarks, titleSize } from '../../main/figures/chart-svg.ts';
import type { FigureTheme } from '../../main/figures/colors.ts';
import { formatFactor } from '../../main/words/numbers.ts';
import { TipText } from '../components/tooltip.tsx';
import { definitions } from '../definitions/definitions.ts';
import { useElementWidth } from './chart-element.ts';
import './chart.css';

/** Room of the axes about a plot, in CSS pixels; a slider below a chart uses the same side margins. */
export const AXES = { left: 54, right: 14, top: 8, bottom: 34, untitled: 20 } as const;

interface ChartProps {
  readonly id?: string;
  /** What the chart shows, for screen readers. */
  readonly label: string;
  readonly chart: Described;
  readonly theme: FigureTheme;
  /** Height of the plot, without its axes and thresholds. */
  readonly height: number;
  /** Series in front; the one under the pointer comes before it. */
  readonly emphasised?: string | null;
  readonly selected?: string | null;
  /** Selects a point: by a click or Enter, and where `arrowsSelect`, by the arrow that leads to it. */
  readonly onSelect?: (key: string) => void;
  readonly arrowsSelect?: boolean;
  /** Called on a right click on a point, with what its tip says. */
  readonly onMenu?: (key: string, tip: ChartTip, event: MouseEvent) => void;
  /** Lines of the tip beside those of the point. */
  readonly moreOf?: (key: string) => readonly string[];
  /** A place on the horizontal axis with a line, such as the current plan's factor. */
  readonly cursor?: number;
  /** Whether no point there is that plan's own. */
  readonly isEdited?: boolean;
  /** Whether lines through the pointer show both values there. */
  readonly hasCrosshair?: boolean;
  /** Read out while no point is selected. */
  readonly status?: string;
}

const TIP_WIDTH = 262;
/** Marks nearer than this cover each other. */
const COVERED_PX = 4;
const MOST_COVERED = 4;

const belowOf = ({ x }: Described): number => (x.title === '' ? AXES.untitled : AXES.bottom);

const plotOf = (chart: Described, width: number, height: number): Plot => ({
  left: AXES.left,
  top: AXES.top + thresholdsHeight(chart),
  width: Math.max(1, width - AXES.left - AXES.right),
  height,
});

/**
 * A chart as described, with its axes by Recharts. Each point shows its numbers under the pointer and by arrow keys;
 * positions come from the scales.
 */
export const Chart = (props: ChartProps) => {
  const { id, label, chart, theme, height, emphasised = null, selected = null, onSelect, arrowsSelect = false } = props;
  const { onMenu, moreOf, cursor, isEdited = false, hasCrosshair = false, status = '' } = props;
  const [frame, width] = useElementWidth<HTMLDivElement>();
  const [hoveredKey, hover] = useState<string | null>(null);
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number } | null>(null);
  const plot = useMemo(() => plotOf(chart, width, height), [chart, width, height]);
  const points = useMemo(() => (width > 0 ? placePoints(chart, plot) : []), [chart, plot, width]);
  const find = (key: string | null): PlacedPoint | null => points.find(({ point }) => point.key === key) ?? null;
  const [hovered, chosen] = [find(hoveredKey), find(selected)];
  const whole = plot.top + height + belowOf(chart);
  const linesOf = ({ point }: PlacedPoint): readonly string[] => [...point.tip().lines, ...(moreOf?.(point.key) ?? [])];
  const at = ({ currentTarget, clientX, clientY }: MouseEvent): { readonly x: number; readonly y: number } => {
    const { left, top } = currentTarget.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  const said = chosen ?? (arrowsSelect ? null : hovered);
  return (
    <div
      className="curve-chart"
      ref={frame}
      id={id}
      role="application"
      aria-roledescription="chart"
      aria-label={
        `${label}. Arrow keys move between points` +
        (onSelect === undefined ? '.' : arrowsSelect ? ' and select them.' : ', Enter opens one.')
      }
      tabIndex={0}
      style={{ height: whole, cursor: hovered === null || onSelect === undefined ? undefined : 'pointer' }}
      onPointerMove={(event) => {
        hover(nearestPoint(points, at(event))?.point.key ?? null);
        if (hasCrosshair) setPointer(at(event));
      }}
      onPointerLeave={() => {
        hover(null);
        setPointer(null);
      }}
      onBlur={() => hover(null)}
      onClick={(event) => {
        const near = nearestPoint(points, at(event));
        if (near !== null) onSelect?.(near.point.key);
      }}
      onContextMenu={(event) => {
        // The menu key reports no place on a point.
        const one = event.button === 2 ? nearestPoint(points, at(event)) : (chosen ?? hovered);
        hover(null);
        if (one !== null) onMenu?.(one.point.key, { title: one.point.tip().title, lines: linesOf(one) }, event);
      }}
      onKeyDown={(event) => {
        if (event.altKey) return;
        if (event.key === 'Enter' && hovered !== null) onSelect?.(hovered.point.key);
        else if (event.key === 'Escape' && hovered !== null) hover(null);
        else {
          const next = steppedPoint(points, (arrowsSelect ? chosen : null) ?? hovered, event.key);
          if (next === null) return;
          hover(next.point.key);
          if (arrowsSelect) onSelect?.(next.point.key);
        }
        event.preventDefault();
      }}
    >
      {width > 0 && (
        <>
          {/* Chromium takes the groups into which Recharts puts its layers for stops of the Tab key. */}
          <div inert>
            <Axes
              chart={chart}
              plot={plot}
              width={width}
              height={whole}
              theme={theme}
              emphasised={hovered?.series.key ?? emphasised}
            />
          </div>
          <svg className="chart-overlay" width={width} height={whole} fontSize={11} aria-hidden="true">
            {cursor !== undefined && <Cursor at={chartScales(chart, plot).x(cursor)} plot={plot} isEdited={isEdited} />}
            {pointer !== null && <Crosshair chart={chart} plot={plot} pointer={pointer} />}
            {points.map(({ series, point, x, y }) => (
              <circle
                key={`${series.key} ${point.key}`}
                className="curve-point"
                data-point={point.key}
                data-series={series.key}
                data-at={point.x}
                data-x={x}
                data-y={y}
                cx={x}
                cy={y}
                r={point.key === selected ? 9 : 7}
                fill="transparent"
                stroke={point.key === selected ? 'var(--accent)' : point === hovered?.point ? theme.ink : 'none'}
                strokeWidth={point.key === selected ? 2 : 1.2}
              />
            ))}
          </svg>
        </>
      )}
      {hovered !== null && (
        <Tip hovered={hovered} points={points} width={width} height={whole} lines={linesOf(hovered)} chart={chart} />
      )}
      <p className="visually-hidden" aria-live="polite">
        {said === null ? status : [said.point.tip().title, ...linesOf(said)].join('; ')}
      </p>
    </div>
  );
};

const TICK = { fill: 'var(--text-muted)', fontSize: 11 } as const;

/** Recharts wants rising domains; a falling one is reversed. */
const axisProps = (axis: ChartAxis, along: 'x' | 'y', plot: Plot, chart: Described) => {
  const [from, to] = axis.domain;
  const scale = chartScales(chart, plot)[along];
  const named = fittingTicks(axis, scale, along);
  const [start, end] = axis.inset;
  return {
    type: 'number' as const,
    scale: scale.copy(),
    domain: [Math.min(from, to), Math.max(from, to)],
    reversed: from > to,
    allowDataOverflow: true,
    ticks: along === 'x' ? [...axis.ticks] : [...named],
    tickFormatter: (tick: number) => (named.includes(tick) ? axis.label(tick) : ''),
    padding: along === 'x' ? { left: start, right: end } : { top: end, bottom: start },
    tick: TICK,
    interval: 0 as const,
  };
};

interface AxesProps extends Pick<ChartProps, 'chart' | 'theme' | 'height'> {
  readonly plot: Plot;
  readonly width: number;
  readonly emphasised: string | null;
}

/** Axes and grid by Recharts; in them the marks of the saved figure. */
const Axes = memo(({ chart, plot, width, height, theme, emphasised }: AxesProps) => {
  const { x, y } = chart;
  const scales = chartScales(chart, plot);
  const inside = useMemo(
    () =>
      drawMarks(chart, plot, theme, emphasised)
        .map(({ svg }) => svg)
        .join(''),
    [chart, plot, theme, emphasised],
  );
  const title = { fill: 'var(--text-muted)', fontSize: 11, textAnchor: 'middle' } as const;
  return (
    <ComposedChart
      width={width}
      height={height}
      margin={{ top: plot.top, right: width - plot.left - plot.width, bottom: 0, left: 0 }}
      data={x.ticks.map((tick) => ({ x: tick, y: y.domain[0] }))}
      accessibilityLayer={false}
    >
      <CartesianGrid
        stroke="var(--grid)"
        horizontalPoints={y.hasGrid ? fittingTicks(y, scales.y, 'y').map((tick) => scales.y(tick)) : []}
        verticalPoints={x.hasGrid ? fittingTicks(x, scales.x, 'x').map((tick) => scales.x(tick)) : []}
      />
      <XAxis
        {...axisProps(x, 'x', plot, chart)}
        dataKey="x"
        stroke="var(--border-strong)"
        tickSize={4}
        height={belowOf(chart)}
        label={{ value: x.title, position: 'insideBottom', offset: 0, style: title }}
      />
      <YAxis
        {...axisProps(y, 'y', plot, chart)}
        dataKey="y"
        stroke="none"
        tickLine={false}
        width={plot.left}
        label={{
          value: y.title,
          angle: -90,
          position: 'insideLeft',
          offset: 10,
          style: { ...title, fontSize: titleSize(y.title, plot.height + 30) },
        }}
      />
      <g fontSize={11} fill="var(--text)" dangerouslySetInnerHTML={{ __html: inside }} />
    </ComposedChart>
  );
});

const Cursor = ({ at, plot, isEdited }: { readonly at: number; readonly plot: Plot; readonly isEdited: boolean }) => (
  <line
    className={isEdited ? 'plan-cursor-line plan-cursor-edited' : 'plan-cursor-line'}
    x1={at}
    x2={at}
    y1={plot.top - 8}
    y2={plot.top + plot.height}
  />
);

interface CrosshairProps {
  readonly chart: Described;
  readonly plot: Plot;
  readonly pointer: { readonly x: number; readonly y: number };
}

/** Lines through the pointer with the values there. */
const Crosshair = ({ chart, plot, pointer: { x, y } }: CrosshairProps) => {
  const [right, bottom] = [plot.left + plot.width, plot.top + plot.height];
  if (x < plot.left || x > right || y < plot.top || y > bottom) return null;
  const scales = chartScales(chart, plot);
  return (
    <g className="crosshair">
      <line x1={x} x2={x} y1={plot.top} y2={bottom} />
      <line x1={plot.left} x2={right} y1={y} y2={y} />
      <text x={Math.min(x + 6, right - 90)} y={y - 6}>
        {`${formatFactor(scales.x.invert(x))}, ${chart.y.label(scales.y.invert(y))}`}
      </text>
    </g>
  );
};

/** Up to the first full stop or colon. */
const shortly = (text: string): string => text.split(/[.:;] /u)[0]?.replace(/\.$/u, '') ?? '';

interface TipProps {
  readonly hovered: PlacedPoint;
  readonly points: readonly PlacedPoint[];
  readonly lines: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly chart: Described;
}

/** Distance of a tip from its point, in CSS pixels. */
const GAP = 12;

/** The numbers of a point, their definition and the points that it covers, inside the chart. */
const Tip = ({ hovered, points, lines, width, height, chart }: TipProps) => {
  const { point, x, y } = hovered;
  const covered = points
    .filter((other) => other !== hovered && Math.hypot(other.x - x, other.y - y) < COVERED_PX)
    .map((other) => other.point.tip().title);
  const also = covered.length === 0 ? [] : [`also here: ${covered.slice(0, MOST_COVERED).join('; ')}`];
  const { term, text } = present(definitions[chart.definition], `there is no definition of ${chart.definition}`);
  const isAbove = y > height / 2;
  return (
    <div
      className="chart-tip"
      style={{
        width: TIP_WIDTH,
        left: Math.max(0, Math.min(x + GAP, width - TIP_WIDTH)),
        top: isAbove ? undefined : y + GAP,
        bottom: isAbove ? height - y + GAP : undefined,
      }}
    >
      <TipText title={point.tip().title} lines={[...lines, ...also]} />
      <div className="chart-tip-definition">{`${term}: ${shortly(text)}.`}</div>
    </div>
  );
};
