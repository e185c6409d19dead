import { methodOfLabel } from '../../../main/contract/method.ts';
import { Definition } from '../../components/definition.tsx';
import { formatFixed } from '../../../main/words/numbers.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { MethodToggles } from '../../sweep/sweep-controls.tsx';

interface CurvesLegendProps {
  readonly methods: readonly string[];
  readonly theme: ResolvedTheme;
  readonly delta: number;
}

/** Explains lines, markers and rings; a click hides a method in the charts. */
export const CurvesLegend = ({ methods, theme, delta }: CurvesLegendProps) => (
  <div className="curves-legend">
    <MethodToggles methods={methods} theme={theme} />
    {methods.some((method) => methodOfLabel(method).isRecovered) && (
      <span>
        <svg width="16" height="16" aria-hidden="true">
          <circle cx="8" cy="8" r="4" fill="var(--surface)" stroke="var(--text-muted)" strokeWidth="1.3" />
          <circle cx="8" cy="8" r="1.5" fill="var(--text-muted)" />
        </svg>
        <Definition of="recoveredMark">recovered</Definition>
      </span>
    )}
    <span className="legend-rule" />
    <span>
      <svg width="22" height="12" aria-hidden="true">
        <line x1="0" x2="22" y1="6" y2="6" stroke="var(--text-muted)" />
      </svg>
      <Definition of="unprunedLine">unpruned</Definition>
    </span>
    <span>
      <svg width="22" height="12" aria-hidden="true">
        <line x1="0" x2="22" y1="6" y2="6" stroke="var(--text-muted)" strokeDasharray="4 3" />
      </svg>
      <Definition of="marginLine">unpruned − {formatFixed(delta, 3)}</Definition>
    </span>
    <span>
      <svg width="22" height="12" aria-hidden="true">
        <line x1="0" x2="22" y1="6" y2="6" stroke="var(--text-faint)" strokeDasharray="1 3" />
      </svg>
      <Definition of="chance">chance</Definition>
    </span>
    <span>
      <svg width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.5" fill="none" stroke="var(--text-muted)" strokeWidth="1.3" />
        <circle cx="8" cy="8" r="2.6" fill="var(--text-muted)" />
      </svg>
      <Definition of="threshold">threshold</Definition>
    </span>
    <span>
      <svg width="10" height="14" aria-hidden="true">
        <line x1="5" x2="5" y1="1" y2="13" stroke="var(--text-muted)" strokeWidth="1.2" />
      </svg>
      <Definition of="pairedDifference">95 % interval</Definition>
    </span>
  </div>
);
