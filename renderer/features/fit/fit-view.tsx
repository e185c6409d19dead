import { useStore } from 'zustand';
import type { RunManifest } from '../../../main/contract/run.ts';
import { focusedTask, isUsable, selectedModel, useFacts } from '../../engine/facts.ts';
import { ModelMissing } from '../../plan/model-missing.tsx';
import '../../plan/plan.css';
import { fitStore } from '../../state/fit-store.ts';
import { FitAnswer } from './fit-answer.tsx';
import { FitForm } from './fit-form.tsx';
import './fit.css';

/** A search that ended without an answer leaves the form where it is. */
const hasAnswer = ({ state }: RunManifest): boolean => state !== 'failed' && state !== 'cancelled';

/** The best model that fits: a place, a task and a time; then the curve as it grows, and the answer. */
export const FitView = () => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const { run: shown, asking } = useStore(fitStore);
  if (!isUsable(model)) return <ModelMissing />;
  const task = focusedTask(facts);
  const fits = facts.runs
    .filter(({ kind, models }) => kind === 'fit' && models.some(({ name }) => name === model.name))
    .sort((left, right) => right.createdAt.localeCompare(left.createdAt));
  // A search that was opened is shown for each of its tasks, any other one for the task that decided.
  const run =
    fits.find(({ id, tasks }) => id === shown && tasks.some(({ name }) => name === task?.name)) ??
    fits.find(({ tasks }) => tasks[0]?.name === task?.name) ??
    null;
  return (
    <div className="view-body fit">
      {(run === null || asking || !hasAnswer(run)) && <FitForm model={model} run={run} />}
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
