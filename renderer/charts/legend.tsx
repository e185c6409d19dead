import { type ColorScale, scaleSteps } from '../../main/figures/colors.ts';
import { markOutline, type MethodStyle, RECOVERED_DOT } from '../../main/figures/method-marks.ts';
import type { ResolvedTheme } from '../state/theme.ts';

interface MethodMarkerProps {
  readonly style: MethodStyle;
  readonly theme: ResolvedTheme;
  readonly x: number;
  readonly y: number;
  /** Radius in pixels. */
  readonly r: number;
  /** Drawn hollow: not reached. */
  readonly hollow?: boolean;
}

/** Marker of a method: filled, or open with a dot if its plans were recovered. */
export const MethodMarker = ({ style, theme, x, y, r, hollow = false }: MethodMarkerProps) => {
  const color = style[theme];
  const open = hollow || style.isRecovered;
  return (
    <>
      <path
        d={markOutline(style.shape, x, y, r)}
        fill={open ? 'var(--surface)' : color}
        stroke={open ? color : 'var(--surface)'}
        strokeWidth={open ? 1.3 : 0.8}
      />
      {style.isRecovered && !hollow && <circle cx={x} cy={y} r={Math.max(1, RECOVERED_DOT * r)} fill={color} />}
    </>
  );
};

interface ColorLegendProps {
  readonly scale: ColorScale;
  /** Labels at the ends and the middle. */
  readonly labels: readonly [string, string, string];
  /** The scale in words, if the labels do not say enough. */
  readonly words?: string;
  /** Words for both ends of a difference. */
  readonly ends?: readonly [string, string] | undefined;
}

const STEPS = 24;

/** A colour bar with labels at its ends and middle, and the scale in words. */
export const ColorLegend = ({ scale, labels, words, ends }: ColorLegendProps) => (
  <div className="color-legend" role="img" aria-label={`Colours from ${labels[0]} to ${labels[2]}`}>
    {ends !== undefined && <span className="color-legend-end">{ends[0]}</span>}
    <div>
      <div
        className="color-legend-bar"
        style={{ background: `linear-gradient(to right, ${scaleSteps(scale, STEPS).join(', ')})` }}
      />
      <div className="color-legend-numbers">
        {labels.map((label, index) => (
          <span key={index}>{label}</span>
        ))}
      </div>
    </div>
    {ends !== undefined && <span className="color-legend-end">{ends[1]}</span>}
    {words !== undefined && <span className="color-legend-words">{words}</span>}
  </div>
);
