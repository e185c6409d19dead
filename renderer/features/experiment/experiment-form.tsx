import { useStore } from 'zustand';
import { describedExperimentSettings, type ExperimentSettings, isTrained } from '../../../main/contract/experiment.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { isIdle, refusedSettings, settingsOf } from '../../../main/contract/setting.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { listed } from '../../../main/words/numbers.ts';
import { sweepModels } from '../../actions/sweep.ts';
import { Button } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { Problem } from '../../components/problem.tsx';
import { SettingFields } from '../../components/setting-field.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { tickedTasks, useFacts } from '../../engine/facts.ts';
import { experimentStore } from '../../state/dialog-stores.ts';
import { type FinetuneState, finetuneStore, trainingFor } from '../../state/model-forms.ts';
import { sweepStore, usualMethods } from '../../state/sweep-store.ts';
import type { CallInput } from '../../../main/contract/calls.ts';
import { finetuneSettings } from '../../../main/contract/finetune.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import { equalSizes, noCalibration, noRightAnswers, refusalText } from '../../../main/contract/start-rules.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { ModelTicks } from '../../sweep/model-ticks.tsx';
import './experiment.css';

type Choices = Omit<ExperimentSettings, 'training'>;
/** Trained arms use the settings and the Python of the form of fine-tuning. */
type Training = Pick<FinetuneState, 'settings' | 'python'>;

/** Why the experiment cannot start, as far as the window can know; null if it can be requested. */
export const experimentObstacle = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  { methods, ...described }: Choices,
  training: Training,
): string | null => {
  if (models.length < 2) return 'Tick at least two models of a family; they differ in their number of experts.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  const text = tasks.find(({ metric }) => metric === 'perplexity');
  const bare = tasks.find(({ items }) => items.calibration === 0);
  const refusal =
    equalSizes(models.flatMap(({ name, info }) => (info === null ? [] : [{ name, experts: info.experts }]))) ??
    (text && noRightAnswers(text.title)) ??
    (bare && noCalibration(bare.title, 'profile', 'window'));
  if (refusal !== undefined) return refusalText(refusal);
  if (methods.length === 0) return 'Tick at least one method.';
  if (described.treatments.length === 0) return 'Tick at least one arm.';
  if (
    described.treatments.some(isTrained) &&
    refusedSettings(finetuneSettings, trainingFor(models, training.settings)).length > 0
  )
    return 'Correct the settings of the training in “Fine-tune…”.';
  const [wrong] = refusedSettings(describedExperimentSettings, described);
  return wrong === undefined ? null : `${wrong.label}: ${wrong.range}.`;
};

/** The `experiment.start` request; null if there is an obstacle. */
export const experimentInput = (
  models: readonly ModelEntry[],
  tasks: readonly TaskEntry[],
  choices: Choices,
  training: Training,
): CallInput<'experiment.start'> | null => {
  if (experimentObstacle(models, tasks, choices, training) !== null) return null;
  const isTraining = choices.treatments.some(isTrained);
  return {
    models: models.map(({ handle }) => handle),
    tasks: tasks.map(({ handle }) => handle),
    settings: {
      ...choices,
      training: finetuneSettings.parse(isTraining ? trainingFor(models, training.settings) : {}),
    },
    python: training.python?.handle ?? null,
  };
};

const fields = settingsOf(describedExperimentSettings);

/** The paper's experiment on an own family: the models and tasks that are ticked for the next sweep. */
export const ExperimentForm = () => {
  const facts = useFacts();
  // The models of the sweep's form, also where they change.
  useStore(sweepStore);
  const training = useStore(finetuneStore);
  const { settings, choose, ask, showRun } = useStore(experimentStore);
  const values: Readonly<Record<string, unknown>> = settings;
  const { busy, problem, start } = useRequest('here');
  const models = sweepModels(facts);
  const tasks = tickedTasks(facts);
  const obstacle = experimentObstacle(models, tasks, settings, training);
  const isTraining = settings.treatments.some(isTrained);
  const toggled = (method: MethodName): readonly MethodName[] =>
    usualMethods.filter((entry) => settings.methods.includes(entry) !== (entry === method));
  const begin = (): void =>
    start(async ({ bridge }) => {
      const input = experimentInput(models, tasks, settings, training);
      if (input === null) return;
      const { run } = await bridge.call('experiment.start', input);
      showRun(run);
    });
  const toTraining = (): void => {
    ask(false);
    finetuneStore.getState().show(true);
  };
  return (
    <>
      <div className="dialog-body experiment">
        <p>
          {models.length === 0 ? 'No model' : listed(models.map(({ name }) => name))} on{' '}
          {tasks.length === 0 ? 'no task' : listed(tasks.map(({ title }) => title))}: every member is pruned to the size
          of each smaller one, and compared with that one and with itself unpruned, on the same items.
        </p>
        <div className="field-stacked">
          <span className="field-label">Models</span>
          <ModelTicks models={models} />
        </div>
        <div className="field-stacked">
          <span className="field-label">Methods</span>
          <div className="choice-row" role="group" aria-label="Methods">
            {usualMethods.map((method) => (
              <Checkbox
                key={method}
                checked={settings.methods.includes(method)}
                onChange={() => choose('methods', toggled(method))}
              >
                {methodTitle(method)}
              </Checkbox>
            ))}
          </div>
        </div>
        <div className="experiment-fields">
          <SettingFields
            settings={fields.filter((setting) => !isIdle(setting, values))}
            values={values}
            choose={choose}
          />
        </div>
        {isTraining && (
          <p className="muted">
            Trained arms use the settings and the Python of “Fine-tune…”: give a rate and epochs that suit the size of
            the models.{' '}
            <Button look="quiet" small onClick={toTraining}>
              Fine-tune…
            </Button>
          </p>
        )}
        {problem !== null && <Problem error={problem} />}
      </div>
      <footer className="dialog-foot">
        <span className="muted">{obstacle ?? ''}</span>
        <Button onClick={() => ask(false)}>Cancel</Button>
        <Button look="primary" icon="play" onClick={begin} disabled={busy || obstacle !== null || !facts.connected}>
          Start the experiment
        </Button>
      </footer>
    </>
  );
};
