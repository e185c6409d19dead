import type { SizePair } from '../../../main/contract/size-trend.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatCount, formatFactor, formatProbability } from '../../format/format-number.ts';
import { methodTitle } from '../prune/methods.ts';
import { differenceText, standingOf, standingText, valueText } from './pair-text.ts';

interface PairsTableProps {
  readonly pairs: readonly SizePair[];
  readonly title: (task: string) => string;
  readonly onSelect: (pair: SizePair) => void;
}

/** Every comparison of a pruned large model with a small one from scratch. */
export const PairsTable = ({ pairs, title, onSelect }: PairsTableProps) => (
  <DataTable
    caption="Pruned-large against scratch-small: per cent, differences in percentage points (perplexity as it stands)"
    rows={pairs}
    rowKey={({ task, method, seed, large, small }) => JSON.stringify([task, method, seed, large, small])}
    onRow={onSelect}
    columns={[
      { key: 'task', title: 'Task', cell: ({ task }) => title(task) },
      {
        key: 'method',
        title: 'Method',
        cell: ({ method, seed }) => `${methodTitle(method)}${seed === null ? '' : `, seed ${seed}`}`,
      },
      { key: 'large', title: 'Pruned', cell: ({ large, factor }) => `${large} ${formatFactor(factor)}` },
      { key: 'small', title: 'From scratch', cell: ({ small }) => small },
      { key: 'pruned', title: 'Pruned', numeric: true, cell: ({ pruned, metric }) => valueText(pruned, metric) },
      { key: 'scratch', title: 'Scratch', numeric: true, cell: ({ scratch, metric }) => valueText(scratch, metric) },
      {
        key: 'difference',
        title: <Definition of="scratchDifference">Difference</Definition>,
        numeric: true,
        cell: ({ difference, metric }) => differenceText(difference, metric),
      },
      {
        key: 'interval',
        title: <Definition of="scratchDifference">95 % interval</Definition>,
        numeric: true,
        cell: ({ low, high, metric }) => `[${differenceText(low, metric)}, ${differenceText(high, metric)}]`,
      },
      {
        key: 'p',
        title: <Definition of="mcnemar">p</Definition>,
        numeric: true,
        cell: ({ p }) => (p === null ? '' : formatProbability(p)),
      },
      { key: 'n', title: <Definition of="items">n</Definition>, numeric: true, cell: ({ n }) => formatCount(n) },
      {
        key: 'standing',
        title: <Definition of="pastThreshold">Threshold</Definition>,
        cell: (pair) => standingText(standingOf(pair)),
      },
    ]}
  />
);
