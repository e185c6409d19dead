import { startProfile } from '../../actions/jobs.ts';
import { Button } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { focusedTask, useFacts } from '../../engine/facts.ts';
import { useProfilesOf } from '../../profile/use-profiles.ts';

/** Shown if the model to be subtracted was not profiled on the task in focus, with a button to profile it. */
export const OtherProfile = () => {
  const facts = useFacts();
  const { minus } = facts.selection.map;
  const task = focusedTask(facts);
  const other = minus?.kind === 'model' ? (facts.models.find(({ handle }) => handle === minus.model) ?? null) : null;
  const { profileOf, loading, error } = useProfilesOf(other);
  const { busy, start } = useRequest();
  if (other === null || task === null || loading || error !== null || profileOf(task) !== undefined) return null;
  const isUnderWay = facts.jobs.some(({ kind }) => kind === 'profile');
  return (
    <p className="map-note" role="status">
      {other.name} is not profiled on {task.title}, so nothing is subtracted.{' '}
      <Button
        disabled={busy || isUnderWay || task.items.calibration === 0}
        onClick={() => start((engine) => startProfile(engine, other, [task]))}
      >
        Profile {other.name} on {task.title}
      </Button>
    </p>
  );
};
