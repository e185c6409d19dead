import { useStore } from 'zustand';
import { isUsable, selectedModel, useFacts } from '../../engine/facts.ts';
import { ModelMissing } from '../../plan/model-missing.tsx';
import '../../plan/plan.css';
import { fitStore } from '../../state/fit-store.ts';
import { FitAnswer } from './fit-answer.tsx';
import { FitForm } from './fit-form.tsx';
import './fit.css';

/** The best model that fits: a place, a task and a time; then the curve as it grows, and the answer. */
export const FitView = () => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const shown = useStore(fitStore, (state) => state.run);
  if (!isUsable(model)) return <ModelMissing />;
  const own = facts.runs
    .filter(({ kind, models }) => kind === 'fit' && models.some(({ name }) => name === model.name))
    .sort((one, other) => other.createdAt.localeCompare(one.createdAt));
  const run = own.find(({ id }) => id === shown) ?? own[0] ?? null;
  return (
    <div className="view-body fit">
      <FitForm model={model} run={run} />
      {run === null ? (
        <p className="muted">
          The search prunes and rounds {model.name} until it fits, scores every way on calibration items, and tests the
          best one on the test items, once.
        </p>
      ) : (
        <FitAnswer key={run.id} run={run} />
      )}
    </div>
  );
};
