import type { CompareDocument, CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import type { PairedOverDraws } from '../../../main/contract/paired-numbers.ts';
import type { MetricName } from '../../../main/contract/task.ts';
import { taskRankText, readingMark, readingText } from '../../../main/words/comparisons.ts';
import { goodness } from '../../../main/figures/compare-figure.ts';
import { methodStyle, type MethodStyle } from '../../../main/figures/method-marks.ts';
import { maxOf, minOf } from '../../../main/statistics/extremes.ts';
import { MethodMarker } from '../../charts/legend.tsx';
import { useSortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { TipText, Tooltip } from '../../components/tooltip.tsx';
import { formatCount, formatDifference, formatValue } from '../../../main/words/numbers.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import type { ResolvedTheme } from '../../state/theme.ts';
import { type CompareProps, referenceTitle, rowLines } from './comparison.ts';

/** The methods of each task by rank: value, difference to the reference with its interval, and reading. */
export const RankPanels = (props: CompareProps) => {
  const { tasks, reference } = props.comparison;
  return (
    <section aria-label="Ranks by task">
      <p className="chart-caption">
        By value, best first. Whisker: difference to {referenceTitle(reference)} with its paired 95 % interval (for
        several draws: the mean, with a bar from the lowest to the highest difference). The line marks 0; right is
        better. Accuracies in per cent, on one scale for all tasks.
      </p>
      <div className="rank-panels">
        {tasks.map((task) => (
          <RankPanel key={task.task} task={task} {...props} />
        ))}
      </div>
    </section>
  );
};

const methodOf = ({ method }: CompareRow): string => methodTitle(method);

const RankPanel = (props: CompareProps & { readonly task: CompareTask }) => {
  const { task, comparison, theme, title, isSelected, onSelect } = props;
  const domain = intervalDomain(comparison, task);
  const { metric, rows } = task;
  const interval = ({ paired }: CompareRow) => (paired === null ? null : whiskerOf(paired));
  const { sorted, headings, tools } = useSortedTable(
    `Methods on ${title(task.task)}`,
    [
      {
        key: 'rank',
        title: '#',
        words: 'Rank',
        order: (row: CompareRow) => rows.indexOf(row),
        text: (row: CompareRow) => `${taskRankText(row, task)}${row.sharesBest ? ' =' : ''}`,
      },
      { key: 'method', title: 'Method', order: methodOf, text: methodOf },
      {
        key: 'value',
        title: 'Value',
        numeric: true,
        order: ({ value }: CompareRow) => value,
        text: ({ value }: CompareRow) => formatValue(value, metric),
      },
      {
        key: 'interval',
        title: 'Interval',
        // By its lower end.
        order: (row: CompareRow) => interval(row)?.[0] ?? null,
        text: (row: CompareRow) => {
          const ends = interval(row);
          return ends === null ? '' : ends.map((end) => formatDifference(end, metric)).join(' to ');
        },
      },
      {
        key: 'difference',
        title: 'Diff.',
        words: 'Difference',
        numeric: true,
        // The reference itself: no difference.
        order: ({ paired }: CompareRow) => paired?.difference ?? 0,
        text: (row: CompareRow) => {
          const difference = row.paired === null ? '' : formatDifference(row.paired.difference, metric);
          return row.reading === null ? difference : `${difference} ${readingText(row.reading)}`;
        },
      },
    ],
    rows,
  );
  return (
    <div className="rank-panel table-frame">
      {tools}
      <table className="data-table rank-table">
        <caption>
          <strong>{title(task.task)}</strong>{' '}
          <span className="muted">
            <Definition of={task.metric}>{task.metric === 'perplexity' ? 'perplexity' : task.metric}</Definition>,{' '}
            <Definition of="items">n</Definition> {formatCount(task.n)}
            {task.unpruned === null ? '' : `, unpruned ${formatValue(task.unpruned, task.metric)}`}
          </span>
        </caption>
        <colgroup>
          <col className="rank-place-column" />
          <col />
          <col className="rank-value-column" />
          <col className="rank-whisker-column" />
          <col className="rank-difference-column" />
        </colgroup>
        <thead>
          <tr>{headings}</tr>
        </thead>
        <tbody>
          {sorted.map((row) => {
            const text = <TipText title={methodTitle(row.method)} lines={rowLines(row, task)} />;
            const style = methodStyle(row.method, comparison.methods.indexOf(row.method));
            return (
              <tr
                key={row.method}
                className="clickable"
                aria-selected={isSelected(task, row)}
                onClick={() => onSelect(task, row)}
              >
                <td className="rank-place">
                  {taskRankText(row, task)}
                  {row.sharesBest ? ' =' : ''}
                </td>
                <th scope="row">
                  <Tooltip focusable={false} content={text}>
                    <button type="button" className="rank-method" onClick={() => onSelect(task, row)}>
                      <svg width="12" height="12" aria-hidden="true">
                        <MethodMarker style={style} theme={theme} x={6} y={6} r={4} />
                      </svg>
                      <span>{methodTitle(row.method)}</span>
                    </button>
                  </Tooltip>
                </th>
                <td className="numeric">{formatValue(row.value, task.metric)}</td>
                <td className="rank-whisker">
                  <Tooltip focusable={false} content={text}>
                    <DifferenceWhisker row={row} metric={task.metric} domain={domain} style={style} theme={theme} />
                  </Tooltip>
                </td>
                <td className="numeric rank-difference">
                  {row.paired === null ? (
                    <span className="muted">{task.reference === null ? '–' : readingText(null)}</span>
                  ) : (
                    formatDifference(row.paired.difference, task.metric)
                  )}
                  <span className="rank-mark" aria-hidden="true">
                    {readingMark(row.reading)}
                  </span>
                  {row.reading !== null && <span className="visually-hidden"> {readingText(row.reading)}</span>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
};

/** Differences at the left and right end; right is better. */
type Domain = readonly [low: number, high: number];

/** Contains 0 and all intervals: those of all accuracies together, and those of each perplexity task separately. */
export const intervalDomain = ({ tasks }: CompareDocument, { task, metric }: CompareTask): Domain => {
  const shown = tasks.filter((other) =>
    metric === 'perplexity' ? other.task === task : other.metric !== 'perplexity',
  );
  const ends = shown.flatMap((entry) =>
    entry.rows.flatMap(({ paired }) =>
      paired === null ? [] : whiskerOf(paired).map((end) => goodness(end, entry.metric)),
    ),
  );
  return [minOf([0, ...ends]), maxOf([0, ...ends])];
};

/** Ends of a difference's line: of its interval, or the lowest and highest over several pairs of draws. */
const whiskerOf = ({ interval, lowest, highest }: PairedOverDraws): readonly [low: number, high: number] =>
  interval === null ? [lowest, highest] : [interval.low, interval.high];

const WIDTH = 84;
const HEIGHT = 18;
const EDGE = 5;

interface DifferenceWhiskerProps {
  readonly row: CompareRow;
  readonly metric: MetricName;
  readonly domain: Domain;
  readonly style: MethodStyle;
  readonly theme: ResolvedTheme;
}

/** A difference with its interval, on a line around 0; right is better. */
const DifferenceWhisker = ({
  row: { paired, reading },
  metric,
  domain: [low, high],
  style,
  theme,
}: DifferenceWhiskerProps) => {
  const x = (value: number): number =>
    EDGE + (high > low ? ((value - low) / (high - low)) * (WIDTH - 2 * EDGE) : (WIDTH - 2 * EDGE) / 2);
  const at = (value: number): number => x(goodness(value, metric));
  const middle = HEIGHT / 2;
  return (
    <svg width={WIDTH} height={HEIGHT} aria-hidden="true">
      <line x1={x(0)} x2={x(0)} y1={0} y2={HEIGHT} stroke="var(--border-strong)" />
      {paired !== null && (
        <>
          <line
            x1={at(whiskerOf(paired)[0])}
            x2={at(whiskerOf(paired)[1])}
            y1={middle}
            y2={middle}
            stroke={style[theme]}
            strokeWidth={paired.interval === null ? 3.4 : 1.4}
            strokeOpacity={paired.interval === null ? 0.5 : 1}
          />
          <MethodMarker
            style={style}
            theme={theme}
            x={at(paired.difference)}
            y={middle}
            r={4}
            hollow={reading !== 'better' && reading !== 'worse' && !style.isRecovered}
          />
        </>
      )}
    </svg>
  );
};
