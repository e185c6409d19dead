import { type ReactNode, useState } from 'react';
import { Icon, type IconName } from './button.tsx';

interface PanelProps {
  readonly title: string;
  readonly count?: string;
  readonly tools?: ReactNode;
  readonly children: ReactNode;
  /** Share of the height that the lists of a side panel have together; without it, the height of its content. */
  readonly share?: number;
}

/** A collapsible section of a side panel. */
export const Panel = ({ title, count, tools, children, share }: PanelProps) => {
  const [open, setOpen] = useState(true);
  return (
    <section
      className={share !== undefined && open ? 'panel panel-grows' : 'panel'}
      style={share !== undefined && open ? { flexGrow: share } : undefined}
      aria-label={title}
    >
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

interface SectionProps {
  /** Accessible name. */
  readonly label: string;
  readonly title: ReactNode;
  /** Beside the title. */
  readonly note?: ReactNode;
  /** Tools at the right edge. */
  readonly end?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a view under its heading. */
export const Section = ({ label, title, note, end, children }: SectionProps) => (
  <section aria-label={label}>
    <div className="section-head">
      <h3>{title}</h3>
      {note !== undefined && <span className="muted">{note}</span>}
      {end !== undefined && <div className="section-end">{end}</div>}
    </div>
    {children}
  </section>
);

interface DisclosureProps {
  readonly summary: ReactNode;
  readonly children: ReactNode;
  readonly open?: boolean;
}

export const Disclosure = ({ summary, children, open = false }: DisclosureProps) => (
  <details className="disclosure" open={open}>
    <summary>{summary}</summary>
    <div className="disclosure-body">{children}</div>
  </details>
);

/** The same for large content, which is made while it is open only. */
export const LargeDisclosure = ({ summary, children }: Omit<DisclosureProps, 'open'>) => {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="disclosure" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {isOpen && <div className="disclosure-body">{children}</div>}
    </details>
  );
};

interface EmptyStateProps {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

/** Shown in place of data: what is missing, and one action that helps. */
export const EmptyState = ({ icon, title, children, action }: EmptyStateProps) => (
  <div className="empty-state">
    <Icon name={icon} size={28} />
    <h2>{title}</h2>
    {children !== undefined && <p>{children}</p>}
    {action}
  </div>
);

interface SentencesProps {
  readonly sentences: readonly string[];
  /** Accessible name. */
  readonly label?: string;
  readonly className?: string;
}

/** Sentences as a list; nothing where there are none. */
export const Sentences = ({ sentences, label, className = 'findings' }: SentencesProps) =>
  sentences.length === 0 ? null : (
    <ul className={className} aria-label={label}>
      {sentences.map((sentence) => (
        <li key={sentence}>{sentence}</li>
      ))}
    </ul>
  );
