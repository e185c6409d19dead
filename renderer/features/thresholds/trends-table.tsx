import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatCount, formatFactor, formatFixed } from '../../format/format-number.ts';
import { thresholdBracket, thresholdValue } from '../curves/threshold-words.ts';
import { methodTitle } from '../prune/methods.ts';
import { isRecorded } from './threshold-text.ts';

interface TrendsTableProps {
  readonly family: SizeTrendDocument;
  readonly methods: readonly string[];
  readonly title: (task: string) => string;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

/** The numbers behind the charts of thresholds over E. */
export const TrendsTable = ({ family, methods, title, onSelect }: TrendsTableProps) => (
  <DataTable
    caption="Thresholds by task, method and number of experts"
    rows={family.trends.filter(({ method }) => methods.includes(method)).flatMap(({ points }) => points)}
    rowKey={({ task, method, model }) => JSON.stringify([task, method, model])}
    onRow={onSelect}
    columns={[
      { key: 'task', title: 'Task', cell: ({ task }) => title(task) },
      { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
      {
        key: 'model',
        title: 'Model',
        cell: (threshold) => `${threshold.model}${isRecorded(family, threshold) ? ' (recorded)' : ''}`,
      },
      {
        key: 'experts',
        title: <Definition of="experts">E</Definition>,
        numeric: true,
        cell: ({ experts }) => formatCount(experts),
      },
      { key: 'threshold', title: <Definition of="threshold" />, numeric: true, cell: thresholdValue },
      { key: 'bracket', title: <Definition of="bracket" />, cell: thresholdBracket },
      {
        key: 'largest',
        title: <Definition of="largestTested" />,
        numeric: true,
        cell: ({ largestTested }) => formatFactor(largestTested),
      },
      { key: 'n', title: <Definition of="items">n</Definition>, numeric: true, cell: ({ n }) => formatCount(n) },
      {
        key: 'delta',
        title: <Definition of="delta">δ</Definition>,
        numeric: true,
        cell: ({ delta }) => formatFixed(delta, 3),
      },
    ]}
  />
);
