import { useStore } from 'zustand';
import { byNewest, type RunManifest } from '../../../main/contract/run.ts';
import { openRun } from '../../actions/open-run.ts';
import { RowButton } from '../../components/button.tsx';
import { Section } from '../../components/panel.tsx';
import { focusedTask, isUsable, selectedModel, useFacts } from '../../engine/facts.ts';
import { formatWhen } from '../../format/format-time.ts';
import { shownRunName } from '../../format/run-names.ts';
import { ModelMissing } from '../../plan/model-missing.tsx';
import '../../plan/plan.css';
import { fitStore } from '../../state/model-forms.ts';
import { FitAnswer } from './fit-answer.tsx';
import { FitForm } from './fit-form.tsx';
import './fit.css';

/** A search that ended without an answer leaves the form where it is. */
const hasAnswer = ({ state }: RunManifest): boolean => state !== 'failed' && state !== 'cancelled';

const LISTED = 8;

/** In place of an answer: what a search does, and those that other models and tasks have had. */
const BeforeSearch = ({ model, task }: { readonly model: string; readonly task: string | null }) => {
  const facts = useFacts();
  const earlier = facts.runs
    .filter(({ kind, label }) => kind === 'fit' && label?.archived !== true)
    .sort(byNewest)
    .slice(0, LISTED);
  return (
    <>
      <ol className="fit-steps" aria-label="What the search does">
        <li>
          <h3>Makes all that fits</h3>
          <p>Prunes {model}, and rounds its weights to each type of the format, until the size is met.</p>
        </li>
        <li>
          <h3>Scores every way</h3>
          <p>On calibration items of {task ?? 'the task'}, with the unpruned model beside it. No test item is seen.</p>
        </li>
        <li>
          <h3>Tests once</h3>
          <p>The best one and its runners-up answer the test items: the loss, its interval, and whether it is safe.</p>
        </li>
      </ol>
      {earlier.length > 0 && (
        <Section label="Earlier searches" title="Earlier searches">
          <ul className="rows fit-earlier">
            {earlier.map((run) => (
              <li key={run.id} className="row">
                <RowButton
                  name={shownRunName(run, facts.tasks)}
                  note={`${run.state} · ${formatWhen(run.createdAt, new Date())}`}
                  wraps
                  onClick={() => openRun(facts, run)}
                />
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
};

/** The best model that fits: a place, a task and a time; then the curve as it grows, and the answer. */
export const FitView = () => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const { run: shown, asking } = useStore(fitStore);
  if (!isUsable(model)) return <ModelMissing />;
  const task = focusedTask(facts);
  const fits = facts.runs
    .filter(({ kind, models }) => kind === 'fit' && models.some(({ name }) => name === model.name))
    .sort(byNewest);
  // A search that was opened is shown for each of its tasks, any other one for the task that decided.
  const run =
    fits.find(({ id, tasks }) => id === shown && tasks.some(({ name }) => name === task?.name)) ??
    fits.find(({ tasks }) => tasks[0]?.name === task?.name) ??
    null;
  return (
    <div className="view-body fit">
      {(run === null || asking || !hasAnswer(run)) && <FitForm model={model} run={run} />}
      {run === null ? (
        <BeforeSearch model={model.name} task={task?.title ?? null} />
      ) : (
        <FitAnswer key={run.id} run={run} />
      )}
    </div>
  );
};
