import type { ReactNode } from 'react';
import type { TableSort } from '../../main/figures/table-rows.ts';

interface SortHeadingProps {
  /** The column's name in its list. */
  readonly name: string;
  /** The shown title; a definition in it keeps its own focus, beside the button that sorts. */
  readonly title: ReactNode;
  /** The title in words, for the button. */
  readonly words: string;
  readonly numeric: boolean;
  readonly sort: TableSort | null;
  readonly onSort: (column: string) => void;
  readonly className?: string;
}

/** The heading of a column that a table can be sorted by. */
export const SortHeading = ({ name, title, words, numeric, sort, onSort, className = '' }: SortHeadingProps) => {
  const sorted = sort?.column === name ? sort : null;
  const order = sorted === null ? 'none' : sorted.descending ? 'descending' : 'ascending';
  return (
    <th
      scope="col"
      aria-sort={order}
      className={`sortable ${numeric ? 'numeric' : ''} ${className}`.trim()}
      onClick={() => onSort(name)}
    >
      {title}
      <button type="button" className="sort-mark" aria-label={`Sort by ${words}`} title={`Sort by ${words}`} />
    </th>
  );
};
