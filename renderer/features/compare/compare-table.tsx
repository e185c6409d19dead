import type { CompareDocument, CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import {
  pairedRangeText,
  rankIntervalText,
  rankText,
  readingMark,
  readingText,
  sharedRankText,
} from '../../../main/words/comparisons.ts';
import {
  formatCount,
  formatDifference,
  formatFactor,
  formatFixed,
  formatProbability,
  formatValue,
} from '../../../main/words/numbers.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { methodTitle } from '../../../main/words/methods.ts';

interface TableRow {
  readonly task: CompareTask;
  readonly row: CompareRow;
}

/** All numbers of the comparison: over all tasks, and task by task. */
export const CompareTable = ({
  comparison,
  title,
}: {
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
}) => (
  <>
    <DataTable
      caption="Methods over all tasks"
      rows={comparison.overview}
      rowKey={({ method }) => method}
      columns={[
        { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
        { key: 'rank', title: <Definition of="meanRank">Mean rank</Definition>, numeric: true, cell: rankText },
        {
          key: 'interval',
          title: <Definition of="meanRank">95 % interval</Definition>,
          numeric: true,
          cell: rankIntervalText,
        },
        {
          key: 'best',
          title: <Definition of="sharesBest">Best, or =</Definition>,
          numeric: true,
          cell: ({ sharesBest, tasks }) => `${sharesBest} of ${tasks}`,
        },
        {
          key: 'better',
          title: <Definition of="compareReading">▲ better</Definition>,
          numeric: true,
          cell: ({ better }) => better,
        },
        {
          key: 'worse',
          title: <Definition of="compareReading">▼ worse</Definition>,
          numeric: true,
          cell: ({ worse }) => worse,
        },
        {
          key: 'open',
          title: <Definition of="compareReading">cannot tell</Definition>,
          numeric: true,
          cell: ({ cannotTell }) => cannotTell,
        },
        {
          key: 'differ',
          title: <Definition of="seeds">draws differ</Definition>,
          numeric: true,
          cell: ({ drawsDiffer }) => drawsDiffer,
        },
      ]}
    />
    <DataTable<TableRow>
      caption="Every method on every task: per cent, differences in percentage points (perplexity unscaled)"
      rows={comparison.tasks.flatMap((task) => task.rows.map((row) => ({ task, row })))}
      rowKey={({ task, row }) => JSON.stringify([task.task, row.method])}
      columns={[
        { key: 'task', title: 'Task', cell: ({ task }) => title(task.task) },
        { key: 'rank', title: 'Rank', cell: ({ task, row }) => sharedRankText(row, task) },
        { key: 'method', title: 'Method', cell: ({ row }) => methodTitle(row.method) },
        {
          key: 'draws',
          title: <Definition of="seeds">Draws</Definition>,
          numeric: true,
          cell: ({ row }) => Math.max(1, row.seeds.length),
        },
        {
          key: 'factor',
          title: <Definition of="factor">Factor</Definition>,
          numeric: true,
          cell: ({ row }) => formatFactor(row.factor),
        },
        {
          key: 'n',
          title: <Definition of="items">n</Definition>,
          numeric: true,
          cell: ({ task }) => formatCount(task.n),
        },
        {
          key: 'value',
          title: <Definition of="value">Value</Definition>,
          numeric: true,
          cell: ({ task, row }) => formatValue(row.value, task.metric),
        },
        {
          key: 'range',
          title: <Definition of="seeds">Over draws</Definition>,
          numeric: true,
          cell: ({ task, row }) =>
            row.seeds.length > 1
              ? `${formatValue(row.lowest, task.metric)} to ${formatValue(row.highest, task.metric)}`
              : '',
        },
        {
          key: 'difference',
          title: <Definition of="methodDifference">Difference</Definition>,
          numeric: true,
          cell: ({ task, row }) => (row.paired === null ? '' : formatDifference(row.paired.difference, task.metric)),
        },
        {
          key: 'interval',
          title: <Definition of="methodDifference">95 % interval</Definition>,
          numeric: true,
          cell: ({ task, row }) => (row.paired === null ? '' : pairedRangeText(row.paired, task.metric)),
        },
        {
          key: 'p',
          title: <Definition of="mcnemar">p</Definition>,
          numeric: true,
          cell: ({ row }) => (row.paired === null || row.paired.p === null ? '' : formatProbability(row.paired.p)),
        },
        {
          key: 'holm',
          title: <Definition of="holm">p (Holm)</Definition>,
          numeric: true,
          cell: ({ row }) => (row.pHolm === null ? '' : formatProbability(row.pHolm)),
        },
        {
          key: 'lost',
          title: <Definition of="methodLostGained">Lost</Definition>,
          numeric: true,
          cell: ({ row }) =>
            row.paired === null ? '' : formatFixed(row.paired.lost, row.paired.pairs.length > 1 ? 1 : 0),
        },
        {
          key: 'gained',
          title: <Definition of="methodLostGained">Gained</Definition>,
          numeric: true,
          cell: ({ row }) =>
            row.paired === null ? '' : formatFixed(row.paired.gained, row.paired.pairs.length > 1 ? 1 : 0),
        },
        {
          key: 'reading',
          title: <Definition of="compareReading">Reading</Definition>,
          cell: ({ task, row }) =>
            row.reading === null && task.reference === null
              ? '–'
              : `${readingMark(row.reading)} ${readingText(row.reading)}`,
        },
      ]}
    />
  </>
);
