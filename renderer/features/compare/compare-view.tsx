import { useStore } from 'zustand';
import type { CompareDocument, CompareRow, CompareTask } from '../../../main/contract/compare.ts';
import { EmptyState, LargeDisclosure, Section } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { useFacts } from '../../engine/facts.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { compareStore } from '../../state/view-stores.ts';
import { showPoint } from '../../sweep/brought.ts';
import { pointKey } from '../../state/selection.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { comparedPoint, referenceTitle, useComparison } from './comparison.ts';
import { MethodMatrix } from './method-matrix.tsx';
import { RankPanels } from './rank-panels.tsx';
import './compare.css';
import { answerKind } from '../../../main/contract/task.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { ChartsOrTable, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { NotYet, SetUpSweep, SweepSelect } from '../../sweep/sweep-controls.tsx';
import { pick } from '../../../main/figures/columns.ts';
import {
  COMPARE_SHOWN,
  compareColumns,
  compareLines,
  overviewColumns,
  recoveryColumns,
  recoveryLines,
  recoveryTaskColumns,
} from '../../../main/figures/compare-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { isAtRest } from '../../format/run-names.ts';
import { curveLabel } from '../../../main/contract/method.ts';

/** Compares the methods of a sweep at one factor: which is best on which task, and how sure that is. */
export const CompareView = () => {
  const { tasks } = useFacts();
  const { document } = useSweep();
  const { manifest, comparison, stale, error } = useComparison();
  const title = titlesOf(tasks);
  if (manifest === null) {
    return (
      <EmptyState icon="chart" title="No sweep yet" action={<SetUpSweep />}>
        After a sweep of several methods, this view shows which is best for each task, and where the items cannot tell.
      </EmptyState>
    );
  }
  const running = !isAtRest(manifest);
  return (
    <>
      <CompareControls manifest={manifest} comparison={comparison} />
      {comparison === undefined ? (
        <div className="view-body">
          {error !== null ? (
            <Problem error={error} />
          ) : document === undefined || (stale && document.results.some(({ factor }) => factor > 1)) ? (
            <Reading of={document === undefined ? 'sweep.read' : 'sweep.compare'} />
          ) : (
            <NotYet
              running={running}
              waiting="pruned model"
              soon="Methods are compared as soon as a factor above 1 is measured."
              lacks="measured no pruned model"
            />
          )}
        </div>
      ) : (
        <Comparison comparison={comparison} running={running} stale={stale} title={title} />
      )}
    </>
  );
};

interface ComparisonProps {
  readonly comparison: CompareDocument;
  readonly running: boolean;
  readonly stale: boolean;
  readonly title: (task: string) => string;
}

const Comparison = ({ comparison, running, stale, title }: ComparisonProps) => {
  const theme = useResolvedTheme();
  const asTable = useStore(compareStore, (state) => state.asTable);
  const { document } = useSweep();
  const facts = useFacts();
  const { selection } = facts;
  const pointOf = (task: CompareTask, row: CompareRow) =>
    comparedPoint(document?.results ?? [], comparison.model, task.task, row);
  const isSelected = (task: CompareTask, row: CompareRow): boolean => {
    const { point } = selection;
    return (
      point !== null &&
      point.run === comparison.run &&
      point.model === comparison.model &&
      point.task === task.task &&
      point.method === row.method
    );
  };
  const onSelect = (task: CompareTask, row: CompareRow): void => {
    const result = pointOf(task, row);
    if (result !== null) showPoint(facts, pointKey(comparison.run, result));
  };
  const shown = { comparison, theme, title, isSelected, onSelect };
  return (
    <div className="view-body compare" aria-busy={stale}>
      <section aria-label="Findings" className="stack stack-tight compare-findings">
        {comparison.findings.map((finding) => (
          <p key={finding}>{finding}</p>
        ))}
        {running && <p>Provisional: the sweep is running.</p>}
      </section>
      {comparison.methods.length < 2 && (
        <EmptyState icon="chart" title="One method: nothing to rank" action={<SetUpSweep />}>
          Sweep several methods together to compare them on the same items.
        </EmptyState>
      )}
      {asTable ? (
        <CompareTable comparison={comparison} title={title} />
      ) : (
        <>
          <MethodMatrix {...shown} />
          <LargeDisclosure summary="Task by task: every value with its interval">
            <RankPanels {...shown} />
          </LargeDisclosure>
        </>
      )}
      {comparison.recoveries.length > 0 && <RecoverySection comparison={comparison} title={title} />}
      <section className="stack stack-tight muted small compare-notes" aria-label="Notes">
        {comparison.notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
      </section>
    </div>
  );
};

interface CompareControlsProps {
  readonly manifest: RunManifest;
  readonly comparison: CompareDocument | undefined;
}

/** Sweep and reference of the comparison; model and factor come from the selection. */
const CompareControls = ({ manifest, comparison }: CompareControlsProps) => {
  const asTable = useStore(compareStore, (state) => state.asTable);
  const theme = useResolvedTheme();
  return (
    <div className="view-head compare-head">
      <SweepSelect />
      {comparison !== undefined && (
        <>
          {comparison.answersMeasured.length > 1 && (
            <Select
              label="Answers"
              value={comparison.answers}
              options={comparison.answersMeasured.map((answers) => ({ value: answers, label: answers }))}
              onChange={(answers) => compareStore.setState({ answers: answerKind.parse(answers) })}
            />
          )}
          <Select
            label={<Definition of="compareReference">Reference</Definition>}
            value={comparison.reference}
            options={comparison.references.map((reference) => ({ value: reference, label: referenceTitle(reference) }))}
            onChange={(reference) => compareStore.setState({ reference })}
          />
        </>
      )}
      <div className="view-head-end">
        {comparison !== undefined && (
          <SaveFigure subject={manifest.id} view={({ compareView }) => compareView({ manifest, comparison, theme })} />
        )}
        <ChartsOrTable asTable={asTable} onChange={(isTable) => compareStore.setState({ asTable: isTable })} />
      </div>
    </div>
  );
};

interface CompareTableProps {
  readonly comparison: CompareDocument;
  readonly title: (task: string) => string;
}

/** All numbers of the comparison: over all tasks, and task by task. */
const CompareTable = ({ comparison, title }: CompareTableProps) => {
  const lines = compareLines(comparison);
  return (
    <>
      <DataTable
        caption="Methods over all tasks"
        rows={comparison.overview}
        rowKey={({ method }) => method}
        columns={shownColumns(overviewColumns, comparison.overview)}
      />
      <DataTable
        caption="Every method on every task: per cent, differences in percentage points (perplexity unscaled)"
        rows={lines}
        rowKey={({ task, row }) => JSON.stringify([task.task, row.method])}
        columns={shownColumns(pick(compareColumns, COMPARE_SHOWN), lines, title)}
      />
    </>
  );
};

const RECOVERY_CAPTION =
  'Recovered plans compared with the same plans without recovery, by task: per cent, differences in points ' +
  '(perplexity unscaled)';

/** The effect of recovery without training on each method, compared with the same plan without it. */
const RecoverySection = ({ comparison, title }: CompareTableProps) => {
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
          caption={RECOVERY_CAPTION}
          rows={lines}
          rowKey={({ method, refit, task }) => JSON.stringify([method, refit, task])}
          columns={shownColumns(recoveryTaskColumns, lines, title)}
        />
      </div>
    </Section>
  );
};
