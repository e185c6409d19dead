import { scaleSteps } from './color-scales.ts';
import type { ColorScale } from './color-scales.ts';

interface ColorLegendProps {
  readonly scale: ColorScale;
  readonly format: (value: number) => string;
  /** Words for the two ends of a difference. */
  readonly ends?: readonly [string, string];
}

const STEPS = 24;

/** A colour bar with numbers at its ends and middle. */
export const ColorLegend = ({ scale, format, ends }: ColorLegendProps) => {
  const [low, high] = scale.domain;
  const middle = (low + high) / 2;
  return (
    <div className="color-legend" role="img" aria-label={`Colours from ${format(low)} to ${format(high)}`}>
      {ends !== undefined && <span className="color-legend-end">{ends[0]}</span>}
      <div>
        <div
          className="color-legend-bar"
          style={{ background: `linear-gradient(to right, ${scaleSteps(scale, STEPS).join(', ')})` }}
        />
        <div className="color-legend-numbers">
          <span>{format(low)}</span>
          <span>{format(middle)}</span>
          <span>{format(high)}</span>
        </div>
      </div>
      {ends !== undefined && <span className="color-legend-end">{ends[1]}</span>}
    </div>
  );
};
