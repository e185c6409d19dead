import { type ReactNode, useMemo } from 'react';
import { useStore } from 'zustand';
import type { ComparedSizes } from '../../../main/contract/frontier.ts';
import { methodOfLabel } from '../../../main/contract/method.ts';
import { isSamePoint } from '../../../main/contract/sweep.ts';
import { onlyCharts } from '../../../main/figures/chart.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { comparedSizesColumns } from '../../../main/figures/frontier-table.ts';
import { modelChart, type ModelChartName } from '../../../main/figures/model-charts.ts';
import { resultKey } from '../../../main/figures/point-words.ts';
import { formatMargin, UNITS_NOTE } from '../../../main/words/numbers.ts';
import { sweepNotes } from '../../../main/words/verdicts.ts';
import { ChartLegend, ChartPanels } from '../../charts/chart-panels.tsx';
import { IconButton } from '../../components/button.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { EmptyState, LargeDisclosure, Sentences } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import type { DefinitionName } from '../../definitions/definitions.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { useLasting } from '../../engine/use-settled.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { inTaskTitles, titlesOf, withTaskTitles } from '../../../main/words/task-titles.ts';
import { type ResolvedTheme, useResolvedTheme } from '../../state/theme.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { showPoint } from '../../sweep/brought.ts';
import { pointKey } from '../../state/selection.ts';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { MethodToggles, NotYet } from '../../sweep/sweep-controls.tsx';
import { CurtailedList, measuredTasks, ResultsTable, sweepMethods, ThresholdsTable } from './curves-tables.tsx';
import { isAtRest } from '../../format/run-names.ts';

const SMALL_HEIGHT = 150;
const LARGE_HEIGHT = 380;

/** What is known of the sweep and the model on screen. */
const useModelOfSweep = () => {
  const facts = useFacts();
  const { manifest, model, document, delta, error } = useSweep();
  if (manifest === null || model === null) return null;
  const running = !isAtRest(manifest);
  const point = facts.selection.point;
  const selected =
    point?.run !== manifest.id ? null : (document?.results.find((result) => isSamePoint(result, point)) ?? null);
  const select = (key: string): void => {
    const result = document?.results.find((entry) => resultKey(entry) === key);
    if (result !== undefined) showPoint(facts, pointKey(manifest.id, result));
  };
  return { facts, manifest, model, document, delta, error, running, selected, select };
};

type Known = NonNullable<ReturnType<typeof useModelOfSweep>>;

const NoPoints = ({ running }: { readonly running: boolean }) => (
  <NotYet
    running={running}
    waiting="points"
    soon="Missing profiles are made first; then points appear here one by one."
    lacks="no points yet"
  />
);

/** One kind of chart of the model on screen, a panel per task; under the curves their thresholds. */
export const ChartsOfModel = ({ chart }: { readonly chart: ModelChartName }) => {
  const known = useModelOfSweep();
  if (known === null) return null;
  const { document, model, error, running } = known;
  if (document === undefined) return error === null ? <Reading of="sweep.read" /> : null;
  if (!document.results.some((result) => result.model === model)) return <NoPoints running={running} />;
  return <Charts {...known} document={document} chart={chart} />;
};

type ChartsProps = Known & { readonly document: NonNullable<Known['document']>; readonly chart: ModelChartName };

const Charts = (props: ChartsProps) => {
  const { facts, manifest, model, document, delta, selected, select, chart } = props;
  const theme = useResolvedTheme();
  const { enlarged, hiddenMethods } = useStore(curvesStore);
  const kind = modelChart(chart);
  const methods = useMemo(() => sweepMethods(document), [document]);
  const { tasks: entries } = facts;
  const tasks = useMemo(
    () => measuredTasks(document, model, entries).map(({ task }) => task),
    [document, entries, model],
  );
  const look = useMemo(() => figureTheme(theme, titlesOf(entries)), [entries, theme]);
  const figure = useMemo(() => {
    const chance = (task: string): number | null => entries.find(({ name }) => name === task)?.chance ?? null;
    // The unpruned model at other weights is a curve without a switch.
    const hidden = (method: string): boolean => hiddenMethods.includes(method);
    const shown = [...new Set(document.results.map(({ method }) => method)), ...methods].filter(
      (entry) => !hidden(entry),
    );
    const made = kind.make(document, model, look, { methods: shown, chance });
    if (made === null) return null;
    const order = (key: string): number => tasks.indexOf(key);
    return { ...made, charts: [...made.charts].sort((left, right) => order(left.key) - order(right.key)) };
  }, [document, entries, hiddenMethods, kind, look, methods, model, tasks]);
  if (figure === null)
    return (
      <EmptyState icon="chart" title={`Nothing to show: ${kind.title.toLowerCase()}`}>
        No pruned point of {model} in this sweep {kind.absent}
      </EmptyState>
    );
  const shown = tasks.find((task) => task === enlarged);
  const charts = onlyCharts(figure, shown === undefined ? undefined : [shown]);
  const isOne = charts.charts.length === 1;
  const title = titlesOf(entries);
  return (
    <section aria-label={kind.title}>
      <div className="curves-head curves-head-legend">
        {kind.isOfMethods ? (
          <CurvesLegend methods={methods} theme={theme} delta={chart === 'absolute' ? delta : null} />
        ) : (
          <ChartLegend entries={figure.legend} />
        )}
        <SaveFigure
          subject={manifest.id}
          view={({ modelChartView }) =>
            modelChartView({ manifest, document, theme }, model, chart, {
              tasks: charts.charts.map(({ key }) => key),
              methods: methods.filter((method) => !hiddenMethods.includes(method)),
            })
          }
        />
      </div>
      <ChartPanels
        id="curve"
        figure={charts}
        theme={look}
        isOne={isOne}
        height={isOne ? LARGE_HEIGHT : SMALL_HEIGHT}
        selected={selected === null ? null : resultKey(selected)}
        onSelect={(_, key) => select(key)}
        arrowsSelect
        beside={(task) => (
          <IconButton
            icon={isOne ? 'close' : 'expand'}
            label={isOne ? 'Show all tasks' : `Enlarge ${title(task)}`}
            onClick={() => curvesStore.setState({ enlarged: isOne ? null : task })}
          />
        )}
      />
      <p className="chart-caption">{figure.caption}</p>
      {chart === 'frontier' && <FrontierWords {...props} />}
      {chart === 'absolute' && <UnderCurves {...props} methods={methods} />}
    </section>
  );
};

/** All points of the model on screen as a table; thresholds below. */
export const TableOfModel = () => {
  const known = useModelOfSweep();
  if (known === null) return null;
  const { facts, document, model, error, running, selected, select } = known;
  if (document === undefined) return error === null ? <Reading of="sweep.read" /> : null;
  const results = document.results.filter((result) => result.model === model);
  if (results.length === 0) return <NoPoints running={running} />;
  return (
    <>
      <ResultsTable
        results={results}
        title={titlesOf(facts.tasks)}
        selected={selected}
        onSelect={(result) => select(resultKey(result))}
      />
      <UnderCurves {...known} document={document} methods={sweepMethods(document)} />
    </>
  );
};

type UnderProps = Omit<ChartsProps, 'chart'> & { readonly methods: readonly string[] };

/** Candidates that stopped early, and the threshold of every task and method. */
const UnderCurves = ({ facts, document, model, running, methods }: UnderProps) => {
  const title = titlesOf(facts.tasks);
  const curtailed = (document.curtailed ?? []).filter((entry) => entry.model === model);
  return (
    <>
      {curtailed.length > 0 && <CurtailedList points={curtailed} title={title} />}
      <ThresholdsTable
        tasks={measuredTasks(document, model, facts.tasks)}
        methods={methods}
        rule={document.rule}
        notes={sweepNotes(document).map((note) => inTaskTitles(note, facts.tasks))}
        title={title}
        running={running}
      />
    </>
  );
};

const pairKey = ({ task, pruned, quantised }: ComparedSizes): string =>
  JSON.stringify([task, pruned.method, pruned.factor, pruned.seed, quantised.method]);

/** Whether to prune or to quantise: in sentences, and every comparison as a table. */
const FrontierWords = ({ facts, manifest, document, model }: ChartsProps) => {
  const { data, error } = useQuery('sweep.frontier', { run: manifest.id });
  const words = useLasting(data, manifest.id)?.models.find((entry) => entry.model === model);
  const tasks = [...new Set(document.results.map(({ task }) => task))];
  if (error !== null) return <Problem error={error} />;
  if (words === undefined) return <Reading of="sweep.frontier" />;
  const title = titlesOf(facts.tasks);
  return (
    <>
      <Sentences sentences={words.summary.map((sentence) => withTaskTitles(sentence, tasks, title))} />
      {words.pairs.length > 0 && (
        <LargeDisclosure summary="Prune or quantise? Every comparison">
          <p className="muted">{UNITS_NOTE}</p>
          <DataTable
            caption="Every comparison of a pruned and a quantised model"
            rows={words.pairs}
            rowKey={pairKey}
            columns={shownColumns(comparedSizesColumns, words.pairs, title)}
          />
        </LargeDisclosure>
      )}
    </>
  );
};

interface CurvesLegendProps {
  readonly methods: readonly string[];
  readonly theme: ResolvedTheme;
  /** Null: lines and rings of thresholds are not drawn. */
  readonly delta: number | null;
}

/** Explains lines, marks and rings; a click hides a method in the charts. */
const CurvesLegend = ({ methods, theme, delta }: CurvesLegendProps) => (
  <div className="curves-legend">
    <MethodToggles methods={methods} theme={theme} />
    {methods.some((method) => methodOfLabel(method).isRecovered) && (
      <span>
        <svg width="16" height="16" aria-hidden="true">
          <circle cx="8" cy="8" r="4" fill="var(--surface)" stroke="var(--text-muted)" strokeWidth="1.3" />
          <circle cx="8" cy="8" r="1.5" fill="var(--text-muted)" />
        </svg>
        <Definition of="recoveredMark">recovered</Definition>
      </span>
    )}
    <span className="legend-rule" />
    <LineMark of="unprunedLine" stroke="var(--text-muted)">
      unpruned
    </LineMark>
    {delta !== null && (
      <>
        <LineMark of="marginLine" stroke="var(--text-muted)" dash="4 3">
          unpruned − {formatMargin(delta)}
        </LineMark>
        <LineMark of="chance" stroke="var(--text-faint)" dash="1 3">
          chance
        </LineMark>
        <span>
          <svg width="16" height="16" aria-hidden="true">
            <circle cx="8" cy="8" r="6.5" fill="none" stroke="var(--text-muted)" strokeWidth="1.3" />
            <circle cx="8" cy="8" r="2.6" fill="var(--text-muted)" />
          </svg>
          <Definition of="threshold">threshold</Definition>
        </span>
      </>
    )}
    <span>
      <svg width="10" height="14" aria-hidden="true">
        <line x1="5" x2="5" y1="1" y2="13" stroke="var(--text-muted)" strokeWidth="1.2" />
      </svg>
      <Definition of="pairedDifference">two-sided 95 % interval</Definition>
    </span>
  </div>
);

interface LineMarkProps {
  readonly of: DefinitionName;
  readonly stroke: string;
  readonly dash?: string;
  readonly children: ReactNode;
}

const LineMark = ({ of, stroke, dash, children }: LineMarkProps) => (
  <span>
    <svg width="22" height="12" aria-hidden="true">
      <line x1="0" x2="22" y1="6" y2="6" stroke={stroke} strokeDasharray={dash} />
    </svg>
    <Definition of={of}>{children}</Definition>
  </span>
);
