import { useId, useState } from 'react';
import { useStore } from 'zustand';
import { type ArmTreatment, armTreatment, isTrained } from '../../../main/contract/experiment.ts';
import { methodTitle, treatmentWords } from '../../../main/words/methods.ts';
import { listed } from '../../../main/words/numbers.ts';
import { sweepModels } from '../../actions/sweep.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { NumberInput, wholeFrom } from '../../components/number-input.tsx';
import { Problem } from '../../components/problem.tsx';
import { listsRuns } from '../../engine/apply-event.ts';
import { useRequest } from '../../engine/engine-context.tsx';
import { tickedTasks, useFacts } from '../../engine/facts.ts';
import { experimentStore } from '../../state/dialog-stores.ts';
import { finetuneStore } from '../../state/finetune-store.ts';
import { sweepStore, usualMethods } from '../../state/sweep-store.ts';
import { experimentInput, experimentObstacle, firstChoices } from './experiment-input.ts';
import './experiment.css';

/** The list with an item added, or without it. */
const toggled = <T,>(list: readonly T[], item: T): readonly T[] =>
  list.includes(item) ? list.filter((one) => one !== item) : [...list, item];

/** The paper's experiment on an own family: the models and tasks that are ticked for the next sweep. */
export const ExperimentForm = () => {
  const facts = useFacts();
  // The models of the sweep's form, also where they change.
  useStore(sweepStore);
  const training = useStore(finetuneStore);
  const [choices, choose] = useState(firstChoices);
  const { busy, problem, start } = useRequest('here');
  const [seedsId, limitId] = [useId(), useId()];
  const models = sweepModels(facts);
  const tasks = tickedTasks(facts);
  const obstacle = experimentObstacle(models, tasks, choices, training);
  const isTraining = choices.treatments.some(isTrained);
  const begin = (): void =>
    start(async ({ bridge, cache }) => {
      const input = experimentInput(models, tasks, choices, training);
      if (input === null) return;
      const { run } = await bridge.call('experiment.start', input);
      cache.invalidate(listsRuns);
      experimentStore.getState().showRun(run);
    });
  const toTraining = (): void => {
    experimentStore.getState().ask(false);
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
        <fieldset className="experiment-choice">
          <legend className="field-label">Methods</legend>
          {usualMethods.map((method) => (
            <Checkbox
              key={method}
              checked={choices.methods.includes(method)}
              onChange={() => choose({ ...choices, methods: toggled(choices.methods, method) })}
            >
              {methodTitle(method)}
            </Checkbox>
          ))}
        </fieldset>
        <fieldset className="experiment-choice">
          <legend className="field-label">
            <Definition of="experimentArm">Arms</Definition>
          </legend>
          {armTreatment.options.map((treatment: ArmTreatment) => (
            <Checkbox
              key={treatment}
              checked={choices.treatments.includes(treatment)}
              onChange={() => choose({ ...choices, treatments: toggled(choices.treatments, treatment) })}
            >
              {treatmentWords(treatment)}
            </Checkbox>
          ))}
        </fieldset>
        <div className="experiment-fields">
          <div className="field-stacked">
            <label className="field-label" htmlFor={seedsId}>
              Seeds of the draws
            </label>
            <input
              id={seedsId}
              className="input"
              spellCheck={false}
              value={choices.seeds}
              onChange={(event) => choose({ ...choices, seeds: event.target.value })}
            />
          </div>
          <div className="field-stacked">
            <label className="field-label" htmlFor={limitId}>
              Test items of each task
            </label>
            <NumberInput
              id={limitId}
              min={1}
              placeholder="all"
              value={choices.limit}
              accepts={(count) => count === null || wholeFrom(1)(count)}
              onChange={(limit) => choose({ ...choices, limit })}
            />
          </div>
        </div>
        {isTraining && (
          <p className="muted">
            Trained arms use the settings and the Python of “Fine-tune…”: give a rate and epochs that suit the size of
            the models.{' '}
            <Button look="quiet" className="button-small" onClick={toTraining}>
              Fine-tune…
            </Button>
          </p>
        )}
        {problem !== null && <Problem error={problem} />}
      </div>
      <footer className="dialog-foot">
        <span className="muted">{obstacle ?? ''}</span>
        <Button onClick={() => experimentStore.getState().ask(false)}>Cancel</Button>
        <Button look="primary" icon="play" onClick={begin} disabled={busy || obstacle !== null || !facts.connected}>
          Start the experiment
        </Button>
      </footer>
    </>
  );
};
