import type { CompareDocument, CompareRecovery } from '../../../main/contract/compare.ts';
import { curveLabel } from '../../../main/contract/method.ts';
import { bracketWords, thresholdValue } from '../../../main/words/verdicts.ts';
import { pairedRangeText, readingMark, recoveryText } from '../../../main/words/comparisons.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import {
  formatCount,
  formatDifference,
  formatFixed,
  formatProbability,
  formatValue,
} from '../../../main/words/numbers.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';

type TaskRecovery = CompareRecovery['tasks'][number];
const CAPTION =
  'Recovered plans compared with the same plans without recovery, by task: per cent, differences in points ' +
  '(perplexity unscaled)';

interface RecoveryRow extends TaskRecovery, Pick<CompareRecovery, 'method' | 'refit'> {}

/** The method, with the refit if it is not that of the experts alone. */
const recoveryTitle = ({ method, refit }: Pick<CompareRecovery, 'method' | 'refit'>): string =>
  methodTitle(refit === 'experts' ? method : curveLabel(method, refit));

/** The effect of recovery without training on each method, compared with the same plan without it. */
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
        <Definition of="recoveryDifference">Recovery, compared with the same plan without it</Definition>
      </h3>
    </div>
    <div className="recovery-tables">
      <DataTable
        caption="Effect of recovery, by method"
        rows={recoveries}
        rowKey={({ method, refit }) => curveLabel(method, refit)}
        columns={[
          { key: 'method', title: 'Method', cell: (row) => recoveryTitle(row) },
          {
            key: 'better',
            title: <Definition of="recoveryDifference">▲ better</Definition>,
            numeric: true,
            cell: ({ better }) => better,
          },
          {
            key: 'nothing',
            title: <Definition of="recoveryDifference">no effect seen</Definition>,
            numeric: true,
            cell: ({ nothing }) => nothing,
          },
          {
            key: 'worse',
            title: <Definition of="recoveryDifference">▼ worse</Definition>,
            numeric: true,
            cell: ({ worse }) => worse,
          },
          {
            key: 'differ',
            title: <Definition of="seeds">draws differ</Definition>,
            numeric: true,
            cell: ({ drawsDiffer }) => drawsDiffer,
          },
          { key: 'tasks', title: 'tasks', numeric: true, cell: ({ tasks }) => tasks.length },
        ]}
      />
      <DataTable<RecoveryRow>
        caption={CAPTION}
        rows={recoveries.flatMap(({ method, refit, tasks }) => tasks.map((task) => ({ ...task, method, refit })))}
        rowKey={({ method, refit, task }) => JSON.stringify([method, refit, task])}
        columns={[
          { key: 'method', title: 'Method', cell: (row) => recoveryTitle(row) },
          { key: 'task', title: 'Task', cell: ({ task }) => title(task) },
          { key: 'n', title: <Definition of="items">n</Definition>, numeric: true, cell: ({ n }) => formatCount(n) },
          { key: 'bare', title: 'Without', numeric: true, cell: ({ bare, metric }) => formatValue(bare, metric) },
          {
            key: 'recovered',
            title: 'With',
            numeric: true,
            cell: ({ recovered, metric }) => formatValue(recovered, metric),
          },
          {
            key: 'difference',
            title: <Definition of="recoveryDifference">Difference</Definition>,
            numeric: true,
            cell: ({ paired, metric }) => formatDifference(paired.difference, metric),
          },
          {
            key: 'interval',
            title: <Definition of="recoveryDifference">95 % interval</Definition>,
            numeric: true,
            cell: ({ paired, metric }) => pairedRangeText(paired, metric),
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
            cell: ({ reading }) => `${readingMark(reading)} ${recoveryText(reading)}`,
          },
        ]}
      />
    </div>
  </section>
);

/** The threshold of each method on each task. */
export const ThresholdSection = ({
  comparison: { thresholds, overview, tasks },
  title,
}: {
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
}) => (
  <section aria-label="Thresholds of the methods">
    <div className="section-head">
      <h3>
        <Definition of="threshold">How far each method can prune</Definition>
      </h3>
      <span className="muted">
        threshold at <Definition of="delta">δ</Definition> {formatFixed(thresholds[0]?.delta ?? 0, 3)},{' '}
        <Definition of="seeds">safe in every draw</Definition> of methods that depend on chance
      </span>
    </div>
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Thresholds by task and method">
      <table className="data-table method-matrix">
        <thead>
          <tr>
            <th scope="col">Task</th>
            {overview.map(({ method }) => (
              <th key={method} scope="col" className="numeric">
                {methodTitle(method)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map(({ task }) => (
            <tr key={task}>
              <th scope="row">{title(task)}</th>
              {overview.map(({ method }) => {
                const threshold = thresholds.find((one) => one.task === task && one.method === method);
                return (
                  <td
                    key={method}
                    className="numeric"
                    title={threshold === undefined ? undefined : bracketWords(threshold)}
                  >
                    {threshold === undefined ? '–' : thresholdValue(threshold)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </section>
);
