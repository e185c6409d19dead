import { useStore } from 'zustand';
import { finetuneSettings, type FinetuneStage } from '../../../main/contract/finetune.ts';
import type { ModelEntry, PathHandle } from '../../../main/contract/model.ts';
import { isIdle, refusedSettings, settingsOf } from '../../../main/contract/setting.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { showDevices } from '../../actions/view.ts';
import { Button } from '../../components/button.tsx';
import { Segmented, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { titleList } from '../../../main/words/task-titles.ts';
import { ChosenPython, NewFolderName, ParentFolder } from '../../components/new-folder.tsx';
import { Problem } from '../../components/problem.tsx';
import { SettingFields, SettingLabel } from '../../components/setting-field.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { isUsable, selectedModel, tickedTasks, useFacts } from '../../engine/facts.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { type FinetuneState, finetuneStore, trainingFor } from '../../state/model-forms.ts';
import type { CallInput } from '../../../main/contract/calls.ts';
import { noCalibration, refusalText } from '../../../main/contract/start-rules.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { folderNameObstacle, folderNameOf } from '../../plan/export-source.ts';

type Chosen = Pick<FinetuneState, 'settings' | 'into' | 'name' | 'python' | 'teacher'>;

/** The training settings, in the order of the contract. */
export const trainingSettings = settingsOf(finetuneSettings);

/**
 * Steps of all stages: those of the router, of distillation and of the mixture, plus for `all` one pass over the items
 * per epoch; null if the contract rejects the settings.
 */
export const finetuneSteps = (settings: Chosen['settings'], items: number): number | null => {
  const parsed = finetuneSettings.safeParse(settings);
  if (!parsed.success) return null;
  const { stages, routerSteps, distilSteps, generalSteps, epochs, batch } = parsed.data;
  const steps = {
    router: routerSteps,
    distil: distilSteps,
    general: generalSteps,
    all: epochs * Math.ceil(items / batch),
  };
  return stages.reduce((sum, stage) => sum + steps[stage], 0);
};

/** Whether a stage learns from an unpruned model. */
const hasTeacher = ({ stages }: Chosen['settings']): boolean => Array.isArray(stages) && stages.includes('distil');

/** The typed name, or a default made of model and tasks. */
export const finetuneName = (model: ModelEntry, tasks: readonly TaskEntry[], typed: string | null): string =>
  typed ??
  folderNameOf([
    model.name,
    ...(tasks.length > 2 ? [`${tasks.length}-tasks`] : tasks.map(({ name }) => name)),
    'tuned',
  ]);

/** Why the fine-tuning cannot start, as far as the window can know; null if it can be requested. */
export const finetuneObstacle = (
  model: ModelEntry | null,
  tasks: readonly TaskEntry[],
  chosen: Chosen,
): string | null => {
  if (!isUsable(model)) return 'Select a model on the left.';
  if (tasks.length === 0) return 'Tick at least one task on the left.';
  const bare = tasks.find(({ items }) => items.calibration === 0);
  if (bare !== undefined) return refusalText(noCalibration(bare.title, 'learn from', 'window'));
  const [wrong] = refusedSettings(finetuneSettings, trainingFor([model], chosen.settings));
  if (wrong !== undefined) return `${wrong.label}: ${wrong.range}.`;
  if (hasTeacher(chosen.settings) && (chosen.teacher === null || chosen.teacher === model.handle))
    return 'Choose the unpruned model that the routers learn from.';
  if (chosen.into === null) return 'Choose the folder to write into.';
  return folderNameObstacle(finetuneName(model, tasks, chosen.name));
};

/** The `finetune.start` request; null if there is an obstacle. */
export const finetuneInput = (
  model: ModelEntry | null,
  tasks: readonly TaskEntry[],
  chosen: Chosen,
): CallInput<'finetune.start'> | null => {
  if (model === null || chosen.into === null || finetuneObstacle(model, tasks, chosen) !== null) return null;
  return {
    model: model.handle,
    tasks: tasks.map(({ handle }) => handle),
    settings: finetuneSettings.parse(trainingFor([model], chosen.settings)),
    into: chosen.into.handle,
    name: finetuneName(model, tasks, chosen.name),
    python: chosen.python?.handle ?? null,
    teacher: hasTeacher(chosen.settings) ? chosen.teacher : null,
  };
};

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
    start(async ({ bridge }) => {
      const input = finetuneInput(model, tasks, state);
      if (input === null) return;
      await bridge.call('finetune.start', input);
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
          <SettingFields
            settings={trainingSettings.filter((setting) => setting.kind !== 'list' && !isIdle(setting, settings))}
            values={settings}
            choose={state.choose}
          />
        </div>
        <SettingFields
          settings={trainingSettings.filter(({ kind, choices }) => kind === 'list' && choices.length === 0)}
          values={settings}
          choose={state.choose}
        />
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

/** Chooses the unpruned model whose distributions the routers learn. */
const Teacher = ({ student }: { readonly student: PathHandle | null }) => {
  const { models } = useFacts();
  const teacher = useStore(finetuneStore, (state) => state.teacher);
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
      onChange={(value) =>
        finetuneStore.setState({ teacher: others.find(({ handle }) => handle === value)?.handle ?? null })
      }
    />
  );
};

/** Chooses the Python for training, and says how to get one. */
const Python = () => {
  const python = useStore(finetuneStore, (state) => state.python);
  const environment = useQuery('python.environment', {}).data;
  const shown = python === null ? 'the environment of this workspace' : (python.path ?? 'the chosen program');
  return (
    <div className="field-stacked">
      <span className="field-label">
        <Definition of="finetunePython" />
      </span>
      <ChosenPython
        path={shown}
        before={
          python !== null && (
            <Button onClick={() => finetuneStore.setState({ python: null })}>Use the workspace’s</Button>
          )
        }
        choose={(chosen) => finetuneStore.setState({ python: chosen })}
      />
      {python === null && environment?.versions === null && (
        <p className="muted small finetune-hint">
          There is none yet: <q>Make an environment</q> installs PyTorch and transformers from PyPI.{' '}
          <ActionButton action={showDevices} small>
            Devices…
          </ActionButton>
        </p>
      )}
    </div>
  );
};

const Into = ({ name }: { readonly name: string }) => {
  const into = useStore(finetuneStore, (state) => state.into);
  return (
    <div className="finetune-into">
      <div className="field-stacked">
        <span className="field-label">Destination folder</span>
        <ParentFolder purpose="tuned" into={into} choose={(folder) => finetuneStore.setState({ into: folder })} />
      </div>
      <NewFolderName name={name} change={(typed) => finetuneStore.setState({ name: typed })} />
    </div>
  );
};
