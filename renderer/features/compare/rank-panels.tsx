import type { CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import { methodStyle } from '../../../main/figures/method-marks.ts';
import { MethodMarker } from '../../charts/method-marker.tsx';
import { Definition } from '../../components/definition.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { formatCount } from '../../format/format-number.ts';
import { methodTitle } from '../prune/methods.ts';
import { differenceText, valueText } from '../thresholds/pair-text.ts';
import type { CompareProps } from './compare-props.ts';
import { placeText, readingMark, readingWords, referenceTitle, rowLines } from './compare-words.ts';
import { DifferenceWhisker, intervalDomain } from './difference-whisker.tsx';

/** Every task's methods by rank: value, difference to the reference with its interval, and how it reads. */
export const RankPanels = (props: CompareProps) => {
  const { tasks, reference } = props.comparison;
  return (
    <section aria-label="Ranks by task">
      <div className="section-head">
        <h3>Task by task</h3>
      </div>
      <p className="chart-caption">
        By value, best first. Whisker: difference to {referenceTitle(reference)} with its paired 95 % interval; the line
        is 0, right of it is better. Accuracies in per cent, on one scale for all tasks.
      </p>
      <div className="rank-panels">
        {tasks.map((task) => (
          <RankPanel key={task.task} task={task} {...props} />
        ))}
      </div>
    </section>
  );
};

const RankPanel = ({
  task,
  comparison,
  theme,
  title,
  isSelected,
  onSelect,
}: CompareProps & { readonly task: CompareTask }) => {
  const domain = intervalDomain(comparison, task);
  return (
    <div className="rank-panel">
      <table className="data-table rank-table">
        <caption>
          <strong>{title(task.task)}</strong>{' '}
          <span className="muted">
            <Definition of={task.metric}>{task.metric === 'perplexity' ? 'perplexity' : task.metric}</Definition>,{' '}
            <Definition of="items">n</Definition> {formatCount(task.n)}
            {task.unpruned === null ? '' : `, unpruned ${valueText(task.unpruned, task.metric)}`}
          </span>
        </caption>
        <colgroup>
          <col className="rank-place-column" />
          <col />
          <col className="rank-value-column" />
          <col className="rank-whisker-column" />
          <col className="rank-difference-column" />
        </colgroup>
        <thead className="visually-hidden">
          <tr>
            <th scope="col">Rank</th>
            <th scope="col">Method</th>
            <th scope="col">Value</th>
            <th scope="col">Interval</th>
            <th scope="col">Difference</th>
          </tr>
        </thead>
        <tbody>
          {task.rows.map((row) => (
            <tr
              key={row.method}
              className="clickable"
              aria-selected={isSelected(task, row)}
              onClick={() => onSelect(task, row)}
            >
              <td className="rank-place">
                {placeText(row, task)}
                {row.sharesBest ? ' =' : ''}
              </td>
              <th scope="row">
                <Tooltip focusable={false} content={<RowText row={row} task={task} />}>
                  <button type="button" className="rank-method" onClick={() => onSelect(task, row)}>
                    <svg width="12" height="12" aria-hidden="true">
                      <MethodMarker
                        style={methodStyle(row.method, comparison.methods.indexOf(row.method))}
                        theme={theme}
                        x={6}
                        y={6}
                        r={4}
                      />
                    </svg>
                    <span>{methodTitle(row.method)}</span>
                  </button>
                </Tooltip>
              </th>
              <td className="numeric">{valueText(row.value, task.metric)}</td>
              <td className="rank-whisker">
                <Tooltip focusable={false} content={<RowText row={row} task={task} />}>
                  <DifferenceWhisker
                    row={row}
                    metric={task.metric}
                    domain={domain}
                    style={methodStyle(row.method, comparison.methods.indexOf(row.method))}
                    theme={theme}
                  />
                </Tooltip>
              </td>
              <td className="numeric rank-difference">
                {row.paired === null ? (
                  <span className="muted">{task.reference === null ? '–' : readingWords(null)}</span>
                ) : (
                  differenceText(row.paired.difference, task.metric)
                )}
                <span className="rank-mark" aria-hidden="true">
                  {readingMark(row.reading)}
                </span>
                {row.reading !== null && <span className="visually-hidden"> {readingWords(row.reading)}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

const RowText = ({ row, task }: { readonly row: CompareRow; readonly task: CompareTask }) => (
  <>
    <strong>{methodTitle(row.method)}</strong>
    {rowLines(row, task).map((line) => (
      <div key={line}>{line}</div>
    ))}
  </>
);
