import type { ReactNode } from 'react';

interface BarRow {
  readonly key: string;
  readonly name: ReactNode;
  /** Length of the bar relative to the longest. */
  readonly length: number;
  /** A reference mark on the same scale. */
  readonly mark?: number;
  readonly value: string;
  /** Full description of the row. */
  readonly text: string;
  readonly onSelect?: (() => void) | undefined;
}

/** A list of names, each with a bar and a number. */
export const ExpertBars = ({ label, rows }: { readonly label: string; readonly rows: readonly BarRow[] }) => (
  <ul className="rows expert-bars" aria-label={label}>
    {rows.map(({ key, name, length, mark, value, text, onSelect }) => (
      <li key={key} title={text}>
        {onSelect === undefined ? (
          <span className="expert-bars-name ellipsis">{name}</span>
        ) : (
          <button type="button" className="expert-bars-name ellipsis" onClick={onSelect}>
            {name}
          </button>
        )}
        <span className="expert-bars-track" aria-hidden="true">
          <span style={{ width: `${Math.max(0, Math.min(1, length)) * 100}%` }} />
          {mark !== undefined && <i style={{ left: `${Math.max(0, Math.min(1, mark)) * 100}%` }} />}
        </span>
        <span className="number">{value}</span>
      </li>
    ))}
  </ul>
);
