import { useStore } from 'zustand';
import { methodStyle } from '../../../main/figures/method-marks.ts';
import type { ResolvedTheme } from '../../app/theme.ts';
import { MethodMarker } from '../../charts/method-marker.tsx';
import { curvesStore } from '../../state/curves-store.ts';
import { methodTitle } from '../prune/methods.ts';

interface MethodTogglesProps {
  /** Every method of the sweep, in its lasting order. */
  readonly methods: readonly string[];
  readonly theme: ResolvedTheme;
}

/** The methods with their lines and marks; a click takes one out of the charts of Curves and Thresholds. */
export const MethodToggles = ({ methods, theme }: MethodTogglesProps) => {
  const { hiddenMethods, toggleMethod } = useStore(curvesStore);
  return methods.map((method, order) => {
    const style = methodStyle(method, order);
    const color = style[theme];
    return (
      <button
        key={method}
        type="button"
        className="legend-method"
        aria-pressed={!hiddenMethods.includes(method)}
        onClick={() => toggleMethod(method)}
      >
        <svg width="30" height="12" aria-hidden="true">
          <line x1="0" x2="30" y1="6" y2="6" stroke={color} strokeWidth="1.8" strokeDasharray={style.dash} />
          <MethodMarker style={style} theme={theme} x={15} y={6} r={3.6} />
        </svg>
        {methodTitle(method)}
      </button>
    );
  });
};
