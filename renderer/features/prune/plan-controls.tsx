import { useStore } from 'zustand';
import { Definition } from '../../components/definition.tsx';
import { Problem } from '../../components/problem.tsx';
import { Select } from '../../components/select.tsx';
import { selectedModel } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { formatParameters, formatPercent } from '../../format/format-number.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { FactorSlider } from './factor-slider.tsx';
import { methodTitle, offeredMethods } from './methods.ts';
import { useCurrentPlan } from './use-current-plan.ts';
import './prune.css';

/** Method and factor in one line: what the hatching of the map follows. */
export const PlanControls = () => {
  const facts = useFacts();
  const method = useStore(selectionStore, (state) => state.method);
  const { made, error } = useCurrentPlan();
  const info = selectedModel(facts)?.info;
  if (info === null || info === undefined) return null;
  return (
    <section aria-label="Plan" className="plan-line">
      <FactorSlider counts={info} />
      <Select
        label={<Definition of="method" />}
        value={method}
        options={offeredMethods.map((value) => ({ value, label: methodTitle(value) }))}
        onChange={(value) => selectionStore.getState().chooseMethod(value)}
      />
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
