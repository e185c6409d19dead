import { pointNameKey } from '../../../main/contract/sweep.ts';
import type { CurtailedPoint } from '../../../main/contract/curtailed-point.ts';
import { pick } from '../../../main/figures/columns.ts';
import { curtailedColumns } from '../../../main/figures/tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';

interface CurtailedListProps {
  readonly points: readonly CurtailedPoint[];
  readonly title: (task: string) => string;
}

/** Curtailed candidates: their verdicts, without value and interval. */
export const CurtailedList = ({ points, title }: CurtailedListProps) => (
  <section aria-label="Stopped early">
    <div className="section-head">
      <h3>Stopped early</h3>
      <span className="muted">“Start sweep” without “Stop early” continues from the results on disk</span>
    </div>
    <DataTable
      caption="Candidates that stopped before they had answered every item"
      rows={points}
      rowKey={pointNameKey}
      columns={shownColumns(pick(curtailedColumns, 'task method seed factor dropped_share verdict'), points, title)}
    />
  </section>
);
