import { useStore } from 'zustand';
import { describedExperimentSettings, isTrained } from '../../../main/contract/experiment.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { isIdle, settingsOf } from '../../../main/contract/setting.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { listed } from '../../../main/words/numbers.ts';
import { sweepModels } from '../../actions/sweep.ts';
import { Button } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { Problem } from '../../components/problem.tsx';
import { SettingField } from '../../components/setting-field.tsx';
import { listsRuns } from '../../engine/apply-event.ts';
import { useRequest } from '../../engine/engine-context.tsx';
import { tickedTasks, useFacts } from '../../engine/facts.ts';
import { experimentStore } from '../../state/dialog-stores.ts';
import { finetuneStore } from '../../state/finetune-store.ts';
import { sweepStore, usualMethods } from '../../state/sweep-store.ts';
import { experimentInput, experimentObstacle } from './experiment-input.ts';
import './experiment.css';

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
    usualMethods.filter((one) => settings.methods.includes(one) !== (one === method));
  const begin = (): void =>
    start(async ({ bridge, cache }) => {
      const input = experimentInput(models, tasks, settings, training);
      if (input === null) return;
      const { run } = await bridge.call('experiment.start', input);
      cache.invalidate(listsRuns);
      showRun(run);
    });
  const toTraining = (): void => {
    ask(false);
    finetuneStore.getState().show(true);
  };
  return (
    <>
      <div className="experiment">
        <p>
          {models.length === 0 ? 'No model' : listed(models.map(({ name }) => name))} on{' '}
          {tasks.length === 0 ? 'no task' : listed(tasks.map(({ title }) => title))}: every member is pruned to the size
          of each smaller one, and compared with that one and with itself unpruned, on the same items.
        </p>
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
          {fields.map((setting) => (
            <SettingField
              key={setting.name}
              stacked
              setting={setting}
              value={values[setting.name]}
              disabled={isIdle(setting, values)}
              onChange={(value) => choose(setting.name, value)}
              onRefused={(value) => choose(setting.name, value)}
            />
          ))}
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
