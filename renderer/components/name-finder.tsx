import { type ReactNode } from 'react';
import type { SerialisedError } from '../../main/contract/errors.ts';
import { Button, type IconName, RowButton } from './button.tsx';
import { Problem } from './problem.tsx';
import './name-finder.css';

interface FinderEntry {
  readonly name: string;
  readonly icon: IconName;
  readonly note: string;
}

interface FinderListProps {
  readonly label: string;
  readonly entries: readonly FinderEntry[];
  readonly look: (name: string) => void;
}

/** What was found, each under its name with a note; a click looks at one. */
export const FinderList = ({ label, entries, look }: FinderListProps) => (
  <ul className="rows finder-list" aria-label={label}>
    {entries.map(({ name, icon, note }) => (
      <li key={name} className="row">
        <RowButton icon={icon} name={name} note={note} onClick={() => look(name)} />
      </li>
    ))}
  </ul>
);

interface FinderLookedProps {
  /** Null: there is no list to go back to. */
  readonly back: (() => void) | null;
  readonly error: SerialisedError | null;
  /** Shown until there is content or an error. */
  readonly reading: string;
  readonly children: ReactNode;
}

/** The one that is looked at, over the way back to the list. */
export const FinderLooked = ({ back, error, reading, children }: FinderLookedProps) => (
  <div className="dialog-body finder-looked">
    {back !== null && (
      <Button look="quiet" small icon="chevronLeft" onClick={back}>
        Back to the list
      </Button>
    )}
    {error !== null && <Problem error={error} />}
    {children ?? (error === null && <p className="muted">{reading}</p>)}
  </div>
);
