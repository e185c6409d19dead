import type { SerialisedError } from '../../../main/contract/errors.ts';
import { profileTasks } from '../../actions/profile-tasks.ts';
import { useAction } from '../../actions/use-action.ts';
import { Button } from '../../components/button.tsx';
import { Problem } from '../../components/problem.tsx';

/** A plan without its profile: says so, and offers to make it. */
export const ProfileNow = ({ error }: { readonly error: SerialisedError }) => {
  const profile = useAction(profileTasks);
  return (
    <>
      <Problem error={error} />
      <div className="card-actions">
        <Button look="primary" icon="play" onClick={profile.perform} disabled={!profile.enabled}>
          Profile ticked tasks
        </Button>
      </div>
    </>
  );
};
