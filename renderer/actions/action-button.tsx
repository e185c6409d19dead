import type { ComponentProps } from 'react';
import { Button, RequestButton } from '../components/button.tsx';
import { type Action, useAction } from './action.ts';
import { chooseCalibration, openMade } from './open.ts';
import type { SerialisedError } from '../../main/contract/errors.ts';
import { methodTitle } from '../../main/words/methods.ts';
import { inTaskTitles } from '../../main/words/task-titles.ts';
import { Problem } from '../components/problem.tsx';
import { leadingLook, useFacts } from '../engine/facts.ts';
import { profileForPlan, tasksOfPlan } from './jobs.ts';

interface ActionButtonProps extends Omit<ComponentProps<typeof Button>, 'onClick'> {
  readonly action: Action;
}

export const ActionButton = ({ action, disabled = false, ...rest }: ActionButtonProps) => {
  const { perform, enabled } = useAction(action);
  return <Button {...rest} onClick={perform} disabled={disabled || !enabled} />;
};

interface OpenMadeProps {
  readonly run: string;
  /** Called once it is open, for the dialog that offers it. */
  readonly close: () => void;
  readonly children: string;
}

/** Opens the model that a run made. */
export const OpenMade = ({ run, close, children }: OpenMadeProps) => (
  <RequestButton
    icon="model"
    ask={async (engine) => {
      await openMade(engine, run);
      close();
    }}
  >
    {children}
  </RequestButton>
);

/** Shown if profiles for the plan are missing: what is missing, what it costs, and a button to profile. */
export const ProfileNow = ({ error }: { readonly error: SerialisedError }) => {
  const facts = useFacts();
  const tasks = tasksOfPlan(facts);
  const isRunning = facts.jobs.some(({ kind }) => kind === 'profile');
  const [first] = tasks;
  const isUncalibrated = useAction(chooseCalibration).enabled && first === undefined;
  const message = inTaskTitles(error.message, facts.tasks);
  const subject = tasks.length === 1 && first !== undefined ? first.title : `${tasks.length} tasks`;
  return (
    <>
      {isUncalibrated ? (
        <Problem error={{ message, remedy: 'It has no calibration items yet.' }} />
      ) : (
        <p className="muted">{message}</p>
      )}
      <div className="card-actions">
        {isUncalibrated ? (
          <ActionButton action={chooseCalibration} look="primary" icon="split">
            Choose calibration items…
          </ActionButton>
        ) : (
          <ActionButton action={profileForPlan} look={leadingLook(facts)} icon="play">
            {isRunning ? 'Profiling…' : `Profile ${subject} for ${methodTitle(facts.selection.method)} now`}
          </ActionButton>
        )}
      </div>
    </>
  );
};
