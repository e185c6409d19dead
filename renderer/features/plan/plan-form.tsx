import { useStore } from 'zustand';
import { methodDraws } from '../../../main/contract/method.ts';
import type { ModelEntry, ModelInfo, PathHandle } from '../../../main/contract/model.ts';
import { describedPlanSettings } from '../../../main/contract/plan.ts';
import { settingsOf } from '../../../main/contract/setting.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { importPlan } from '../../actions/plan.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { SettingField } from '../../components/setting-field.tsx';
import { focusedTask, tickedTasks, useFacts } from '../../engine/facts.ts';
import { formatFactor, formatFixed } from '../../../main/words/numbers.ts';
import { useMethodPage } from '../../plan/method-select.tsx';
import { methodTitle } from '../../../main/words/methods.ts';
import { asksItems, ignoresBudget, shownImport, countsByLayer } from '../../plan/plan-input.ts';
import { ChatSwitch } from '../../plan/chat.tsx';
import { selectionStore } from '../../state/selection-store.ts';
import type { ImportedFile } from '../../state/selection.ts';
import { MethodOptions, optionsSummary } from './method-options.tsx';
import './plan-panel.css';
import { NumberInput, wholeFrom } from '../../components/number-input.tsx';
import { fewestKept } from '../../../main/contract/keep-from-factor.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';

const planFields = settingsOf(describedPlanSettings);

/** Budgets for rankings, which order experts only within layers. */
const RANKING_BUDGETS = ['uniform', 'manual'] as const;

export const PlanForm = ({ model }: { readonly model: ModelEntry & { readonly info: ModelInfo } }) => {
  const facts = useFacts();
  const { budget } = facts.selection.plan;
  const imported = shownImport(facts);
  return (
    <section className="card" aria-label="Plan settings">
      <div className="card-head">
        <h3>Plan for {model.name}</h3>
        {imported === null && (
          <ActionButton action={importPlan} look="quiet" small icon="file">
            Import a plan…
          </ActionButton>
        )}
      </div>
      {imported !== null && <ImportedCard file={imported} />}
      {imported === null && <MethodFields />}
      {imported === null && <ChatSwitch models={[model]} />}
      {imported?.kind === 'ranking' && (
        <div className="field-row">
          {planFields
            .filter(({ name }) => name === 'budget')
            .map((setting) => (
              <SettingField
                key={setting.name}
                stacked
                setting={{ ...setting, choices: RANKING_BUDGETS }}
                value={budget === 'manual' ? 'manual' : 'uniform'}
                onChange={(value) => selectionStore.getState().choosePlanSetting('budget', value)}
              />
            ))}
        </div>
      )}
      {budget === 'manual' && imported?.kind !== 'plan' && <LayerCounts model={model} />}
      {imported === null && <MethodNotes />}
      {imported?.kind !== 'plan' && <PinChips model={model.handle} />}
    </section>
  );
};

const MethodFields = () => {
  const facts = useFacts();
  const { method, tasks, plan } = facts.selection;
  const { choosePlan, choosePlanSetting, endDrag } = selectionStore.getState();
  const page = useMethodPage(method);
  const chosen: Readonly<Record<string, unknown>> = { ...plan };
  const isDrawn = page !== undefined && methodDraws(page, plan.options[page.name]);
  const needsTask = page?.needs !== 'nothing' || plan.protect !== 'none' || asksItems(plan.budget);
  return (
    <div className="field-row">
      <Select
        stacked
        label={<Definition of="madeFor" />}
        value={plan.madeFor}
        disabled={!needsTask}
        options={[
          { value: 'task', label: focusedTask(facts)?.title ?? 'the task in focus' },
          { value: 'ticked', label: `all ticked tasks (${tasks.length})` },
        ]}
        onChange={(madeFor) => choosePlan({ madeFor })}
      />
      {planFields.map((setting) =>
        setting.name === 'seed' && !isDrawn ? null : (
          <SettingField
            key={setting.name}
            stacked
            setting={setting}
            value={setting.name === 'budget' && ignoresBudget(method) ? 'uniform' : chosen[setting.name]}
            disabled={setting.name === 'budget' && ignoresBudget(method)}
            onChange={(value) => choosePlanSetting(setting.name, value)}
            onBlur={endDrag}
          />
        ),
      )}
    </div>
  );
};

/** Description of the method, its options, and the weights of several tasks. */
const MethodNotes = () => {
  const facts = useFacts();
  const { method, plan } = facts.selection;
  const { options, madeFor } = plan;
  const page = useMethodPage(method);
  const ticked = tickedTasks(facts);
  if (page === undefined) return null;
  return (
    <>
      <p className="muted">{page.summary}</p>
      {page.options.length > 0 && (
        <Disclosure key={page.name} summary={optionsSummary(methodTitle(page.name), options[page.name])}>
          <MethodOptions page={page} />
        </Disclosure>
      )}
      {madeFor === 'ticked' && ticked.length > 1 && page.needs !== 'nothing' && <TaskWeights tasks={ticked} />}
    </>
  );
};

/** The imported file that replaces the method, with a button to go back. */
const ImportedCard = ({ file }: { readonly file: ImportedFile }) => (
  <div className="stack" role="group" aria-label="Imported file">
    <p>
      <Definition of={file.kind === 'plan' ? 'importedPlan' : 'importedRanking'}>
        {file.kind === 'plan' ? 'Plan' : 'Ranking'}
      </Definition>{' '}
      <strong>{file.name}</strong>
      {file.kind === 'plan' && (
        <span className="muted">
          {' '}
          {file.method === null ? 'written by hand' : methodTitle(file.method)}
          {file.factor === null ? '' : `, ${formatFactor(file.factor)}`}
        </span>
      )}
    </p>
    <div className="card-actions">
      <Button onClick={() => selectionStore.getState().choosePlan({ imported: null })}>Back to methods</Button>
      <ActionButton action={importPlan} look="quiet">
        Import another…
      </ActionButton>
    </div>
  </div>
);

/** Kept experts of each MoE layer, one field per layer: Tab moves between fields, arrow keys change the value. */
const LayerCounts = ({ model }: { readonly model: ModelEntry }) => {
  const counts = useStore(selectionStore, ({ plan }) => plan.counts);
  const factor = useStore(selectionStore, (state) => state.factor);
  const { choosePlan, endDrag } = selectionStore.getState();
  const { info, handle } = model;
  if (info === null) return null;
  const values = countsByLayer(model, { counts, factor });
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const change = (layer: number, typed: number | null): void => {
    if (typed === null) return;
    const changed = values.map((known, index) => (index === layer ? typed : known));
    choosePlan({ counts: { model: handle, factor, values: changed } }, true);
  };
  return (
    <div className="stack" role="group" aria-label="Kept experts by layer">
      <div className="line layer-counts-head">
        <span className="field-label">
          <Definition of="layerCounts" />
        </span>
        <span className="muted number">
          {formatFixed(mean, 2)} of {info.experts} on average, {formatFactor(info.experts / mean)}
        </span>
        {values.some((value) => value !== values[0]) && (
          <Button look="quiet" small onClick={() => choosePlan({ counts: null })}>
            Same in all layers
          </Button>
        )}
      </div>
      <div className="number-grid">
        {values.map((value, layer) => (
          <label key={layer}>
            <span>{layer}</span>
            <NumberInput
              min={fewestKept(info)}
              max={info.experts}
              value={value}
              accepts={wholeFrom(fewestKept(info), info.experts)}
              aria-label={`Layer ${layer}: kept experts`}
              onChange={(typed) => change(layer, typed)}
              onBlur={endDrag}
            />
          </label>
        ))}
      </div>
    </div>
  );
};

const PinChips = ({ model }: { readonly model: PathHandle }) => {
  const pins = useStore(selectionStore, (state) => state.pins[model]) ?? [];
  const { pin, removePins } = selectionStore.getState();
  return (
    <div className="line small pins" role="group" aria-label="Pins">
      <span className="field-label">
        <Definition of="pins" />
      </span>
      {pins.length === 0 ? (
        <span className="muted">none: select an expert on the map</span>
      ) : (
        <ul className="rows">
          {pins.map(({ layer, expert, keep }) => (
            <li key={`${layer}:${expert}`} className={keep ? 'chip' : 'chip chip-goes'}>
              <button type="button" onClick={() => selectionStore.getState().selectExpert(layer, expert)}>
                {layer}:{expert} {keep ? 'stays' : 'goes'}
              </button>
              <IconButton
                icon="close"
                label={`Remove the pin of layer ${layer}, expert ${expert}`}
                onClick={() => pin(model, { layer, expert }, null)}
              />
            </li>
          ))}
        </ul>
      )}
      {pins.length > 1 && (
        <Button look="quiet" small onClick={() => removePins(model)}>
          Remove all
        </Button>
      )}
    </div>
  );
};

const TaskWeights = ({ tasks }: { readonly tasks: readonly TaskEntry[] }) => {
  const taskWeights = useStore(selectionStore, ({ plan }) => plan.taskWeights);
  const { choosePlan, endDrag } = selectionStore.getState();
  const changed = tasks.filter(({ handle }) => (taskWeights[handle] ?? 1) !== 1).length;
  return (
    <Disclosure
      summary={
        <>
          <Definition of="taskWeights" />
          {changed > 0 && <span>, {changed} changed</span>}
        </>
      }
    >
      <div className="weight-grid">
        {tasks.map(({ handle, title }) => (
          <label key={handle}>
            <span>{title}</span>
            <NumberInput
              min={0}
              step={0.5}
              value={taskWeights[handle] ?? 1}
              accepts={(weight) => weight !== null && weight >= 0}
              onChange={(weight) => choosePlan({ taskWeights: { ...taskWeights, [handle]: weight ?? 1 } }, true)}
              onBlur={endDrag}
            />
          </label>
        ))}
      </div>
    </Disclosure>
  );
};
