import type { ReactNode } from 'react';
import { useState } from 'react';
import { Icon } from './icon.tsx';

interface PanelProps {
  readonly title: string;
  readonly count?: string;
  readonly tools?: ReactNode;
  readonly children: ReactNode;
  /** Takes the room that is left. */
  readonly grows?: boolean;
}

/** A collapsible section of a side panel. */
export const Panel = ({ title, count, tools, children, grows = false }: PanelProps) => {
  const [open, setOpen] = useState(true);
  return (
    <section className={grows && open ? 'panel panel-grows' : 'panel'} aria-label={title}>
      <header className="panel-head">
        <h2>
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            <Icon name={open ? 'chevronDown' : 'chevronRight'} size={12} />
            {title}
            {count !== undefined && <span className="panel-count">{count}</span>}
          </button>
        </h2>
        <div className="panel-tools">{tools}</div>
      </header>
      {open && <div className="panel-body">{children}</div>}
    </section>
  );
};
