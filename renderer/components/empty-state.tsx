import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';
import type { IconName } from './icon.tsx';

interface EmptyStateProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

/** What a view shows in place of data: what is missing, and the one thing to do about it. */
export const EmptyState = ({ icon, title, children, action }: EmptyStateProps) => (
  <div className="empty-state">
    <Icon name={icon} size={28} />
    <h3>{title}</h3>
    {children !== undefined && <p>{children}</p>}
    {action}
  </div>
);
