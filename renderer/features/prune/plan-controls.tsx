import { useStore } from 'zustand';
import { Definition } from '../../components/definition.tsx';
import { Problem } from '../../components/problem.tsx';
import { selectedModel } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { formatParameters, formatPercent } from '../../format/format-number.ts';
import { planStore } from '../../state/plan-store.ts';
import { shownImport } from './current-plan.ts';
import { FactorSlider } from './factor-slider.tsx';
import { MethodSelect } from './method-select.tsx';
import { useCurrentPlan } from './use-current-plan.ts';
import './prune.css';

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
