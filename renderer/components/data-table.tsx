import type { ReactNode } from 'react';
import { walkMembers } from './walk-members.ts';

interface Column<R> {
  readonly key: string;
  readonly title: ReactNode;
  readonly cell: (row: R) => ReactNode;
  readonly numeric?: boolean;
}

interface DataTableProps<R> {
  readonly caption: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly rowKey: (row: R) => string;
  /** Called on a click on a row, or Enter on its name; arrow keys move between the names. */
  readonly onRow?: (row: R) => void;
  /** Whether a row can be opened; all can if this is missing. */
  readonly opens?: (row: R) => boolean;
  readonly selectedKey?: string | null;
}

/** A table of exact numbers behind a chart. The first column names the row. */
export const DataTable = <R,>({
  caption,
  columns,
  rows,
  rowKey,
  onRow,
  opens = () => true,
  selectedKey,
}: DataTableProps<R>) => {
  const openable = onRow === undefined ? [] : rows.filter(opens).map(rowKey);
  const stop = openable.find((key) => key === selectedKey) ?? openable[0];
  const isOpenable = new Set(openable);
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={caption} onKeyDown={walkMembers('column')}>
      <table className="data-table">
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" className={column.numeric === true ? 'numeric' : undefined}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = rowKey(row);
            return (
              <tr
                key={key}
                className={isOpenable.has(key) ? 'clickable' : undefined}
                aria-selected={selectedKey === undefined ? undefined : key === selectedKey}
                onClick={isOpenable.has(key) ? () => onRow?.(row) : undefined}
              >
                {columns.map((column, position) =>
                  position === 0 ? (
                    <th key={column.key} scope="row">
                      {isOpenable.has(key) ? (
                        // A click on the name bubbles to the row.
                        <button type="button" className="row-open" data-member="" tabIndex={key === stop ? 0 : -1}>
                          {column.cell(row)}
                        </button>
                      ) : (
                        column.cell(row)
                      )}
                    </th>
                  ) : (
                    <td key={column.key} className={column.numeric === true ? 'numeric' : undefined}>
                      {column.cell(row)}
                    </td>
                  ),
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
};

export interface Fact {
  readonly key: string;
  readonly term: ReactNode;
  readonly value: ReactNode;
}

/** Terms and values in two columns. */
export const FactList = ({ facts }: { readonly facts: readonly Fact[] }) => (
  <dl className="facts">
    {facts.map(({ key, term, value }) => (
      <div key={key}>
        <dt>{term}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);
