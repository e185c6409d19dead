import { nearestMark } from '../../charts/chart-element.ts';
import { ChartTip } from '../../charts/chart-tip.tsx';
import { useState } from 'react';
import type { SweepResult } from '../../../main/contract/sweep.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import {
  differenceAxisTitle,
  type DifferenceFrame,
  type DifferencePanel,
  type DifferencePoint,
  differenceScales,
  drawDifferenceChart,
  type DrawnPoint,
  drawnPoints,
} from '../../../main/figures/difference-chart.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { formatDifference, formatFactor } from '../../../main/words/numbers.ts';
import { neighbour } from '../../state/selection-store.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { drawsTitle, drawsLines } from '../../sweep/points.ts';

/**
 * Margins and heights of a plot in CSS pixels; on the right, room for the marks beside the last factor (up to 26). The
 * slider below uses the same side margins.
 */
export const PLOT = { left: 62, right: 28, top: 8, bottom: 22, tall: 224, small: 190 } as const;

interface DifferencePlotProps {
  /** Title that distinguishes this plot from the other; empty if there is only one. */
  readonly title: string;
  readonly name: string;
  readonly panel: DifferencePanel;
  readonly methods: readonly string[];
  readonly shown: readonly string[];
  readonly emphasised: string | null;
  /** Factor of the current plan. */
  readonly cursor: number;
  /** Whether that plan is not the one that its method makes there; then the points there are not its own. */
  readonly isEdited: boolean;
  readonly largestFactor: number;
  readonly width: number;
  readonly height: number;
  readonly theme: ResolvedTheme;
  readonly selected: SweepResult | null;
  readonly onSelect: (result: SweepResult) => void;
  /** Called on a right click on a point, with what its tip says. */
  readonly onMenu: (result: SweepResult, lines: readonly string[], event: React.MouseEvent) => void;
  /** Whether lines through the pointer show factor and difference there. */
  readonly hasCrosshair: boolean;
  /** Name of the sweep that measured a result; null: the one on screen. */
  readonly sourceOf: (result: SweepResult) => string | null;
}

const TIP_WIDTH = 262;

/** The point that an arrow key leads to: left and right along a method, up and down between methods. */
const stepped = (points: readonly DrawnPoint[], from: DrawnPoint | null, key: string): DrawnPoint | null => {
  if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(key)) return null;
  if (from === null) return points[0] ?? null;
  const { method, factor } = from.point;
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    const own = points.filter(({ point }) => point.method === method);
    return neighbour(own, from, key === 'ArrowRight' ? 1 : -1);
  }
  const beside = points.filter(({ point }) => point.factor === factor).sort((left, right) => left.y - right.y);
  return neighbour(beside, from, key === 'ArrowDown' ? 1 : -1);
};

const isWithin = ({ left, top, width, height }: DifferenceFrame, at: { readonly x: number; readonly y: number }) =>
  at.x >= left && at.x <= left + width && at.y >= top && at.y <= top + height;

/**
 * The same chart as when saved, with the current plan's cursor on top. Arrow keys move between points; each can be
 * selected.
 */
export const DifferencePlot = (props: DifferencePlotProps) => {
  const { title, name, panel, methods, shown, emphasised, cursor, largestFactor, width, height, theme } = props;
  const { isEdited, selected, onSelect, onMenu, hasCrosshair, sourceOf } = props;
  const [pointer, setPointer] = useState<{ readonly x: number; readonly y: number } | null>(null);
  const linesOf = (point: DifferencePoint): readonly string[] => {
    const sources = new Set(point.draws.flatMap(({ result }) => sourceOf(result) ?? []));
    return [...drawsLines(point), ...[...sources].map((source) => `from another sweep: ${source}`)];
  };
  const [hovered, setHovered] = useState<DrawnPoint | null>(null);
  const figure = figureTheme(theme);
  const frame: DifferenceFrame = {
    left: PLOT.left,
    top: PLOT.top,
    width: width - PLOT.left - PLOT.right,
    height: height - PLOT.top - PLOT.bottom,
    largestFactor,
    marks: methodMarks(methods, figure, shown),
    emphasised,
    theme: figure,
  };
  const points = drawnPoints(panel, frame);
  const drawn = drawDifferenceChart(panel, frame).svg;
  const chosen = points.find(({ point }) => point.draws.some(({ result }) => result === selected)) ?? null;
  const scales = differenceScales(panel, frame);
  const cursorX = scales.x.position(Math.min(cursor, largestFactor));
  const choose = (one: DrawnPoint | null): void => {
    const [first] = one?.point.draws ?? [];
    if (first !== undefined) onSelect(first.result);
  };
  const heading = title === '' ? name : `${name}, ${title}`;
  return (
    <div
      className="difference-plot curve-chart"
      role="application"
      aria-roledescription="chart"
      aria-label={`${heading}: ${differenceAxisTitle(panel.metric)} against factor. Arrow keys move between points.`}
      tabIndex={0}
      style={{ height }}
      onPointerMove={(event) => {
        setHovered(nearestMark(points, event));
        const { left, top } = event.currentTarget.getBoundingClientRect();
        if (hasCrosshair) setPointer({ x: event.clientX - left, y: event.clientY - top });
      }}
      onPointerLeave={() => {
        setHovered(null);
        setPointer(null);
      }}
      onContextMenu={(event) => {
        setHovered(null);
        // The menu key reports no place on a point.
        const one = event.button === 2 ? nearestMark(points, event) : chosen;
        const [first] = one?.point.draws ?? [];
        if (one !== null && first !== undefined) onMenu(first.result, linesOf(one.point), event);
      }}
      onClick={(event) => choose(nearestMark(points, event))}
      onKeyDown={(event) => {
        setHovered(null);
        const next = stepped(points, chosen, event.key);
        if (next === null) return;
        event.preventDefault();
        choose(next);
      }}
    >
      <svg width={width} height={height} fontSize={11} aria-hidden="true">
        <g dangerouslySetInnerHTML={{ __html: drawn }} fill={figure.ink} />
        <line
          className={isEdited ? 'plan-cursor-line plan-cursor-edited' : 'plan-cursor-line'}
          x1={cursorX}
          x2={cursorX}
          y1={PLOT.top - 8}
          y2={height - PLOT.bottom}
        />
        {pointer !== null && isWithin(frame, pointer) && (
          <g className="crosshair">
            <line x1={pointer.x} x2={pointer.x} y1={frame.top} y2={frame.top + frame.height} />
            <line x1={frame.left} x2={frame.left + frame.width} y1={pointer.y} y2={pointer.y} />
            <text x={Math.min(pointer.x + 6, frame.left + frame.width - 90)} y={pointer.y - 6}>
              {`${formatFactor(scales.at(pointer.x, pointer.y).factor)}, `}
              {formatDifference(scales.at(pointer.x, pointer.y).difference, panel.metric)}
            </text>
          </g>
        )}
        {points.map(({ point, x, y }) => (
          <circle
            key={`${point.method} ${point.factor}`}
            className="curve-point"
            data-method={point.method}
            data-factor={point.factor}
            data-x={x}
            data-y={y}
            cx={x}
            cy={y}
            r={chosen?.point === point ? 9 : 7}
            fill="transparent"
            stroke={chosen?.point === point ? 'var(--accent)' : hovered?.point === point ? figure.ink : 'none'}
            strokeWidth={chosen?.point === point ? 2 : 1.2}
          />
        ))}
      </svg>
      {title !== '' && <span className="difference-plot-title">{title}</span>}
      {hovered !== null && (
        <ChartTip
          at={hovered}
          chart={{ width, height }}
          width={TIP_WIDTH}
          title={drawsTitle(hovered.point)}
          lines={linesOf(hovered.point)}
        />
      )}
      <p className="visually-hidden" aria-live="polite">
        {chosen === null
          ? `The plan on screen is at ${formatFactor(cursor)}${isEdited ? ', edited: no point of its method is its own' : ''}.`
          : `${drawsTitle(chosen.point)}: ${linesOf(chosen.point).join('; ')}`}
      </p>
    </div>
  );
};
