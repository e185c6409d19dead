import { ChartTip } from '../../charts/chart-tip.tsx';
import { useState } from 'react';
import type { SvgNode } from '../../../main/figures/svg.ts';
import { dotsOf, nearestMark, useElementWidth } from '../../charts/chart-element.ts';
import type { Dot } from '../../charts/chart-element.ts';
import { neighbour } from '../../state/selection-store.ts';

/** Exact numbers of a point. */
export interface PointText {
  readonly title: string;
  readonly lines: readonly string[];
}

interface PointedChartProps {
  readonly id: string;
  readonly label: string;
  readonly height: number;
  /** Text of a point by its `data-point`; null if there is no such point. */
  readonly text: (key: string) => PointText | null;
  readonly onSelect: (key: string) => void;
  /** Draws the figure at this width. `pointed`: key of the point under the pointer. */
  readonly draw: (
    width: number,
    pointed: string | null,
  ) => { readonly nodes: readonly SvgNode[]; readonly points: readonly Dot[] };
}

const TIP_WIDTH = 250;

/**
 * The chart of a saved figure, whose points show exact numbers and can be selected, by pointer or keyboard. Its table
 * shows the same.
 */
export const PointedChart = ({ id, label, height, text, onSelect, draw }: PointedChartProps) => {
  const [frame, width] = useElementWidth<HTMLDivElement>();
  const [hovered, setHovered] = useState<Dot | null>(null);
  const shown = hovered === null ? null : text(hovered.key);
  const drawn = width > 0 ? draw(width, hovered?.key ?? null) : null;
  return (
    <div
      className="curve-chart"
      ref={frame}
      id={id}
      role="application"
      aria-roledescription="chart"
      aria-label={`${label}. Arrow keys move between points, Enter opens one.`}
      tabIndex={0}
      style={{ height, cursor: shown === null ? undefined : 'pointer' }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && hovered !== null) onSelect(hovered.key);
        else if (event.key === 'Escape') setHovered(null);
        else {
          const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
          if (step === undefined || event.altKey) return;
          const dots = dotsOf(event.currentTarget);
          setHovered(neighbour(dots, dots.find(({ key }) => key === hovered?.key) ?? null, step));
        }
        event.preventDefault();
      }}
      onBlur={() => setHovered(null)}
      onPointerMove={(event) => {
        const near = nearestMark(dotsOf(event.currentTarget), event);
        setHovered((known) => (known?.key === near?.key ? known : near));
      }}
      onPointerLeave={() => setHovered(null)}
      onClick={() => {
        if (hovered !== null) onSelect(hovered.key);
      }}
    >
      {drawn !== null && (
        <svg className="chart-surface" aria-hidden="true" width={width} height={height} fontFamily="inherit">
          <g
            fontSize={11}
            fill="var(--text)"
            dangerouslySetInnerHTML={{ __html: drawn.nodes.map(({ svg }) => svg).join('') }}
          />
          {drawn.points.map(({ key, x, y }) => (
            <circle
              key={key}
              className="curve-point"
              data-point={key}
              data-x={x}
              data-y={y}
              cx={x}
              cy={y}
              r={3}
              fill="none"
            />
          ))}
        </svg>
      )}
      {hovered !== null && shown !== null && (
        <ChartTip at={hovered} chart={{ width, height }} width={TIP_WIDTH} title={shown.title} lines={shown.lines} />
      )}
      <p className="visually-hidden" aria-live="polite">
        {shown === null ? '' : [shown.title, ...shown.lines].join('; ')}
      </p>
    </div>
  );
};
