import { Tooltip } from '../../components/tooltip.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatCount } from '../../format/format-number.ts';
import { methodTitle } from '../prune/methods.ts';
import type { MethodCurve, TaskCurves } from './task-curves.ts';
import { thresholdBracket, thresholdSummary, thresholdValue } from './threshold-words.ts';

interface ThresholdsTableProps {
  readonly curves: readonly TaskCurves[];
  readonly methods: readonly string[];
  /** The rule in words, as the engine states it. */
  readonly rule: string;
  /** What was left out or deserves a word. */
  readonly notes: readonly string[];
  readonly title: (task: string) => string;
  readonly running: boolean;
}

/** Room for a verdict in words, whatever the number of methods. */
const METHOD_COLUMN_PX = 124;
const FIRST_COLUMNS_PX = 206;

/** Tasks by methods: how far each method can prune each task, the bracket, and by which rule. */
export const ThresholdsTable = ({ curves, methods, rule, notes, title, running }: ThresholdsTableProps) => (
  <section aria-label="Thresholds">
    <div className="section-head">
      <h3>
        <Definition of="threshold">Thresholds</Definition>
      </h3>
      {running && <span className="muted">provisional, the sweep is running</span>}
    </div>
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Threshold of every task and method">
      <table
        className="data-table threshold-table"
        style={{ minWidth: FIRST_COLUMNS_PX + methods.length * METHOD_COLUMN_PX }}
      >
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col" className="numeric">
              <Definition of="items">n</Definition>
            </th>
            {methods.map((method) => (
              <th key={method} scope="col">
                {methodTitle(method)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {curves.map((task) => (
            <tr key={task.task}>
              <th scope="row">{title(task.task)}</th>
              <td className="numeric">{formatCount(task.n)}</td>
              {methods.map((method) => (
                <td key={method}>
                  <ThresholdCell curve={task.curves.find((curve) => curve.method === method)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
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
          {threshold.seed === null ? 'all seeds' : `seed ${threshold.seed}`}:{' '}
          <strong>{thresholdValue(threshold)}</strong>, {thresholdBracket(threshold)}
        </div>
      ))}
    >
      {words}
    </Tooltip>
  );
};
