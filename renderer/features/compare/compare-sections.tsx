import type { CompareDocument } from '../../../main/contract/compare.ts';
import { curveLabel } from '../../../main/contract/method.ts';
import { recoveryColumns, recoveryLines, recoveryTaskColumns } from '../../../main/figures/compare-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';

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
      <div className="stack stack-wide recovery-tables">
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
