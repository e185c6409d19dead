import { type SweepResult, UNPRUNED } from '../../../main/contract/sweep.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatFactor, formatFixed, formatProbability, formatSigned } from '../../format/format-number.ts';
import { methodTitle } from '../prune/methods.ts';
import { resultKey } from './point-key.ts';

interface ResultsTableProps {
  readonly results: readonly SweepResult[];
  readonly title: (task: string) => string;
  readonly selected: SweepResult | null;
  readonly onSelect: (result: SweepResult) => void;
}

/** Every measured point with its exact numbers. */
export const ResultsTable = ({ results, title, selected, onSelect }: ResultsTableProps) => (
  <div className="results-table">
    <DataTable
      caption="Every measured point of this sweep"
      rows={[...results].sort(
        (left, right) =>
          left.task.localeCompare(right.task) || left.method.localeCompare(right.method) || left.factor - right.factor,
      )}
      rowKey={resultKey}
      selectedKey={selected === null ? null : resultKey(selected)}
      onRow={(result) => {
        if (result.method !== UNPRUNED) onSelect(result);
      }}
      columns={[
        { key: 'task', title: 'Task', cell: (result) => title(result.task) },
        {
          key: 'method',
          title: 'Method',
          cell: (result) => (result.method === UNPRUNED ? 'unpruned' : methodTitle(result.method)),
        },
        { key: 'seed', title: <Definition of="seed" />, numeric: true, cell: (result) => result.seed ?? '' },
        {
          key: 'factor',
          title: <Definition of="factor">Factor</Definition>,
          numeric: true,
          cell: (result) => formatFactor(result.factor),
        },
        {
          key: 'kept',
          title: <Definition of="keptExperts">Kept</Definition>,
          numeric: true,
          cell: (result) => formatFixed(result.kept, Number.isInteger(result.kept) ? 0 : 2),
        },
        { key: 'n', title: <Definition of="items">n</Definition>, numeric: true, cell: (result) => result.n },
        {
          key: 'metric',
          title: 'Metric',
          cell: (result) => <Definition of={result.metric}>{result.metric}</Definition>,
        },
        {
          key: 'value',
          title: <Definition of="value">Value</Definition>,
          numeric: true,
          cell: (result) => formatFixed(result.value, 4),
        },
        {
          key: 'difference',
          title: <Definition of="pairedDifference">Difference</Definition>,
          numeric: true,
          cell: (result) => formatSigned(result.difference, 4),
        },
        {
          key: 'interval',
          title: <Definition of="pairedDifference">95 % interval</Definition>,
          numeric: true,
          cell: (result) => `[${formatSigned(result.low, 4)}, ${formatSigned(result.high, 4)}]`,
        },
        {
          key: 'one',
          title: <Definition of="oneSided">One-sided</Definition>,
          numeric: true,
          cell: (result) => formatSigned(result.lowOneSided, 4),
        },
        {
          key: 'p',
          title: <Definition of="mcnemar">p</Definition>,
          numeric: true,
          cell: (result) => (result.p === null ? '' : formatProbability(result.p)),
        },
        {
          key: 'lost',
          title: <Definition of="lostGained">Lost</Definition>,
          numeric: true,
          cell: (result) => result.lost,
        },
        {
          key: 'gained',
          title: <Definition of="lostGained">Gained</Definition>,
          numeric: true,
          cell: (result) => result.gained,
        },
        { key: 'truncated', title: <Definition of="truncated" />, numeric: true, cell: (result) => result.truncated },
      ]}
    />
  </div>
);
