import type { ComponentProps } from 'react';
import { Button } from '../components/button.tsx';
import { type Action, useAction } from './action.ts';

interface ActionButtonProps extends Omit<ComponentProps<typeof Button>, 'onClick'> {
  readonly action: Action;
}

export const ActionButton = ({ action, disabled = false, ...rest }: ActionButtonProps) => {
  const { perform, enabled } = useAction(action);
  return <Button {...rest} onClick={perform} disabled={disabled || !enabled} />;
};
