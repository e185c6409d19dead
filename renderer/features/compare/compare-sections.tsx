import type { CompareDocument } from '../../../main/contract/compare.ts';
import { curveLabel } from '../../../main/contract/method.ts';
import { recoveryColumns, recoveryLines, recoveryTaskColumns } from '../../../main/figures/compare-tables.ts';
import { DataTable, shownColumns, SortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { bracketWords, thresholdValue } from '../../../main/words/verdicts.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { formatFixed } from '../../../main/words/numbers.ts';

const CAPTION =
  'Recovered plans compared with the same plans without recovery, by task: per cent, differences in points ' +
  '(perplexity unscaled)';

/** The effect of recovery without training on each method, compared with the same plan without it. */
export const RecoverySection = ({
  comparison,
  title,
}: {
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
}) => {
  const { recoveries } = comparison;
  const lines = recoveryLines(comparison);
  return (
    <Section
      label="Recovery"
      title={<Definition of="recoveryDifference">Recovery, compared with the same plan without it</Definition>}
    >
      <div className="recovery-tables">
        <DataTable
          caption="Effect of recovery, by method"
          rows={recoveries}
          rowKey={({ method, refit }) => curveLabel(method, refit)}
          columns={shownColumns(recoveryColumns, recoveries)}
        />
        <DataTable
          caption={CAPTION}
          rows={lines}
          rowKey={({ method, refit, task }) => JSON.stringify([method, refit, task])}
          columns={shownColumns(recoveryTaskColumns, lines, title)}
        />
      </div>
    </Section>
  );
};

/** The threshold of each method on each task. */
export const ThresholdSection = ({
  comparison: { thresholds, overview, tasks },
  title,
}: {
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
}) => {
  const thresholdOf = (task: string, method: string) =>
    thresholds.find((one) => one.task === task && one.method === method);
  const columns = [
    { key: 'task', title: 'Task', order: title, text: title },
    ...overview.map(({ method }) => ({
      key: `method ${method}`,
      title: methodTitle(method),
      numeric: true,
      order: (task: string) => thresholdOf(task, method)?.lastSafe ?? null,
      text: (task: string) => {
        const found = thresholdOf(task, method);
        return found === undefined ? '' : thresholdValue(found);
      },
    })),
  ];
  return (
    <Section
      label="Thresholds of the methods"
      title={<Definition of="threshold">How far each method can prune</Definition>}
      note={
        <>
          threshold at <Definition of="delta">δ</Definition> {formatFixed(thresholds[0]?.delta ?? 0, 3)},{' '}
          <Definition of="seeds">safe in every draw</Definition> of methods that depend on chance
        </>
      }
    >
      <SortedTable
        label="Thresholds by task and method"
        className="method-matrix"
        columns={columns}
        rows={tasks.map(({ task }) => task)}
      >
        {(task) => (
          <tr key={task}>
            <th scope="row">{title(task)}</th>
            {overview.map(({ method }) => {
              const threshold = thresholdOf(task, method);
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
        )}
      </SortedTable>
    </Section>
  );
};
