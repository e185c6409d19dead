import type { CompareDocument } from '../../../main/contract/compare.ts';
import { Definition } from '../../components/definition.tsx';
import { formatFixed } from '../../format/format-number.ts';
import { thresholdBracket, thresholdValue } from '../curves/threshold-words.ts';
import { methodTitle } from '../prune/methods.ts';

/** The threshold of each method on each task, beside the ranks at one factor. */
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
        <Definition of="threshold">How far each method goes</Definition>
      </h3>
      <span className="muted">
        threshold at <Definition of="delta">δ</Definition> {formatFixed(thresholds[0]?.delta ?? 0, 3)}, over all draws
        of a method with seeds
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
                    title={threshold === undefined ? undefined : thresholdBracket(threshold)}
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
