import type { CompareDocument, CompareRecovery } from '../../../main/contract/compare.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatCount, formatProbability } from '../../format/format-number.ts';
import { methodTitle } from '../prune/methods.ts';
import { differenceText, valueText } from '../thresholds/pair-text.ts';
import { intervalText, readingMark, readingWords } from './compare-words.ts';

type TaskRecovery = CompareRecovery['tasks'][number];
interface RecoveryRow extends TaskRecovery {
  readonly method: string;
}

/** What recovery without training did to each method, against the same plan as it is. */
export const RecoverySection = ({
  comparison: { recoveries },
  title,
}: {
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
}) => (
  <section aria-label="Recovery">
    <div className="section-head">
      <h3>
        <Definition of="recoveryDifference">Recovery, against the same plan without</Definition>
      </h3>
    </div>
    <div className="recovery-tables">
      <DataTable
        caption="What recovery did, by method"
        rows={recoveries}
        rowKey={({ method }) => method}
        columns={[
          { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
          { key: 'better', title: '▲ better', numeric: true, cell: ({ better }) => better },
          { key: 'nothing', title: 'nothing', numeric: true, cell: ({ nothing }) => nothing },
          { key: 'worse', title: '▼ worse', numeric: true, cell: ({ worse }) => worse },
          { key: 'tasks', title: 'tasks', numeric: true, cell: ({ tasks }) => tasks.length },
        ]}
      />
      <DataTable<RecoveryRow>
        caption="Recovered plans against the same plans without recovery, by task: per cent, differences in percentage points (perplexity as it stands)"
        rows={recoveries.flatMap(({ method, tasks }) => tasks.map((task) => ({ ...task, method })))}
        rowKey={({ method, task }) => JSON.stringify([method, task])}
        columns={[
          { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
          { key: 'task', title: 'Task', cell: ({ task }) => title(task) },
          { key: 'n', title: <Definition of="items">n</Definition>, numeric: true, cell: ({ n }) => formatCount(n) },
          { key: 'bare', title: 'Without', numeric: true, cell: ({ bare, metric }) => valueText(bare, metric) },
          {
            key: 'recovered',
            title: 'With',
            numeric: true,
            cell: ({ recovered, metric }) => valueText(recovered, metric),
          },
          {
            key: 'difference',
            title: <Definition of="recoveryDifference">Difference</Definition>,
            numeric: true,
            cell: ({ paired, metric }) => differenceText(paired.difference, metric),
          },
          {
            key: 'interval',
            title: '95 % interval',
            numeric: true,
            cell: ({ paired, metric }) => intervalText(paired, metric),
          },
          {
            key: 'p',
            title: <Definition of="mcnemar">p</Definition>,
            numeric: true,
            cell: ({ paired }) => (paired.p === null ? '' : formatProbability(paired.p)),
          },
          {
            key: 'reading',
            title: <Definition of="compareReading">Reading</Definition>,
            cell: ({ reading }) =>
              `${readingMark(reading)} ${reading === 'cannot-tell' ? 'nothing' : readingWords(reading)}`,
          },
        ]}
      />
    </div>
  </section>
);
