import { useId, useState } from 'react';
import { useStore } from 'zustand';
import { clusterRequest } from '../../../main/contract/cluster.ts';
import type { ModelEntry } from '../../../main/contract/model.ts';
import { answersOf, type TaskEntry } from '../../../main/contract/task.ts';
import { useAction } from '../../actions/action.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { startSweep, sweepModels } from '../../actions/sweep.ts';
import { showMethods } from '../../actions/view.ts';
import { Button, Icon } from '../../components/button.tsx';
import { Checkbox, Segmented } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { Problem } from '../../components/problem.tsx';
import { focusedTask, leadingLook, tickedTasks, useFacts } from '../../engine/facts.ts';
import { formatFactor } from '../../../main/words/numbers.ts';
import { titleList } from '../../../main/words/task-titles.ts';
import { ChatSwitch, withChatTemplate } from '../../plan/chat.tsx';
import { clusterStore, sweepStore } from '../../state/sweep-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { ModelTicks } from '../../sweep/model-ticks.tsx';
import {
  canCalibrateOnWritten,
  commonFactors,
  sweepObstacle,
  sweepSummary,
  typedFactors,
} from '../../sweep/sweep-plan.ts';
import { SweepFields, SweepFolders, SweepMethods, SweepOptions, SweepRefits } from './sweep-choices.tsx';
import { SweepCostLine, SweepMethodCosts } from './sweep-cost-line.tsx';
import './plan-panel.css';
import { settingsOf } from '../../../main/contract/setting.ts';
import { Disclosure } from '../../components/panel.tsx';
import { SettingField } from '../../components/setting-field.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useDebounced } from '../../engine/use-settled.ts';
import './cluster-fields.css';

/** A field for factors other than powers of two, with the experts that each leaves. */
const MoreFactors = ({ models }: { readonly models: readonly ModelEntry[] }) => {
  const text = useStore(sweepStore, ({ typedFactors }) => typedFactors);
  const { leaves, problem } = typedFactors(text, models);
  const id = useId();
  return (
    <span className="more-factors">
      <label htmlFor={id}>
        <Definition of="typedFactors">others</Definition>
      </label>
      <input
        id={id}
        className="input"
        type="text"
        placeholder="1.33, 3, keep 5"
        spellCheck={false}
        value={text}
        aria-invalid={problem !== null}
        aria-describedby={`${id}-leaves`}
        onChange={({ target }) => sweepStore.setState({ typedFactors: target.value })}
      />
      <small id={`${id}-leaves`} className={problem === null ? 'muted' : 'field-problem'} role="status">
        {problem ?? leaves.join('; ')}
      </small>
    </span>
  );
};

/** Says that the task on screen is not among those that a sweep would measure. */
const UntickedWarning = ({ tasks }: { readonly tasks: readonly TaskEntry[] }) => {
  const focused = focusedTask(useFacts());
  if (focused === null || tasks.includes(focused)) return null;
  return (
    <span className="line sweep-warning" role="status">
      <Icon name="warning" /> {focused.title} is on screen, but not ticked: this sweep does not measure it.
      <Button small onClick={() => selectionStore.getState().toggleTask(focused.handle)}>
        <span className="ellipsis">Tick {focused.title}</span>
      </Button>
    </span>
  );
};

const SweepTasks = ({ tasks }: { readonly tasks: readonly TaskEntry[] }) => {
  const focused = focusedTask(useFacts());
  return (
    <div className="choice-row">
      <span>{tasks.length === 0 ? 'none ticked' : titleList(tasks.map((task) => task.title))}</span>
      {focused !== null && tasks.length > 1 && (
        <Button look="quiet" small onClick={() => selectionStore.getState().tickTasks([focused.handle])}>
          Only {focused.title}
        </Button>
      )}
    </div>
  );
};

/** Settings of a sweep, and its cost before it runs. */
export const SweepLauncher = () => {
  const facts = useFacts();
  const settings = useStore(sweepStore);
  const cluster = useStore(clusterStore);
  const start = useAction(startSweep, 'here');
  const models = sweepModels(facts);
  const tasks = tickedTasks(facts);
  const isOnCluster = cluster.runsOn === 'cluster';
  const obstacle =
    sweepObstacle(models, tasks, settings, { ...facts.selection.plan, pages: facts.methods }) ??
    (isOnCluster && !clusterRequest.safeParse(cluster.request).success
      ? 'A cluster field has an invalid value.'
      : null);
  // Also shown if it was chosen before a task was ticked that does not allow it.
  const calibrates = settings.calibration !== undefined || canCalibrateOnWritten(tasks);
  const samples =
    settings.sample !== undefined ||
    settings.repeats !== undefined ||
    tasks.some((task) => answersOf(task) === 'written');
  const hidden = [
    ...(calibrates ? [] : (['calibration'] as const)),
    ...(samples ? [] : (['sample', 'repeats'] as const)),
  ];
  const what = sweepSummary(models, tasks, settings);
  const [isOpen, openSettings] = useState(false);
  return (
    <section className="card sweep-drawer" aria-label="Sweep">
      <div className="sweep-bar">
        <Button
          look="quiet"
          small
          icon={isOpen ? 'chevronDown' : 'chevronRight'}
          aria-expanded={isOpen}
          onClick={() => openSettings(!isOpen)}
        >
          Sweep settings
        </Button>
        <span className={obstacle === null ? 'sweep-bar-words' : 'sweep-bar-words muted'}>
          {obstacle ?? <UntickedWarning tasks={tasks} />}
        </span>
        <Button
          look={leadingLook(facts)}
          icon="play"
          title={obstacle === null ? what : undefined}
          onClick={start.perform}
          disabled={!start.enabled}
        >
          <span className="ellipsis">
            {isOnCluster ? 'Submit sweep' : 'Start sweep'}
            {obstacle === null && <small>: {what}</small>}
          </span>
        </Button>
      </div>
      {start.problem !== null && <Problem error={start.problem} />}
      {isOpen && (
        <div className="sweep-settings">
          <div className="sweep-grid">
            <span>Models</span>
            <ModelTicks models={models} />
            <span>Tasks</span>
            <SweepTasks tasks={tasks} />
            <span>
              <Definition of="method">Methods</Definition>
            </span>
            <SweepMethods pages={facts.methods} />
            <span>
              <Definition of="factor">Factors</Definition>
            </span>
            <div className="choice-row">
              {commonFactors(models).map((factor) => (
                <Checkbox
                  key={factor}
                  checked={factor === 1 || !settings.skippedFactors.includes(factor)}
                  disabled={factor === 1}
                  onChange={() => settings.toggleFactor(factor)}
                >
                  {factor === 1 ? '×1 unpruned' : formatFactor(factor)}
                </Checkbox>
              ))}
              <MoreFactors models={models} />
            </div>
            {withChatTemplate(models).length > 0 && (
              <>
                <span>Prompts</span>
                <ChatSwitch models={models} />
              </>
            )}
          </div>
          <Disclosure summary="Advanced: search of factors, plans, weights, draws, items, cluster">
            <div className="sweep-grid">
              <span>
                <Definition of="candidateFolders">Checkpoints</Definition>
              </span>
              <SweepFolders />
              <span>Options</span>
              <SweepOptions pages={facts.methods} />
              <span>Search</span>
              <div className="choice-row">
                <SweepFields part="factors" />
              </div>
              <span>Plans</span>
              <div className="sweep-plans">
                <SweepFields stacked part="plans" hidden={hidden} />
              </div>
              <SweepFields part="weights" />
              {settings.recovery !== 'none' && (
                <>
                  <span>Refit</span>
                  <SweepRefits />
                </>
              )}
              <span>Settings</span>
              <div className="choice-row">
                <SweepFields />
              </div>
              <span>Run on</span>
              <div>
                <Segmented
                  label="Run on"
                  value={cluster.runsOn}
                  options={[
                    { value: 'here', label: 'This machine' },
                    { value: 'cluster', label: 'Slurm cluster' },
                  ]}
                  onChange={(runsOn) => clusterStore.setState({ runsOn })}
                />
              </div>
              {isOnCluster && (
                <>
                  <span>Cluster</span>
                  <ClusterFields />
                </>
              )}
            </div>
          </Disclosure>
          <SweepMethodCosts />
          <div className="sweep-cost">
            {/* What is in the way of a start stands in the bar above. */}
            <p>{obstacle === null && <SweepCostLine />}</p>
            <ActionButton action={showMethods} look="quiet" small icon="info">
              About the methods
            </ActionButton>
          </div>
        </div>
      )}
    </section>
  );
};

const settings = settingsOf(clusterRequest);

/** Fields that hold shell lines. */
const WIDE = ['setup', 'command'];

/** Slurm settings of the next submission, and a preview of its batch script. */
const ClusterFields = () => {
  const { request, choose } = useStore(clusterStore);
  return (
    <div className="cluster-fields" role="group" aria-label="Cluster">
      {settings.map((setting) => (
        <div key={setting.name} className={WIDE.includes(setting.name) ? 'cluster-wide' : undefined}>
          <SettingField
            stacked
            setting={setting}
            value={request[setting.name]}
            onChange={(value) => choose(setting.name, value)}
            onRefused={(value) => choose(setting.name, value)}
          />
        </div>
      ))}
      <div className="cluster-wide">
        <Disclosure summary="Batch script">
          <ScriptPreview />
        </Disclosure>
      </div>
    </div>
  );
};

/** Typing counts as finished after this time. */
const SETTLE_MS = 250;

const ScriptPreview = () => {
  const request = useStore(clusterStore, (state) => state.request);
  const parsed = clusterRequest.safeParse(useDebounced(request, SETTLE_MS));
  const { data, error } = useQuery('cluster.script', parsed.success ? { request: parsed.data } : null);
  if (!parsed.success) return <p className="muted">One of the fields has an invalid value.</p>;
  if (error !== null) return <Problem error={error} />;
  return (
    <>
      <p className="muted">RUN stands for the name of the sweep. The script is stored with the run.</p>
      <pre className="text-box cluster-script" tabIndex={0} role="region" aria-label="Batch script">
        {data?.script ?? ''}
      </pre>
    </>
  );
};
