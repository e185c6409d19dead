import { useStore } from 'zustand';
import { listsRuns } from '../../engine/apply-event.ts';
import { Button } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { focusedTask, useFacts } from '../../engine/facts.ts';
import { chatOf } from '../../profile/chat.ts';
import { useProfilesOf } from '../../profile/use-profiles.ts';
import { planStore } from '../../state/plan-store.ts';

/** Where the model to be subtracted was not profiled on the task in focus: that, and the way to it. */
export const OtherProfile = () => {
  const facts = useFacts();
  const { minus } = facts.selection.map;
  const task = focusedTask(facts);
  const other = minus?.kind === 'model' ? (facts.models.find(({ handle }) => handle === minus.model) ?? null) : null;
  const { profileOf, loading, error } = useProfilesOf(other);
  const chat = useStore(planStore, (state) => state.chat);
  const { busy, start } = useRequest();
  if (other === null || task === null || loading || error !== null || profileOf(task) !== undefined) return null;
  const isUnderWay = facts.jobs.some(({ kind }) => kind === 'profile');
  return (
    <p className="map-note" role="status">
      {other.name} is not profiled on {task.title}: amounts are shown.{' '}
      <Button
        disabled={busy || isUnderWay || task.items.calibration === 0}
        onClick={() =>
          start(async ({ bridge, cache }) => {
            await bridge.call('profile.start', {
              model: other.handle,
              tasks: [task.handle],
              chat: chatOf([other], chat),
            });
            cache.invalidate(listsRuns);
          })
        }
      >
        Profile {other.name} on {task.title}
      </Button>
    </p>
  );
};
