import { useAction } from '../../actions/action.ts';
import { profileTasks } from '../../actions/jobs.ts';
import { Button } from '../../components/button.tsx';
import { EmptyState } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { focusedTask, isUsable, selectedModel, useFacts } from '../../engine/facts.ts';
import { PlanControls } from '../../plan/plan-controls.tsx';
import { RoutingMap } from '../../profile/routing-map.tsx';
import { useProfiles } from '../../profile/use-profiles.ts';
import { LayerBars, TaskAtlas } from './layer-atlas.tsx';
import { RoutingControls } from './routing-controls.tsx';

export const RoutingView = () => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const task = focusedTask(facts);
  const { byTask, loading, error } = useProfiles();
  const profile = useAction(profileTasks);
  if (model === null) {
    return (
      <EmptyState icon="model" title="No model selected">
        Select a model on the left, or open a folder with +.
      </EmptyState>
    );
  }
  if (!isUsable(model)) {
    return (
      <EmptyState icon="warning" title={`${model.name} cannot be used here`}>
        {model.error ?? model.info?.reasons.join(' ') ?? 'The folder cannot be opened.'}
      </EmptyState>
    );
  }
  if (task === null) {
    return (
      <EmptyState icon="task" title="No task selected">
        Select a task on the left, or open a task folder with +.
      </EmptyState>
    );
  }
  const shown = byTask.get(task.name);
  const running = facts.jobs.some((job) => job.kind === 'profile');
  return (
    <>
      <RoutingControls />
      <div className="view-body">
        {error !== null && <Problem error={error} />}
        {shown !== undefined && (
          <>
            <RoutingMap profile={shown} />
            <PlanControls />
            <LayerBars profile={shown} />
          </>
        )}
        {shown === undefined && !loading && error === null && (
          <EmptyState
            icon="table"
            title={running ? 'Profiling…' : `${task.title} is not profiled yet`}
            action={
              <Button look="primary" icon="play" onClick={profile.perform} disabled={!profile.enabled || running}>
                Profile ticked tasks
              </Button>
            }
          >
            {task.items.calibration === 0
              ? 'This task has no calibration items, so its routing cannot be profiled.'
              : running
                ? 'The heatmap appears here as soon as this task is done. Progress is shown below.'
                : 'Profiling sends the calibration items through the model and records which experts each token ' +
                  'uses. Test items are not touched.'}
          </EmptyState>
        )}
        <TaskAtlas />
      </div>
    </>
  );
};
