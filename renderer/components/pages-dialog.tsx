import { type KeyboardEvent, type ReactNode, useRef } from 'react';
import { neighbour } from '../state/selection-store.ts';
import { Dialog } from './dialog.tsx';
import './pages-dialog.css';

interface PageEntry {
  readonly name: string;
  readonly title: string;
  /** Shown on hover. */
  readonly hint?: string;
}

export interface PageGroup {
  /** Shown above the entries; null: the only group. */
  readonly title: string | null;
  readonly hint?: string;
  readonly entries: readonly PageEntry[];
}

interface PagesDialogProps {
  readonly title: string;
  /** Accessible name of the list. */
  readonly label: string;
  readonly groups: readonly PageGroup[];
  readonly open: string;
  readonly onOpen: (name: string) => void;
  readonly onClose: () => void;
  /** The open page: an article. */
  readonly children: ReactNode;
}

/** A list of pages beside the open one. Arrow keys move through the list and open each page. */
export const PagesDialog = ({ title, label, groups, open, onOpen, onClose, children }: PagesDialogProps) => {
  const list = useRef<HTMLElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const names = groups.flatMap(({ entries }) => entries.map(({ name }) => name));
    const next = neighbour(names, open, step);
    if (next === null) return;
    onOpen(next);
    list.current?.querySelector<HTMLButtonElement>(`[data-page="${next}"]`)?.focus();
  };
  return (
    <Dialog title={title} wide onClose={onClose}>
      <div className="pages">
        <nav aria-label={label} ref={list}>
          <div role="listbox" aria-label={label} onKeyDown={onKeyDown}>
            {groups.map((group) => (
              <div key={group.title} role="group" aria-label={group.title ?? label}>
                {/* The group already has this name, and a listbox may not contain headings. */}
                {group.title !== null && (
                  <h3 title={group.hint} aria-hidden="true">
                    {group.title}
                  </h3>
                )}
                {group.entries.map((entry) => (
                  <PageButton key={entry.name} {...entry} isOpen={entry.name === open} onOpen={onOpen} />
                ))}
              </div>
            ))}
          </div>
        </nav>
        {children}
      </div>
    </Dialog>
  );
};

interface PageButtonProps extends PageEntry {
  readonly isOpen: boolean;
  readonly onOpen: (name: string) => void;
}

const PageButton = ({ name, title, hint, isOpen, onOpen }: PageButtonProps) => (
  <button
    type="button"
    role="option"
    data-page={name}
    title={hint}
    aria-selected={isOpen}
    tabIndex={isOpen ? 0 : -1}
    onClick={() => onOpen(name)}
  >
    {title}
  </button>
);
