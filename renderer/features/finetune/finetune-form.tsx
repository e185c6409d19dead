import { useStore } from 'zustand';
import type { FinetuneStage } from '../../../main/contract/finetune.ts';
import type { PathHandle } from '../../../main/contract/model.ts';
import { isIdle, type Setting } from '../../../main/contract/setting.ts';
import { Button } from '../../components/button.tsx';
import { Segmented, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { titleList } from '../../../main/words/task-titles.ts';
import { ChosenPath, NewFolderName, ParentFolder } from '../../components/new-folder.tsx';
import { Problem } from '../../components/problem.tsx';
import { SettingField, SettingLabel } from '../../components/setting-field.tsx';
import { listsRuns } from '../../engine/apply-event.ts';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { isUsable, selectedModel, tickedTasks, useFacts } from '../../engine/facts.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { trainingFor } from '../../plan/training.ts';
import { choosePython } from '../../state/file-choice.ts';
import { finetuneStore } from '../../state/finetune-store.ts';
import {
  finetuneInput,
  finetuneName,
  finetuneObstacle,
  finetuneSteps,
  hasTeacher,
  trainingSettings,
} from './finetune-input.ts';

const stageOptions = [
  { value: 'router,all', label: 'Router, then all weights', stages: ['router', 'all'] },
  {
    value: 'router,general,all',
    label: 'Router, general stage, then all weights',
    stages: ['router', 'general', 'all'],
  },
  { value: 'router', label: 'Router only', stages: ['router'] },
  { value: 'distil', label: 'Router distillation', stages: ['distil'] },
  { value: 'all', label: 'All weights', stages: ['all'] },
] as const satisfies readonly { value: string; label: string; stages: readonly FinetuneStage[] }[];

/** Model, tasks, settings, Python and destination of a fine-tuning. */
export const FinetuneForm = () => {
  const facts = useFacts();
  const state = useStore(finetuneStore);
  const { busy, problem, start } = useRequest('here');
  const model = selectedModel(facts);
  const tasks = tickedTasks(facts);
  const obstacle = finetuneObstacle(model, tasks, state);
  const items = tasks.reduce((sum, task) => sum + task.items.calibration, 0);
  const settings = trainingFor([model], state.settings);
  const steps = finetuneSteps(settings, items);
  const chosenStages = String(state.settings['stages']);
  const begin = (): void =>
    start(async ({ bridge, cache }) => {
      const input = finetuneInput(model, tasks, state);
      if (input === null) return;
      await bridge.call('finetune.start', input);
      cache.invalidate(listsRuns);
      state.show(false);
    });
  return (
    <>
      <div className="dialog-body">
        <p>
          A copy of <strong>{model?.name ?? 'no model'}</strong> is trained on the calibration items of{' '}
          {tasks.length === 0 ? 'no task' : titleList(tasks.map(({ title }) => title))}: {formatCount(items)} items
          {steps !== null && `, ${formatCount(steps)} steps`}. Test items are never used for training.
        </p>
        <div className="field-stacked finetune-stages">
          <span className="field-label">
            {trainingSettings
              .filter(({ name }) => name === 'stages')
              .map((setting) => (
                <SettingLabel key={setting.name} setting={setting} />
              ))}
          </span>
          <Segmented
            label="Stages"
            value={stageOptions.find(({ value }) => value === chosenStages)?.value ?? 'router,all'}
            options={stageOptions}
            onChange={(value) =>
              state.choose('stages', stageOptions.find((option) => option.value === value)?.stages ?? [])
            }
          />
        </div>
        <div className="finetune-numbers">
          {trainingSettings
            .filter(({ kind }) => kind !== 'list')
            .map((setting) => (
              <Field key={setting.name} setting={setting} />
            ))}
        </div>
        {trainingSettings
          .filter(({ kind, choices }) => kind === 'list' && choices.length === 0)
          .map((setting) => (
            <Field key={setting.name} setting={setting} />
          ))}
        {hasTeacher(state.settings) && <Teacher student={model?.handle ?? null} />}
        <Python />
        <Into name={model === null ? '' : finetuneName(model, tasks, state.name)} />
        {problem !== null && <Problem error={problem} />}
      </div>
      <footer className="dialog-foot">
        <span className="muted">{obstacle ?? ''}</span>
        <Button onClick={() => state.show(false)}>Cancel</Button>
        <Button look="primary" icon="play" onClick={begin} disabled={busy || obstacle !== null || !facts.connected}>
          {busy ? 'Checking Python…' : 'Start fine-tuning'}
        </Button>
      </footer>
    </>
  );
};

/** The field of a training setting. Invalid values are kept, and named at the foot of the dialog. */
const Field = ({ setting }: { readonly setting: Setting }) => {
  const { settings: typed, choose } = useStore(finetuneStore);
  const settings = trainingFor([selectedModel(useFacts())], typed);
  const take = (value: unknown): void => choose(setting.name, value);
  return (
    <SettingField
      stacked
      setting={setting}
      value={settings[setting.name]}
      disabled={isIdle(setting, settings)}
      onChange={take}
      onRefused={take}
    />
  );
};

/** Chooses the unpruned model whose distributions the routers learn. */
const Teacher = ({ student }: { readonly student: PathHandle | null }) => {
  const { models } = useFacts();
  const { teacher, chooseTeacher } = useStore(finetuneStore);
  const others = models.filter((model) => isUsable(model) && model.handle !== student);
  const options: readonly { readonly value: string; readonly label: string }[] = [
    { value: '', label: 'Choose…' },
    ...others.map(({ handle, name }) => ({ value: handle, label: name })),
  ];
  return (
    <Select
      stacked
      label={<Definition of="teacher" />}
      value={teacher ?? ''}
      options={options}
      onChange={(value) => chooseTeacher(others.find(({ handle }) => handle === value)?.handle ?? null)}
    />
  );
};

/** Chooses the Python for training, and says how to get one. */
const Python = () => {
  const { python, choosePython: take } = useStore(finetuneStore);
  const workspace = useQuery('engine.facts', {}).data?.workspace;
  const shown = python === null ? 'the environment of this workspace' : (python.path ?? 'the chosen program');
  return (
    <div className="field-stacked">
      <span className="field-label">
        <Definition of="finetunePython" />
      </span>
      <ChosenPath
        path={shown}
        label="Choose a Python"
        icon="file"
        before={python !== null && <Button onClick={() => take(null)}>Use the workspace’s</Button>}
        choose={async (bridge) => {
          const chosen = await choosePython(bridge);
          if (chosen !== null) take(chosen);
        }}
      />
      {python === null && (
        <p className="muted finetune-hint">
          Make it once under Devices, or in a terminal with{' '}
          <code>
            uncurl doctor --python{workspace === undefined ? '' : ` --workspace ${JSON.stringify(workspace)}`}
          </code>
          : PyTorch and transformers come from PyPI.
        </p>
      )}
    </div>
  );
};

const Into = ({ name }: { readonly name: string }) => {
  const { into, chooseInto, chooseName } = useStore(finetuneStore);
  return (
    <div className="finetune-into">
      <div className="field-stacked">
        <span className="field-label">Destination folder</span>
        <ParentFolder purpose="tuned" into={into} choose={chooseInto} />
      </div>
      <div className="field-stacked">
        <NewFolderName name={name} change={chooseName} />
      </div>
    </div>
  );
};
