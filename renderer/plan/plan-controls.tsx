import { useId } from 'react';
import { useStore } from 'zustand';
import { Definition } from '../components/definition.tsx';
import { Problem } from '../components/problem.tsx';
import { selectedModel, useFacts } from '../engine/facts.ts';
import { formatFactor, formatParameters, formatPercent } from '../../main/figures/numbers.ts';
import { planStore } from '../state/plan-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import { fewestKept, keptAtFactor, standardFactors } from './kept-counts.ts';
import type { ExpertCounts } from './kept-counts.ts';
import { MethodSelect } from './method-select.tsx';
import { shownImport } from './plan-input.ts';
import { useCurrentPlan } from './use-current-plan.ts';
import './plan.css';

/** Every possible number of kept experts; factor and kept count are both shown. */
export const FactorSlider = ({ counts }: { readonly counts: ExpertCounts }) => {
  const id = useId();
  const factor = useStore(selectionStore, (state) => state.factor);
  const { chooseFactor } = selectionStore.getState();
  const fewest = fewestKept(counts);
  const kept = keptAtFactor(counts, factor);
  // The slider runs over log2 of the factor's kept count, so that ×2, ×4, ×8 stand evenly.
  const position = Math.log2(counts.experts / kept);
  const end = Math.log2(counts.experts / fewest);
  const setKept = (count: number): void =>
    chooseFactor(counts.experts / Math.min(counts.experts, Math.max(fewest, count)));
  return (
    <div className="factor-slider">
      <label htmlFor={id} className="field-label">
        <Definition of="factor">Factor</Definition>
      </label>
      <div className="factor-slider-track">
        <input
          id={id}
          type="range"
          min={0}
          max={end}
          step="any"
          value={position}
          aria-valuetext={`factor ${formatFactor(counts.experts / kept)}, ${kept} of ${counts.experts} experts kept`}
          onChange={(event) => setKept(Math.round(counts.experts / 2 ** Number(event.target.value)))}
          onKeyDown={(event) => {
            const step = { ArrowRight: -1, ArrowUp: -1, ArrowLeft: 1, ArrowDown: 1 }[event.key];
            if (step === undefined || event.altKey) return;
            event.preventDefault();
            setKept(kept + step);
          }}
        />
        <div className="factor-slider-marks">
          {standardFactors(counts).map((standard) => (
            <button
              key={standard}
              type="button"
              tabIndex={-1}
              aria-label={`Factor ${standard}`}
              aria-pressed={keptAtFactor(counts, standard) === kept}
              style={{ left: `calc(8px + (100% - 16px) * ${end > 0 ? Math.log2(standard) / end : 0})` }}
              onClick={() => setKept(keptAtFactor(counts, standard))}
            >
              {standard}
            </button>
          ))}
        </div>
      </div>
      <output htmlFor={id} className="factor-slider-value">
        <strong>{formatFactor(counts.experts / kept)}</strong>
        <span className="muted">
          {kept} of {counts.experts} kept
        </span>
      </output>
    </div>
  );
};

/** Method and factor in one line: what the hatching of the map follows. */
export const PlanControls = () => {
  const facts = useFacts();
  const imported = shownImport(facts, useStore(planStore));
  const { made, error } = useCurrentPlan();
  const info = selectedModel(facts)?.info;
  if (info === null || info === undefined) return null;
  return (
    <section aria-label="Plan" className="plan-line">
      {imported?.kind !== 'plan' && <FactorSlider counts={info} />}
      {imported === null ? (
        <MethodSelect />
      ) : (
        <span>
          <span className="muted">{imported.kind === 'plan' ? 'Plan' : 'Ranking'}</span> {imported.name}
        </span>
      )}
      {made !== undefined && (
        <span className="plan-line-cost muted number">
          <Definition of="totalParameters">Parameters</Definition> {formatParameters(made.cost.parameters.total)} (
          {formatPercent(made.cost.parameters.total / made.cost.before.total, 0)})
        </span>
      )}
      {error !== null && <Problem error={error} />}
    </section>
  );
};
