import type { ComponentProps } from 'react';
import { Button, RequestButton } from '../components/button.tsx';
import { type Action, useAction } from './action.ts';
import { openMade } from './open.ts';

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
