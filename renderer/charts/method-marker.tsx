import { markOutline, type MethodStyle, RECOVERED_DOT } from '../../main/figures/method-marks.ts';
import type { ResolvedTheme } from '../app/theme.ts';

interface MethodMarkerProps {
  readonly style: MethodStyle;
  readonly theme: ResolvedTheme;
  readonly x: number;
  readonly y: number;
  /** Radius, pixels. */
  readonly r: number;
  /** Drawn open: what the chart says was not reached. */
  readonly hollow?: boolean;
}

/** Mark of a method: filled; open with a dot in it where its plans were recovered. */
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
