import { EmptyState } from '../../components/empty-state.tsx';
import { isUsable, selectedModel } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { PlanMap } from './plan-map.tsx';
import { PlanOutcome } from './plan-outcome.tsx';
import { PlanSettings } from './plan-settings.tsx';
import { SweepLauncher } from './sweep-launcher.tsx';
import './prune.css';

export const PruneView = () => {
  const facts = useFacts();
  const model = selectedModel(facts);
  if (!isUsable(model)) {
    return (
      <EmptyState icon="model" title={model === null ? 'No model selected' : `${model.name} cannot be used here`}>
        {model === null
          ? 'Select a model on the left, or open a folder with +.'
          : (model.error ?? model.info?.reasons.join(' '))}
      </EmptyState>
    );
  }
  return (
    <div className="view-body">
      <div className="prune-columns">
        <PlanSettings model={model} />
        <PlanOutcome />
      </div>
      <PlanMap />
      <SweepLauncher />
    </div>
  );
};
