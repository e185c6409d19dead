import { memo, useState } from 'react';
import { useStore } from 'zustand';
import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { isSamePoint } from '../../../main/contract/sweep.ts';
import { choiceAndWriting, type ChoiceAndWriting, reachSummary } from '../../../main/evaluation/choice-and-writing.ts';
import { sweepNotes } from '../../../main/words/verdicts.ts';
import { Disclosure, EmptyState, LargeDisclosure, Section } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { useFacts } from '../../engine/facts.ts';
import { titlesOf, withTaskTitles } from '../../../main/words/task-titles.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { curvesStore, thresholdsStore } from '../../state/view-stores.ts';
import { type PointKey, pointKey } from '../../state/selection.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { MethodToggles, NotYet, RuleChip, SetUpSweep, SweepSelect } from '../../sweep/sweep-controls.tsx';
import '../../sweep/sweep.css';
import { BestSection } from './best-section.tsx';
import { ElsewhereSection } from './elsewhere-section.tsx';
import { LuckSection } from './luck-section.tsx';
import { MatrixSection } from './matrix-section.tsx';
import type { MeasuredProps, SectionProps } from './shown-size-trend.ts';
import { openInWorkbench, thresholdPoint, useSizeTrend } from './shown-size-trend.ts';
import { PairsSection, SharesSection, TrendsSection } from './size-sections.tsx';
import './thresholds.css';
import { ActionButton } from '../../actions/action-button.tsx';
import { saveReport } from '../../actions/sweep.ts';
import { ChartsOrTable, Checkbox } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { formatCount, formatMargin, formatRange } from '../../../main/words/numbers.ts';
import { isAtRest } from '../../format/run-names.ts';
import { pick } from '../../../main/figures/columns.ts';
import { kindColumns } from '../../../main/figures/tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';

/**
 * Thresholds of a sweep's models: how far each can be pruned, how that changes with E, and how pruned models compare
 * with small ones trained from scratch.
 */
export const ThresholdsView = () => {
  const { manifest, document } = useSweep();
  const { sizeTrend, error } = useSizeTrend(manifest?.id ?? null);
  if (manifest === null) {
    return (
      <EmptyState icon="chart" title="No sweep yet" action={<SetUpSweep />}>
        After a sweep, this view shows how far each model can be pruned for each task, and how that changes with the
        number of experts.
      </EmptyState>
    );
  }
  const running = !isAtRest(manifest);
  if (sizeTrend === undefined || sizeTrend.thresholds.length === 0) {
    return (
      <>
        <ThresholdsControls />
        <div className="view-body">
          {error !== null ? (
            <Problem error={error} />
          ) : sizeTrend === undefined ? (
            <Reading of="sweep.sizeTrend" />
          ) : (
            <NotYet
              running={running}
              waiting="thresholds"
              soon="A threshold appears as soon as a factor above 1 is measured."
              lacks="no thresholds yet"
            />
          )}
        </div>
      </>
    );
  }
  return (
    <>
      <ThresholdsControls />
      <div className="view-body thresholds">
        {error !== null && <Problem error={error} />}
        <Sections manifest={manifest} document={document} sizeTrend={sizeTrend} running={running} />
      </div>
    </>
  );
};

type SectionsProps = Pick<SectionProps, 'manifest' | 'document' | 'sizeTrend'> & { readonly running: boolean };

/** All sections; a margin that is still being chosen leaves them as they are. */
const Sections = memo(({ manifest, document, sizeTrend, running }: SectionsProps) => {
  const facts = useFacts();
  const { tasks, selection } = facts;
  const openPoint = (point: PointKey): void => openInWorkbench(facts, point);
  const theme = useResolvedTheme();
  const hidden = useStore(curvesStore, (state) => state.hiddenMethods);
  const { run } = sizeTrend;
  const shown = sizeTrend.methods.filter((method) => !hidden.includes(method));
  const order = [
    ...tasks.map(({ name }) => name).filter((name) => sizeTrend.tasks.includes(name)),
    ...sizeTrend.tasks.filter((name) => !tasks.some((task) => task.name === name)),
  ];
  const title = titlesOf(tasks);
  const worded = (sentence: string): string => withTaskTitles(sentence, sizeTrend.tasks, title);
  const section = {
    manifest,
    document,
    sizeTrend: {
      ...sizeTrend,
      findings: sizeTrend.findings.map((finding) => ({ ...finding, sentence: worded(finding.sentence) })),
    },
    shown,
    tasks: order,
    known: tasks,
    theme,
    openPoint,
    title,
    onSelect: (threshold: SizeThreshold): void => {
      const result = thresholdPoint(document?.results ?? [], threshold);
      if (result !== null) openPoint(pointKey(run, result));
    },
    isSelected: (threshold: SizeThreshold): boolean => {
      const { point } = selection;
      const { model, task, method } = threshold;
      if (point?.run !== run || point.model !== model || point.task !== task || point.method !== method) return false;
      const result = thresholdPoint(document?.results ?? [], threshold);
      return result !== null && isSamePoint(result, point);
    },
  };
  return (
    <>
      <div className="curves-legend">
        <MethodToggles methods={sizeTrend.methods} theme={theme} />
        {running && <span>provisional: the sweep is running</span>}
      </div>
      <BestSection {...section} />
      <RuleBox sizeTrend={sizeTrend} />
      <LargeDisclosure summary="Method by method: every threshold with its bracket">
        <MatrixSection {...section} />
      </LargeDisclosure>
      {document !== undefined && choiceAndWriting(document).length > 0 && (
        <LargeDisclosure summary="Answers chosen, and answers written">
          <KindsSection {...section} document={document} />
        </LargeDisclosure>
      )}
      {document?.elsewhere !== undefined && (
        <LargeDisclosure summary="Elsewhere: does a plan for one task keep the others?">
          <ElsewhereSection {...section} document={document} />
        </LargeDisclosure>
      )}
      {document?.calibrationDraws !== undefined && (
        <LargeDisclosure summary="Luck: how much hangs on the calibration items?">
          <LuckSection {...section} document={document} />
        </LargeDisclosure>
      )}
      {sizeTrend.trends.length === 0 ? (
        <EmptyState icon="model" title="One expert count: nothing to compare over E" action={<SetUpSweep />}>
          Sweep models that differ in their number of experts together, for example the bundled ones: tick them under
          “Models” of the sweep in the workbench.
        </EmptyState>
      ) : (
        <>
          <LargeDisclosure summary="Over the number of experts: does the threshold rise with E?">
            <TrendsSection {...section} />
          </LargeDisclosure>
          {sizeTrend.sharePoints.length > 0 && (
            <LargeDisclosure summary="Over the share of the routed choices that is dropped: why does it rise?">
              <SharesSection {...section} />
            </LargeDisclosure>
          )}
          {sizeTrend.pairs.length > 0 && (
            <LargeDisclosure summary="Pruned from more experts, or trained with as many?">
              <PairsSection {...section} />
            </LargeDisclosure>
          )}
        </>
      )}
      <section className="stack stack-tight muted small thresholds-notes" aria-label="Notes">
        {[...sizeTrend.notes, ...(document === undefined ? [] : sweepNotes(document))].map((note) => (
          <p key={note}>{worded(note)}</p>
        ))}
      </section>
    </>
  );
});

/** The numbers of the rule, readable without hovering, and its definition on request. */
const RuleBox = ({ sizeTrend }: { readonly sizeTrend: SizeTrendDocument }) => (
  <section className="rule-box" aria-label="How a threshold is defined">
    <Disclosure summary="How a threshold is defined">
      <p>{sizeTrend.rule}</p>
    </Disclosure>
    <p className="rule-numbers">
      <span>
        <Definition of="delta">δ</Definition> <strong>{formatMargin(sizeTrend.delta)}</strong>
      </span>
      {sizeTrend.thresholds.length > 0 && (
        <span>
          <Definition of="items">n</Definition> <strong>{formatRange(sizeTrend.thresholds.map(({ n }) => n))}</strong>
        </span>
      )}
      <span>
        <Definition of="cannotTell">needs n ≥</Definition> <strong>{formatCount(sizeTrend.needed.items)}</strong>
      </span>
    </p>
  </section>
);

const ThresholdsControls = () => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  return (
    <div className="view-head">
      <SweepSelect />
      <RuleChip />
      <div className="view-head-end">
        <ActionButton
          action={saveReport}
          look="quiet"
          small
          icon="file"
          title="One HTML page with figures, tables, definitions and manifest"
        >
          Save report
        </ActionButton>
        <ChartsOrTable
          label="Charts or tables"
          names={['Charts', 'Tables']}
          asTable={asTable}
          onChange={(isTable) => thresholdsStore.setState({ asTable: isTable })}
        />
      </div>
    </div>
  );
};

const keyOf = ({ model, task, method }: ChoiceAndWriting): string => JSON.stringify([model, task, method]);
const differs = ({ choice, writing }: ChoiceAndWriting): boolean =>
  choice.lastSafe !== writing.lastSafe || choice.verdict !== writing.verdict;

/**
 * Thresholds of each task with chosen and with written answers. Rows where the two differ are always listed; nothing is
 * shown if only one kind was measured.
 */
const KindsSection = ({ manifest, document, shown, title }: MeasuredProps) => {
  const [showsAll, setShowsAll] = useState(false);
  const pairs = choiceAndWriting(document).filter(({ method }) => shown.includes(method));
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return null;
  const different = pairs.filter(differs);
  return (
    <Section
      label="Chosen and written answers"
      title="Is pruning as safe when the model writes its answer?"
      end={
        <SaveFigure
          subject={manifest.id}
          view={({ kindsView }) => kindsView({ manifest, document })}
          hasPicture={false}
        />
      }
    >
      {summary !== null && <p className="findings">{summary}</p>}
      <p className="chart-caption">
        <Checkbox checked={showsAll} onChange={setShowsAll}>
          also show the {formatCount(pairs.length - different.length)} of {formatCount(pairs.length)} where both reach
          the same factor
        </Checkbox>
      </p>
      <DataTable
        caption="How far pruning is safe for each task, with chosen and with written answers"
        rows={showsAll ? pairs : different}
        rowKey={keyOf}
        columns={shownColumns(pick(kindColumns, 'task model method choice written written_ends_verdict'), pairs, title)}
      />
    </Section>
  );
};
