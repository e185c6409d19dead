import type { CompareDocument, CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import { taskRankText, rankIntervalText, rankText, readingMark, readingText } from '../../../main/words/comparisons.ts';
import { goodness, scaleOf } from '../../../main/figures/compare-figure.ts';
import { formatDifference, formatFactor, formatSigned } from '../../../main/words/numbers.ts';
import { methodStyle } from '../../../main/figures/method-marks.ts';
import { goodnessScale, inkOn } from '../../../main/figures/colors.ts';
import { maxOf } from '../../../main/statistics/extremes.ts';
import { ColorLegend, MethodMarker } from '../../charts/legend.tsx';
import { useSortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { TipText, Tooltip } from '../../components/tooltip.tsx';
import { walkCells } from '../../components/walk-members.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { type CompareProps, referenceTitle, rowLines } from './comparison.ts';

/** Tasks by methods: differences to the reference as colours and numbers, with summaries over all tasks on top. */
export const MethodMatrix = ({ comparison, theme, title, isSelected, onSelect }: CompareProps) => {
  const { overview, tasks, methods, reference, factor, model } = comparison;
  const accuracy = maxOf([
    0,
    ...tasks.filter(({ metric }) => metric !== 'perplexity').map((task) => scaleOf(comparison, task)),
  ]);
  const taskTitle = ({ task }: CompareTask): string => title(task);
  const rowOf = ({ rows }: CompareTask, method: string): CompareRow | undefined =>
    rows.find((row) => row.method === method);
  const { sorted, headings, tools } = useSortedTable(
    'Differences by task and method',
    [
      { key: 'task', title: 'Task', order: taskTitle, text: taskTitle },
      ...overview.map(({ method }) => ({
        key: `method ${method}`,
        title: (
          <span className="matrix-method">
            <svg width="12" height="12" aria-hidden="true">
              <MethodMarker style={methodStyle(method, methods.indexOf(method))} theme={theme} x={6} y={6} r={4} />
            </svg>
            {methodTitle(method)}
          </span>
        ),
        words: methodTitle(method),
        numeric: true,
        // The reference itself: no difference.
        order: (task: CompareTask) => {
          const row = rowOf(task, method);
          return row === undefined ? null : (row.paired?.difference ?? 0);
        },
        text: (task: CompareTask) => {
          const row = rowOf(task, method);
          return row === undefined ? '' : differenceText(row, task);
        },
      })),
    ],
    tasks,
  );
  return (
    <Section
      label="Methods over tasks"
      title={`Methods over tasks, ${model} at ${formatFactor(factor)}`}
      end={
        accuracy > 0 && (
          <ColorLegend
            scale={goodnessScale(accuracy, theme)}
            labels={[formatSigned(-100 * accuracy, 0), '0', formatSigned(100 * accuracy, 0)]}
            ends={['worse', 'better']}
          />
        )
      }
    >
      <p className="chart-caption">
        Difference to <Definition of="compareReference">{referenceTitle(reference)}</Definition> on the same items, in
        percentage points (perplexity unscaled). ▲ better and ▼ worse: the paired 95 % interval excludes 0, in every{' '}
        <Definition of="seeds">draw</Definition>. = best, or{' '}
        <Definition of="sharesBest">not distinguishable from the best</Definition> in any draw.
      </p>
      <div className="table-frame">
        {tools}
        <div className="table-scroll" role="region" aria-label="Differences by task and method" onKeyDown={walkCells}>
          <table className="data-table method-matrix">
            <thead>
              <tr>{headings}</tr>
            </thead>
            <tbody className="matrix-summary">
              <tr>
                <th scope="row">
                  <Definition of="meanRank">Mean rank</Definition>
                </th>
                {overview.map((entry) => (
                  <td key={entry.method} className="numeric">
                    <strong>{rankText(entry)}</strong> <small>{rankIntervalText(entry)}</small>
                  </td>
                ))}
              </tr>
              <tr>
                <th scope="row">
                  <Definition of="sharesBest">Best, or =</Definition>
                </th>
                {overview.map((entry) => (
                  <td key={entry.method} className="numeric">
                    <strong>{entry.sharesBest}</strong> <small>of {entry.tasks}</small>
                  </td>
                ))}
              </tr>
              <tr>
                <th scope="row">
                  <Definition of="compareReading">▲ / ▼ / ?</Definition>
                </th>
                {overview.map((entry) => (
                  <td key={entry.method} className="numeric">
                    {entry.better} / {entry.worse} / {entry.cannotTell}
                    {entry.drawsDiffer > 0 && <small> / {entry.drawsDiffer} differ</small>}
                  </td>
                ))}
              </tr>
            </tbody>
            <tbody>
              {sorted.map((task, line) => (
                <tr key={task.task}>
                  <th scope="row" title={title(task.task)}>
                    {title(task.task)}
                  </th>
                  {overview.map(({ method }, column) => {
                    const row = rowOf(task, method);
                    return row === undefined ? (
                      <td key={method} className="numeric muted">
                        –
                      </td>
                    ) : (
                      <MatrixCell
                        key={method}
                        comparison={comparison}
                        theme={theme}
                        task={task}
                        row={row}
                        title={title(task.task)}
                        cell={{ line, column }}
                        selected={isSelected(task, row)}
                        onSelect={() => onSelect(task, row)}
                      />
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </Section>
  );
};

/** The difference in a cell, or why there is none. */
const differenceText = ({ paired }: CompareRow, { metric, reference }: CompareTask): string =>
  paired !== null ? formatDifference(paired.difference, metric) : reference === null ? '–' : readingText(null);

interface MatrixCellProps {
  readonly comparison: CompareDocument;
  readonly theme: CompareProps['theme'];
  readonly task: CompareTask;
  readonly row: CompareRow;
  readonly title: string;
  readonly cell: { readonly line: number; readonly column: number };
  readonly selected: boolean;
  readonly onSelect: () => void;
}

const MatrixCell = ({ comparison, theme, task, row, title, cell, selected, onSelect }: MatrixCellProps) => {
  const { metric } = task;
  const { paired, reading } = row;
  const background =
    paired === null
      ? undefined
      : goodnessScale(scaleOf(comparison, task), theme).color(goodness(paired.difference, metric));
  const lines = rowLines(row, task);
  const name = `${methodTitle(row.method)}, ${title}`;
  const rank = `${taskRankText(row, task)}${row.sharesBest ? ' =' : ''}`;
  const difference = differenceText(row, task);
  return (
    <td className="matrix-cell" style={background === undefined ? undefined : { background, color: inkOn(background) }}>
      <Tooltip focusable={false} className="matrix-hold" content={<TipText title={name} lines={lines} />}>
        <button
          type="button"
          data-line={cell.line}
          data-column={cell.column}
          tabIndex={cell.line === 0 && cell.column === 0 ? 0 : -1}
          aria-pressed={selected}
          aria-label={`${name}: ${lines.join('; ')}; ${rank} ${difference} ${readingMark(reading)}`}
          onClick={onSelect}
        >
          <span className="matrix-place">{rank}</span>{' '}
          <span
            className={
              paired === null
                ? 'matrix-reference'
                : reading === 'better' || reading === 'worse'
                  ? 'matrix-apart'
                  : undefined
            }
          >
            {difference}
          </span>{' '}
          <span className="matrix-mark">{readingMark(reading)}</span>
        </button>
      </Tooltip>
    </td>
  );
};
