import { type ReactNode, useMemo, useState } from 'react';
import type { ChartFigure } from '../../main/figures/chart.ts';
import type { FigureTheme } from '../../main/figures/colors.ts';
import { drawMark, type LegendEntry } from '../../main/figures/method-marks.ts';
import { Chart } from './chart.tsx';

/** Lines and marks with their names; `onPoint`: the name under the pointer. */
export const ChartLegend = ({
  entries,
  onPoint,
}: {
  readonly entries: readonly LegendEntry[];
  readonly onPoint?: (index: number | null) => void;
}) => (
  <ul className="chart-legend" aria-label="Curves">
    {entries.map(({ label, mark }, index) => (
      <li key={label} onPointerEnter={() => onPoint?.(index)} onPointerLeave={() => onPoint?.(null)}>
        <svg width="30" height="12" aria-hidden="true">
          <line x1="0" x2="30" y1="6" y2="6" stroke={mark.color} strokeWidth="1.8" strokeDasharray={mark.dash} />
          <g dangerouslySetInnerHTML={{ __html: drawMark(mark, 15, 6, 3.6).svg }} />
        </svg>
        {label}
      </li>
    ))}
  </ul>
);

interface ChartPanelsProps {
  /** Start of the charts' ids. */
  readonly id: string;
  readonly figure: ChartFigure;
  readonly theme: FigureTheme;
  /** Height of a plot; default: that of the saved figure. */
  readonly height?: number;
  readonly selected?: string | null;
  /** Called with the key of a chart and of its point. */
  readonly onSelect?: (chart: string, point: string) => void;
  readonly arrowsSelect?: boolean;
  /** Beside the heading of a chart. */
  readonly beside?: (chart: string) => ReactNode;
  readonly isOne?: boolean;
}

const HEIGHT = 150;

/** The charts of a figure beside each other, each with its heading. */
export const ChartPanels = ({ figure, height, isOne = false, ...props }: ChartPanelsProps) => (
  <div className={isOne ? 'curve-grid curve-grid-one' : 'curve-grid'}>
    {figure.charts.map((chart) => (
      <Panel key={chart.key} chart={chart} height={height ?? figure.plot?.height ?? HEIGHT} {...props} />
    ))}
  </div>
);

interface PanelProps extends Omit<ChartPanelsProps, 'figure' | 'height' | 'isOne'> {
  readonly chart: ChartFigure['charts'][number];
  readonly height: number;
}

const Panel = ({ id, chart, theme, height, selected, onSelect, arrowsSelect, beside }: PanelProps) => (
  <figure className="curve-panel">
    <figcaption>
      <h3>{chart.heading}</h3>
      <span className="muted number">{chart.note}</span>
      {beside?.(chart.key)}
    </figcaption>
    <Chart
      id={`${id}-${chart.key}`}
      label={`${chart.heading}: ${chart.y.title === '' ? '' : `${chart.y.title} against `}${chart.x.title}`}
      chart={chart}
      theme={theme}
      height={height}
      selected={selected ?? null}
      {...(onSelect === undefined ? {} : { onSelect: (key: string) => onSelect(chart.key, key) })}
      {...(arrowsSelect === undefined ? {} : { arrowsSelect })}
    />
  </figure>
);

/** A figure of one chart with its legend; a name under the pointer brings its curve to the front. */
export const LegendedChart = ({
  figure,
  theme,
  label,
  height,
  selected = null,
  onSelect,
}: Pick<ChartPanelsProps, 'figure' | 'theme' | 'selected'> & {
  readonly label: string;
  readonly height: number;
  /** Called with the key of a point. */
  readonly onSelect?: (point: string) => void;
}) => {
  const [pointed, point] = useState<number | null>(null);
  const [chart] = figure.charts;
  const emphasised = useMemo(() => (pointed === null ? null : (chart?.series[pointed]?.key ?? null)), [chart, pointed]);
  if (chart === undefined) return null;
  return (
    <>
      <ChartLegend entries={figure.legend} onPoint={point} />
      <Chart
        label={label}
        chart={chart}
        theme={theme}
        height={height}
        emphasised={emphasised}
        selected={selected}
        {...(onSelect === undefined ? {} : { onSelect })}
      />
    </>
  );
};
