import { type ReactNode, useState } from 'react';
import {
  type Cell,
  type Columns,
  filledColumns,
  heading,
  type Names,
  shownCell,
  spreadCell,
} from '../../main/figures/columns.ts';
import { nextSort, rowsWith, sortCell, sortedBy, type TableSort, tsvText } from '../../main/figures/table-rows.ts';
import { noticesStore } from '../state/notices-store.ts';
import { type DefinitionName, definitionNamed } from '../definitions/definitions.ts';
import { Button, Icon, IconButton } from './button.tsx';
import { openContextMenu } from './context-menu.tsx';
import { copyText } from './copy-text.ts';
import { Definition } from './definition.tsx';
import type { MenuItem } from './row-menu.tsx';
import { SortHeading } from './sort-heading.tsx';
import { walkMembers } from './walk-members.ts';
import { methodTitle } from '../../main/words/methods.ts';
import { counted, formatCount } from '../../main/words/numbers.ts';

interface Column<R> {
  readonly key: string;
  readonly title: ReactNode;
  readonly cell: (row: R) => ReactNode;
  readonly numeric?: boolean;
  /** The title in words, where it is more than a text. */
  readonly words?: string;
  /** The value for sorting and copying; by default the cell, where it is a text or a number. */
  readonly value?: (row: R) => Cell;
  /** The text for searching, and for copying where it is a text; by default the value. */
  readonly text?: (row: R) => Cell;
  /** The cell of several rows that are folded under one. */
  readonly spread?: (rows: readonly R[]) => ReactNode;
}

const valueIn = <R,>({ value, cell }: Column<R>, row: R): Cell => {
  if (value !== undefined) return value(row);
  const shown = cell(row);
  return typeof shown === 'string' || typeof shown === 'number' ? shown : null;
};

const textIn = <R,>(column: Column<R>, row: R): Cell => column.text?.(row) ?? valueIn(column, row);

const wordsOf = ({ key, title, words }: Pick<Column<unknown>, 'key' | 'title' | 'words'>): string =>
  words ?? (typeof title === 'string' ? title : key);

export const ColumnTitle = ({ shown }: { readonly shown: Columns<never>[number][2] }) => {
  const title = heading(shown?.title ?? '');
  return shown?.definition === undefined ? (
    title
  ) : (
    <Definition of={definitionNamed(shown.definition)}>{title}</Definition>
  );
};

/** The columns of a document that have something to say about its rows; tasks and methods by their titles. */
export const shownColumns = <R,>(
  columns: Columns<R>,
  rows: readonly R[],
  task: (name: string) => string = (name) => name,
): readonly Column<R>[] => {
  const names: Names = { task, method: methodTitle };
  return filledColumns(columns, rows).map((column) => {
    const [key, , shown] = column;
    return {
      key,
      title: <ColumnTitle shown={shown} />,
      words: heading(shown?.title ?? ''),
      numeric: shown?.numeric ?? false,
      cell: (row) => shownCell(column, row, names),
      value: (row) => sortCell(column, row, names),
      text: (row) => shownCell(column, row, names),
      spread: (several) => spreadCell(column, several, names),
    };
  });
};

/** Rows above which a table has a filter. */
const FILTERED = 12;

interface SortedColumn<R> {
  readonly key: string;
  readonly title: ReactNode;
  /** The title in words, where it is more than a text. */
  readonly words?: string;
  readonly numeric?: boolean;
  /** The value by which rows are sorted; null comes last. */
  readonly order: (row: R) => Cell;
  /** The cell as copied. */
  readonly text: (row: R) => string;
}

/** The chosen order and filter of a table, its headings, and its tools, which copy the rows as text. */
const useTableState = (
  caption: string,
  columns: readonly Pick<SortedColumn<never>, 'key' | 'title' | 'words' | 'numeric'>[],
  count: number,
) => {
  const [sort, setSort] = useState<TableSort | null>(null);
  const [sought, seek] = useState('');
  const headings = columns.map((column) => (
    <SortHeading
      key={column.key}
      name={column.key}
      title={column.title}
      words={wordsOf(column)}
      numeric={column.numeric === true}
      sort={sort}
      onSort={(name) => setSort(nextSort(sort, name))}
    />
  ));
  const tools = (onCopy: () => void) => (
    <TableTools caption={caption} sought={count > FILTERED ? sought : null} onSeek={seek} onCopy={onCopy} />
  );
  return { sort, sought, headings, tools };
};

const copyRows = (what: string, text: string, count: number): void => {
  copyText(what, text, `${counted(count, 'row')}.`).catch(noticesStore.getState().report);
};

/**
 * Sorting, filtering and copying for a table with cells of its own, such as a matrix: its rows in the chosen order, the
 * headings that choose it, and the tools of a `table-frame` around the table: a button that copies the rows, and a
 * filter if they are many.
 */
export const useSortedTable = <R,>(
  caption: string,
  columns: readonly SortedColumn<R>[],
  rows: readonly R[],
): { readonly sorted: readonly R[]; readonly headings: ReactNode; readonly tools: ReactNode } => {
  const { sort, sought, headings, tools } = useTableState(caption, columns, rows.length);
  const by = columns.find(({ key }) => key === sort?.column);
  const found = rowsWith(rows, sought, (row) => columns.map(({ text }) => text(row)));
  const sorted = by === undefined ? found : sortedBy(found, by.order, sort?.descending ?? false);
  const copied = (): string =>
    tsvText([columns.map(wordsOf), ...sorted.map((row) => columns.map(({ text }) => text(row)))]);
  return { sorted, headings, tools: tools(() => copyRows('The table', copied(), sorted.length)) };
};

interface TableToolsProps {
  readonly caption: string;
  /** The text of the filter; null for a table that is too short for one. */
  readonly sought: string | null;
  readonly onSeek: (text: string) => void;
  readonly onCopy: () => void;
}

/** The filter of a long table and the button that copies it, for the beginning of a `table-frame`. */
const TableTools = ({ caption, sought, onSeek, onCopy }: TableToolsProps) => {
  const copy = (className: string) => (
    <IconButton className={className} icon="copy" label={`Copy as tab-separated text: ${caption}`} onClick={onCopy} />
  );
  if (sought === null) return copy('copy-small');
  return (
    <div className="table-tools">
      <input
        className="input"
        type="search"
        aria-label={`Filter: ${caption}`}
        placeholder="Filter"
        value={sought}
        onChange={(event) => onSeek(event.target.value)}
      />
      {copy('')}
    </div>
  );
};

interface SortedTableProps<R> {
  /** Name of the table, also in the copied text. */
  readonly label: string;
  readonly className: string;
  readonly style?: React.CSSProperties;
  readonly columns: readonly SortedColumn<R>[];
  readonly rows: readonly R[];
  readonly children: (row: R) => ReactNode;
}

/** A table with lines of its own, in a frame that scrolls, with the headings and tools of `useSortedTable`. */
export const SortedTable = <R,>({ label, className, style, columns, rows, children }: SortedTableProps<R>) => {
  const { sorted, headings, tools } = useSortedTable(label, columns, rows);
  return (
    <div className="table-frame">
      {tools}
      <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
        <table className={`data-table ${className}`} style={style}>
          <thead>
            <tr>{headings}</tr>
          </thead>
          <tbody>{sorted.map(children)}</tbody>
        </table>
      </div>
    </div>
  );
};

interface DataTableProps<R> {
  readonly caption: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly rowKey: (row: R) => string;
  /** Rows of the same key (the draws of a point) are folded under one row with their spread. */
  readonly foldBy?: (row: R) => string;
  /** Called on a click on a row, or Enter on its name; arrow keys move between the names. */
  readonly onRow?: (row: R) => void;
  /** Whether a row can be opened; all can if this is missing. */
  readonly opens?: (row: R) => boolean;
  readonly selectedKey?: string | null;
}

/** Rows above which a table is shown in pages, and rows of a page. */
const LONG = 40;
const PAGE = 25;
interface Fold<R> {
  readonly key: string;
  readonly rows: readonly R[];
}

const foldsOf = <R,>(rows: readonly R[], keyOf: (row: R) => string): readonly Fold<R>[] => {
  const folds = new Map<string, R[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const fold = folds.get(key);
    if (fold === undefined) folds.set(key, [row]);
    else fold.push(row);
  }
  return [...folds].map(([key, own]) => ({ key, rows: own }));
};

/** A fold is sorted by the least of its rows' values where they rise, by the largest where they fall. */
const sortedFolds = <R,>(
  folds: readonly Fold<R>[],
  column: Column<R> | undefined,
  descending: boolean,
): readonly Fold<R>[] => {
  if (column === undefined) return folds;
  const valueOf = (row: R): Cell => valueIn(column, row);
  const inside = folds.map(({ key, rows }) => ({ key, rows: sortedBy(rows, valueOf, descending) }));
  return sortedBy(inside, ({ rows: [first] }) => (first === undefined ? null : valueOf(first)), descending);
};

/** The rows as tab-separated text: numbers in full precision, all else as it is shown. */
const copiedRows = <R,>(columns: readonly Column<R>[], rows: readonly R[]): string =>
  tsvText([
    columns.map(wordsOf),
    ...rows.map((row) =>
      columns.map((column) => {
        const value = valueIn(column, row);
        return typeof value === 'number' ? value : textIn(column, row);
      }),
    ),
  ]);

/**
 * A table of exact numbers behind a chart: sorted by any column, searched if it is long, and copied as tab-separated
 * text. The first column names the row. Long tables are shown in pages.
 */
export const DataTable = <R,>({
  caption,
  columns,
  rows,
  rowKey,
  foldBy = rowKey,
  onRow,
  opens = () => true,
  selectedKey,
}: DataTableProps<R>) => {
  const [asked, setAsked] = useState(PAGE);
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const { sort, sought, headings, tools } = useTableState(caption, columns, rows.length);
  const found = rowsWith(rows, sought, (row) => columns.map((column) => textIn(column, row)));
  const folds = sortedFolds(
    foldsOf(found, foldBy),
    columns.find(({ key }) => key === sort?.column),
    sort?.descending ?? false,
  );
  const copyAs = (what: string, copied: readonly R[]): void =>
    copyRows(what, copiedRows(columns, copied), copied.length);
  const copy = (): void =>
    copyAs(
      'The table',
      folds.flatMap((fold) => fold.rows),
    );
  /** Commands of a row, or of the rows folded under one. */
  const commandsOf = (open: (() => void) | null, own: readonly R[]): readonly MenuItem[] => [
    ...(open === null ? [] : [{ label: own.length === 1 ? 'Show' : 'Show or hide its rows', onChoose: open }]),
    { label: own.length === 1 ? 'Copy the row' : 'Copy its rows', onChoose: () => copyAs('It', own) },
    { label: 'Copy the table', onChoose: copy },
  ];
  const count = folds.length > LONG ? asked : folds.length;
  const isSelected = (row: R): boolean => rowKey(row) === selectedKey;
  // The selected row is always shown.
  const shown = folds.slice(0, Math.max(count, 1 + folds.findIndex((fold) => fold.rows.some(isSelected))));
  const isUnfolded = (fold: Fold<R>): boolean => unfolded.has(fold.key) || fold.rows.some(isSelected);
  const toggle = ({ key }: Fold<R>): void =>
    setUnfolded((known) => new Set(known.has(key) ? [...known].filter((entry) => entry !== key) : [...known, key]));
  const lines = shown.flatMap((fold): readonly Line[] => {
    const own = fold.rows.map((row): Line => {
      const open = onRow !== undefined && opens(row) ? () => onRow(row) : null;
      const state = selectedKey === undefined ? {} : { isSelected: isSelected(row) };
      const commands = (): readonly MenuItem[] => commandsOf(open, [row]);
      return { key: rowKey(row), cells: columns.map(({ cell }) => cell(row)), open, commands, ...state };
    });
    if (own.length === 1) return own;
    const isOpen = isUnfolded(fold);
    const cells = columns.map(({ spread }) => spread?.(fold.rows));
    const under = isOpen ? own.map((line) => ({ ...line, isUnder: true })) : [];
    const open = (): void => toggle(fold);
    const commands = (): readonly MenuItem[] => commandsOf(open, fold.rows);
    return [{ key: `fold ${fold.key}`, cells, open, commands, isOpen }, ...under];
  });
  const stop = (lines.find((line) => line.open !== null && line.isSelected === true) ?? lines.find(({ open }) => open))
    ?.key;
  const rest = folds.length - shown.length;
  return (
    <div className="table-frame">
      {tools(copy)}
      <div className="table-scroll" tabIndex={0} role="region" aria-label={caption} onKeyDown={walkMembers('column')}>
        <table className="data-table">
          <caption className="visually-hidden">{caption}</caption>
          <thead>
            <tr>{headings}</tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <TableLine key={line.key} line={line} columns={columns} isStop={line.key === stop} />
            ))}
          </tbody>
        </table>
        {found.length === 0 && rows.length > 0 && <p className="panel-empty">No row matches.</p>}
        {rest > 0 && (
          <p className="table-more">
            <Button look="quiet" onClick={() => setAsked(shown.length + PAGE)}>
              Show {formatCount(Math.min(PAGE, rest))} more
            </Button>
            <Button look="quiet" onClick={() => setAsked(Infinity)}>
              Show all {formatCount(folds.length)} rows
            </Button>
          </p>
        )}
      </div>
    </div>
  );
};

interface Line {
  readonly key: string;
  readonly cells: readonly ReactNode[];
  readonly open: (() => void) | null;
  /** For a right click. */
  readonly commands: () => readonly MenuItem[];
  readonly isSelected?: boolean;
  /** Whether the rows under it are shown; absent where there are none. */
  readonly isOpen?: boolean;
  /** Whether it is one of those rows. */
  readonly isUnder?: boolean;
}

interface TableLineProps {
  readonly line: Line;
  readonly columns: readonly { readonly key: string; readonly numeric?: boolean }[];
  readonly isStop: boolean;
}

const TableLine = ({ line, columns, isStop }: TableLineProps) => {
  const { cells, open, commands, isSelected, isOpen, isUnder = false } = line;
  const look = `${open === null ? '' : 'clickable'} ${isUnder ? 'under-fold' : ''}`.trim();
  return (
    <tr
      className={look === '' ? undefined : look}
      aria-selected={isSelected}
      onClick={open ?? undefined}
      onContextMenu={(event) => openContextMenu(event, 'Commands for the row', commands())}
    >
      {columns.map(({ key, numeric }, position) =>
        position === 0 ? (
          <th key={key} scope="row">
            {open === null ? (
              cells[position]
            ) : (
              // A click on the name bubbles to the row.
              <button
                type="button"
                className="row-open"
                data-member=""
                tabIndex={isStop ? 0 : -1}
                aria-expanded={isOpen}
              >
                {isOpen !== undefined && <Icon name={isOpen ? 'chevronDown' : 'chevronRight'} size={11} />}
                {cells[position]}
              </button>
            )}
          </th>
        ) : (
          <td key={key} className={numeric === true ? 'numeric' : undefined}>
            {cells[position]}
          </td>
        ),
      )}
    </tr>
  );
};

export interface Fact {
  readonly key: string;
  readonly term: ReactNode;
  /** Null or undefined: there is none, and the fact is left out. */
  readonly value: ReactNode;
}

/** A fact with a definition, under the term of the definition or under other words. */
export const fact = (of: DefinitionName, value: ReactNode, words?: string): Fact => ({
  key: words ?? of,
  term: <Definition of={of}>{words}</Definition>,
  value,
});

/** A fact whose term needs no definition. */
export const plainFact = (term: string, value: ReactNode): Fact => ({ key: term, term, value });

interface FactListProps {
  readonly facts: readonly Fact[];
  /** `terms`: values begin at one line, for long ones; `facts`: they end at the right edge. Else the parent's style. */
  readonly className?: string;
}

/** Terms and values in two columns. */
export const FactList = ({ facts, className = 'facts' }: FactListProps) => (
  <dl className={className}>
    {facts.map(({ key, term, value }) =>
      value === null || value === undefined ? null : (
        <div key={key}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ),
    )}
  </dl>
);
