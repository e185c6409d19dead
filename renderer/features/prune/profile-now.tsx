import type { SerialisedError } from '../../../main/contract/errors.ts';
import { profileForPlan, tasksOfPlan } from '../../actions/profile-for-plan.ts';
import { useAction } from '../../actions/use-action.ts';
import { Button } from '../../components/button.tsx';
import { Problem } from '../../components/problem.tsx';
import { useFacts } from '../../engine/use-facts.ts';
import { methodTitle } from './methods.ts';

/** A plan without what it is made from: says so and what that costs, and offers to measure it. */
export const ProfileNow = ({ error }: { readonly error: SerialisedError }) => {
  const facts = useFacts();
  const profile = useAction(profileForPlan);
  const tasks = tasksOfPlan(facts);
  const isRunning = facts.jobs.some(({ kind }) => kind === 'profile');
  const [first] = tasks;
  const subject = tasks.length === 1 && first !== undefined ? first.title : `${tasks.length} tasks`;
  return (
    <>
      <Problem error={error} />
      <div className="card-actions">
        <Button look="primary" icon="play" onClick={profile.perform} disabled={!profile.enabled}>
          {isRunning ? 'Profiling…' : `Profile ${subject} for ${methodTitle(facts.selection.method)} now`}
        </Button>
      </div>
    </>
  );
};
