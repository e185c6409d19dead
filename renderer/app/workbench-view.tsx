import { lazy, Suspense, useEffect } from 'react';
import { lacksCalibration } from '../../main/contract/task.ts';
import { ActionButton } from '../actions/action-button.tsx';
import { isProfiling, profileFocused, profileTasks } from '../actions/jobs.ts';
import { chooseCalibration, findModel } from '../actions/open.ts';
import { EmptyState } from '../components/panel.tsx';
import { focusedTask, isUsable, leadingLook, selectedModel, useFacts } from '../engine/facts.ts';
import { LayerBars, TaskAtlas } from '../features/routing/layer-atlas.tsx';
import { MapSection } from '../features/routing/map-section.tsx';
import { ModelMissing } from '../plan/model-missing.tsx';
import { usePlansAhead } from '../plan/plans-ahead.ts';
import { useProfiles } from '../profile/use-profiles.ts';
import { connectElsewhere } from '../actions/remote.ts';
import { addSampleSweep } from '../actions/runs.ts';
import { Button } from '../components/button.tsx';
import { Problem } from '../components/problem.tsx';
import { useQuery, useRequest } from '../engine/engine-context.tsx';
import { layoutStore } from '../state/layout-store.ts';
import './first-run.css';

const loadCurves = () => import('../features/curves/curves-section.tsx');
const loadLauncher = () => import('../features/plan/sweep-launcher.tsx');
const CurvesSection = lazy(async () => ({ default: (await loadCurves()).CurvesSection }));
const CurvesLead = lazy(async () => ({ default: (await loadCurves()).CurvesLead }));
const SweepLauncher = lazy(async () => ({ default: (await loadLauncher()).SweepLauncher }));

/**
 * The main view: how far the model can be pruned, the curve behind it with the factor slider, the routing map with the
 * plan, all profiled tasks, and at its foot the sweep. The plan is in the right panel.
 */
export const WorkbenchView = () => {
  // The code of the charts loads after the first paint, while the engine lists models and tasks. Where it cannot be
  // loaded, the charts say so when they are shown.
  useEffect(() => {
    for (const load of [loadCurves, loadLauncher]) load().catch(() => undefined);
  }, []);
  usePlansAhead();
  const facts = useFacts();
  const model = selectedModel(facts);
  const task = focusedTask(facts);
  const { profileOf } = useProfiles();
  if (!isUsable(model))
    return (
      <>
        <FirstRun />
        <ModelMissing />
      </>
    );
  if (task === null) {
    return (
      <EmptyState icon="task" title="No task selected">
        Select a task on the left, or open a task folder with +.
      </EmptyState>
    );
  }
  if (task.error !== null) {
    return (
      <EmptyState icon="warning" title={`${task.title} cannot be opened`}>
        {task.error}
      </EmptyState>
    );
  }
  const profile = profileOf(task);
  return (
    <div className="view-body workbench-view">
      <FirstRun />
      <Suspense fallback={null}>
        <CurvesLead />
      </Suspense>
      <div className="workbench-main">
        <Suspense fallback={<div />}>
          <CurvesSection />
        </Suspense>
        <div className="workbench-maps">
          <MapSection unprofiled={<Unprofiled />} />
          <TaskAtlas />
        </div>
      </div>
      {profile !== undefined && <LayerBars profile={profile} />}
      <Suspense fallback={null}>
        <SweepLauncher />
      </Suspense>
    </div>
  );
};

/** Shown in place of the map: explains profiling and offers to start it. */
const Unprofiled = () => {
  const facts = useFacts();
  const task = focusedTask(facts);
  const running = isProfiling(facts);
  if (task === null) return null;
  const { tasks } = facts.selection;
  const isTicked = tasks.length === 0 || tasks.includes(task.handle);
  return (
    <EmptyState
      icon="table"
      title={running ? 'Profiling…' : `${task.title} is not profiled yet`}
      action={
        lacksCalibration(task) ? (
          <ActionButton action={chooseCalibration} look="primary" icon="split">
            Choose calibration items…
          </ActionButton>
        ) : (
          <ActionButton
            action={isTicked ? profileTasks : profileFocused}
            look={leadingLook(facts)}
            icon="play"
            disabled={running}
          >
            {isTicked ? 'Profile ticked tasks' : `Profile ${task.title}`}
          </ActionButton>
        )
      }
    >
      {lacksCalibration(task)
        ? 'It has test items only. For calibration, choose some of them, a second file or another task’s items.'
        : running
          ? 'The heatmap appears here when this task is done. Progress is shown below.'
          : 'Profiling runs the calibration items through the model and records which experts each token uses. Test ' +
            'items are not used.'}
    </EmptyState>
  );
};

/** In a workspace without runs: four ways to begin, one of which needs nothing. */
const FirstRun = () => {
  const runs = useQuery('runs.list', {}).data;
  const { busy, problem, start } = useRequest('here');
  if (runs?.length !== 0) return null;
  return (
    <section className="first-run" aria-label="Ways to begin">
      <ul>
        <li>
          <Button look="primary" disabled={busy} onClick={() => start(addSampleSweep)}>
            {busy ? 'Opening the sample…' : 'Open the sample'}
          </Button>
          <p>A finished sweep of small models: how far each can be pruned, with its curves and maps.</p>
        </li>
        <li>
          <ActionButton action={findModel}>Open a model…</ActionButton>
          <p>A folder, a GGUF file or a name on the Hub. Then profile tasks and start a sweep.</p>
        </li>
        <li>
          <Button onClick={() => layoutStore.getState().show('fit')}>Fit a model to a size</Button>
          <p>Name the bytes that you have: the search prunes and rounds until the model fits.</p>
        </li>
        <li>
          <ActionButton action={connectElsewhere}>Connect to a machine…</ActionButton>
          <p>The workbench of a machine with a card, through your own ssh. Its runs outlive this window.</p>
        </li>
      </ul>
      {problem !== null && <Problem error={problem} />}
    </section>
  );
};
