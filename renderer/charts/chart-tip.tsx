import { TipText } from '../components/tooltip.tsx';

interface ChartTipProps {
  /** Position of the point, in CSS pixels within the chart. */
  readonly at: { readonly x: number; readonly y: number };
  readonly chart: { readonly width: number; readonly height: number };
  readonly width: number;
  readonly title: string;
  readonly lines: readonly string[];
}

/** Distance from the point, in CSS pixels. */
const GAP = 12;

/** The tooltip of a chart's point, placed inside the chart on the side with more room. */
export const ChartTip = ({ at, chart, width, title, lines }: ChartTipProps) => {
  const isAbove = at.y > chart.height / 2;
  return (
    <div
      className="chart-tip"
      style={{
        width,
        left: Math.max(0, Math.min(at.x + GAP, chart.width - width)),
        top: isAbove ? undefined : at.y + GAP,
        bottom: isAbove ? chart.height - at.y + GAP : undefined,
      }}
    >
      <TipText title={title} lines={lines} />
    </div>
  );
};
