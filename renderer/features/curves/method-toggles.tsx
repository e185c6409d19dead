import { useStore } from 'zustand';
import type { ResolvedTheme } from '../../app/theme.ts';
import { markerPath, methodStyle } from '../../charts/method-styles.ts';
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
    const color = style.color[theme];
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
          <path d={markerPath(style.marker, 15, 6, 3.6)} fill={style.marker === 'cross' ? 'none' : color} stroke={color} />
        </svg>
        {methodTitle(method)}
      </button>
    );
  });
};
