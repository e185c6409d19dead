import { type SweepResult, UNPRUNED } from '../../../main/contract/sweep.ts';
import { pick } from '../../../main/figures/columns.ts';
import { resultColumns } from '../../../main/figures/tables.ts';
import { DataTable, shownColumns, useSortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { resultKey } from '../../sweep/points.ts';
import { thresholdSummary } from '../../sweep/threshold-words.ts';
import type { MethodCurve, TaskCurves } from './task-curves.ts';
import { bracketWords, thresholdValue } from '../../../main/words/verdicts.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { formatCount, UNITS_NOTE } from '../../../main/words/numbers.ts';

interface ResultsTableProps {
  readonly results: readonly SweepResult[];
  readonly title: (task: string) => string;
  readonly selected: SweepResult | null;
  readonly onSelect: (result: SweepResult) => void;
}

const RESULTS_SHOWN =
  'task method seed factor kept dropped_share n metric value difference interval low_one_sided p verdict lost ' +
  'gained ended looped answer_loss kl changed_token acceptance truncated';

/** All measured points, the draws of one under each other. */
export const ResultsTable = ({ results, title, selected, onSelect }: ResultsTableProps) => (
  <div className="results-table">
    <p className="muted">{UNITS_NOTE}</p>
    <DataTable
      caption="Every measured point of this sweep"
      rows={[...results].sort(
        (left, right) =>
          left.task.localeCompare(right.task) || left.method.localeCompare(right.method) || left.factor - right.factor,
      )}
      rowKey={resultKey}
      foldBy={({ task, method, factor }) => JSON.stringify([task, method, factor])}
      selectedKey={selected === null ? null : resultKey(selected)}
      onRow={onSelect}
      opens={({ method }) => method !== UNPRUNED}
      columns={shownColumns(pick(resultColumns, RESULTS_SHOWN), results, title)}
    />
  </div>
);

interface ThresholdsTableProps {
  readonly curves: readonly TaskCurves[];
  readonly methods: readonly string[];
  /** The threshold rule, in the engine's words. */
  readonly rule: string;
  /** Omissions and remarks. */
  readonly notes: readonly string[];
  readonly title: (task: string) => string;
  readonly running: boolean;
}

/** Wide enough for a verdict in words, whatever the number of methods. */
const METHOD_COLUMN_PX = 124;
const FIRST_COLUMNS_PX = 206;

/** Tasks by methods: how far each method can prune each task, with bracket and rule. */
export const ThresholdsTable = ({ curves, methods, rule, notes, title, running }: ThresholdsTableProps) => {
  const taskTitle = ({ task }: TaskCurves): string => title(task);
  const curveOf = (task: TaskCurves, method: string): MethodCurve | undefined =>
    task.curves.find((curve) => curve.method === method);
  const { sorted, headings, tools } = useSortedTable(
    'Threshold of every task and method',
    [
      { key: 'task', title: 'Task', words: 'Task', order: taskTitle, text: taskTitle },
      {
        key: 'items',
        title: <Definition of="items">n</Definition>,
        words: 'n',
        numeric: true,
        order: ({ n }: TaskCurves) => n,
        text: ({ n }: TaskCurves) => String(n),
      },
      ...methods.map((method) => ({
        key: `method ${method}`,
        title: methodTitle(method),
        words: methodTitle(method),
        order: (task: TaskCurves) => curveOf(task, method)?.thresholds[0]?.lastSafe ?? null,
        text: (task: TaskCurves) => thresholdSummary(curveOf(task, method)?.thresholds ?? [])?.value ?? '',
      })),
    ],
    curves,
  );
  return (
    <section aria-label="Thresholds">
      <div className="section-head">
        <h3>
          <Definition of="threshold">Thresholds</Definition>
        </h3>
        {running && <span className="muted">provisional: the sweep is running</span>}
      </div>
      <div className="table-frame">
        {tools}
        <div className="table-scroll" tabIndex={0} role="region" aria-label="Threshold of every task and method">
          <table
            className="data-table threshold-table"
            style={{ minWidth: FIRST_COLUMNS_PX + methods.length * METHOD_COLUMN_PX }}
          >
            <thead>
              <tr>{headings}</tr>
            </thead>
            <tbody>
              {sorted.map((task) => (
                <tr key={task.task}>
                  <th scope="row">{title(task.task)}</th>
                  <td className="numeric">{formatCount(task.n)}</td>
                  {methods.map((method) => (
                    <td key={method}>
                      <ThresholdCell curve={curveOf(task, method)} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
      {rule !== '' && <p className="rule-text">{rule}</p>}
      {notes.length > 0 && (
        <div className="sweep-notes">
          <h3>Notes of this sweep</h3>
          <ul>
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
};

const ThresholdCell = ({ curve }: { readonly curve: MethodCurve | undefined }) => {
  const summary = curve === undefined ? null : thresholdSummary(curve.thresholds);
  if (curve === undefined || summary === null) return <span className="muted">–</span>;
  const words = (
    <>
      <strong>{summary.value}</strong>
      <span className="muted">{summary.note}</span>
    </>
  );
  return curve.thresholds.length < 2 ? (
    <span className="threshold-cell">{words}</span>
  ) : (
    <Tooltip
      className="threshold-cell"
      content={curve.thresholds.map((threshold) => (
        <div key={threshold.seed}>
          {threshold.seed === null ? 'in every draw' : `seed ${threshold.seed}`}:{' '}
          <strong>{thresholdValue(threshold)}</strong>, {bracketWords(threshold)}
        </div>
      ))}
    >
      {words}
    </Tooltip>
  );
};
