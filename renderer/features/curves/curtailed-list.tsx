import { pointNameKey } from '../../../main/contract/sweep.ts';
import type { CurtailedPoint } from '../../../main/contract/curtailed-point.ts';
import { curtailedText } from '../../../main/words/verdicts.ts';
import { formatDroppedShare, formatFactor } from '../../../main/words/numbers.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';

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
      columns={[
        { key: 'task', title: 'Task', cell: (point) => title(point.task) },
        { key: 'method', title: 'Method', cell: (point) => methodTitle(point.method) },
        { key: 'seed', title: <Definition of="seed" />, numeric: true, cell: (point) => point.seed ?? '' },
        {
          key: 'factor',
          title: <Definition of="factor">Factor</Definition>,
          numeric: true,
          cell: (point) => formatFactor(point.factor),
        },
        {
          key: 'dropped',
          title: <Definition of="droppedShare">Dropped</Definition>,
          numeric: true,
          cell: formatDroppedShare,
        },
        { key: 'curtailed', title: <Definition of="stop">Verdict</Definition>, cell: curtailedText },
      ]}
    />
  </section>
);
