import type { CompareDocument } from '../../../main/contract/compare.ts';
import { pick } from '../../../main/figures/columns.ts';
import { COMPARE_SHOWN, compareColumns, compareLines, overviewColumns } from '../../../main/figures/compare-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';

interface CompareTableProps {
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
}

/** All numbers of the comparison: over all tasks, and task by task. */
export const CompareTable = ({ comparison, title }: CompareTableProps) => {
  const lines = compareLines(comparison);
  return (
    <>
      <DataTable
        caption="Methods over all tasks"
        rows={comparison.overview}
        rowKey={({ method }) => method}
        columns={shownColumns(overviewColumns, comparison.overview)}
      />
      <DataTable
        caption="Every method on every task: per cent, differences in percentage points (perplexity unscaled)"
        rows={lines}
        rowKey={({ task, row }) => JSON.stringify([task.task, row.method])}
        columns={shownColumns(pick(compareColumns, COMPARE_SHOWN), lines, title)}
      />
    </>
  );
};
