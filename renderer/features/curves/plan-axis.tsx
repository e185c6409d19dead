import { type MouseEvent, useId, useMemo } from 'react';
import { useStore } from 'zustand';
import type { ModelEntry, ModelInfo } from '../../../main/contract/model.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import {
  isNothingToLose,
  isSamePoint,
  type SweepDocument,
  type SweepResult,
  type Threshold,
} from '../../../main/contract/sweep.ts';
import { answersOf, type TaskEntry } from '../../../main/contract/task.ts';
import { type ChartTip, FACTOR_INSET } from '../../../main/figures/chart.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import {
  differenceChart,
  differenceKey,
  type DifferencePanel,
  differencePanel,
  type DifferencePoint,
} from '../../../main/figures/difference-chart.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { headlineThresholds } from '../../../main/evaluation/threshold.ts';
import { bracketText, thresholdValue } from '../../../main/words/verdicts.ts';
import { compareMethodLabels, methodTitle } from '../../../main/words/methods.ts';
import { formatCount, formatFactor } from '../../../main/words/numbers.ts';
import { AXES, Chart } from '../../charts/chart.tsx';
import { useElementWidth } from '../../charts/chart-element.ts';
import { pointCommands } from '../../actions/commands.ts';
import { openContextMenu } from '../../components/context-menu.tsx';
import { FullScreen } from '../../components/full-screen.tsx';
import { useEngine } from '../../engine/engine-context.tsx';
import { Definition } from '../../components/definition.tsx';
import { type Facts, focusedTask, selectedModel, useFacts } from '../../engine/facts.ts';
import { shownRunName } from '../../format/run-names.ts';
import { twinOf } from '../../format/task-pairs.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { fewestKept, type ExpertCounts, keptAtFactor } from '../../../main/contract/keep-from-factor.ts';
import { standardFactors } from '../../plan/kept-counts.ts';
import { planName } from '../../plan/plan-name.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { curvesStore } from '../../state/view-stores.ts';
import { showPoint, nameInRun } from '../../sweep/brought.ts';
import { pooledCurves, type RunResult } from '../../sweep/model-points.ts';
import { pointKey } from '../../state/selection.ts';
import { MethodToggles } from '../../sweep/sweep-controls.tsx';
import { useSweep } from '../../sweep/shown-sweep.ts';
import { useModelPoints } from '../../sweep/use-model-points.ts';
import { PlanCursor } from './plan-cursor.tsx';
import './plan-axis.css';
import { selectionStore } from '../../state/selection-store.ts';
import '../../plan/plan.css';

/** The difference to unpruned over the factors of the slider below, and the results known for the current plan. */
export const PlanAxis = () => {
  const facts = useFacts();
  const task = focusedTask(facts);
  const info = selectedModel(facts)?.info ?? null;
  if (task === null || info === null) return null;
  return <Axis task={task} info={info} />;
};

const Axis = ({ task, info }: { readonly task: TaskEntry; readonly info: ModelInfo }) => {
  const engine = useEngine();
  const facts = useFacts();
  const theme = useResolvedTheme();
  const [frame, width] = useElementWidth<HTMLDivElement>();
  const { manifest, document, delta } = useSweep();
  const hidden = useStore(curvesStore, (state) => state.hiddenMethods);
  const twin = twinOf(task, facts.tasks);
  const tasks = useMemo(() => (twin === null ? [task] : [task, twin]), [task, twin]);
  const { points, sweeps, isReading } = useModelPoints(tasks);
  const alpha = document?.multiplicity?.alpha;
  const measured = useMemo(
    () =>
      tasks.map((known, index) => ({
        task: known,
        panel: differencePanel(
          (points[index] ?? []).map(({ result }) => result),
          delta,
          alpha,
        ),
      })),
    [alpha, delta, points, tasks],
  );
  const panels = measured.flatMap(({ task: known, panel }) => (panel === null ? [] : [{ task: known, panel }]));
  const methods = [...new Set(panels.flatMap(({ panel }) => panel.series.map(({ method }) => method)))].sort(
    compareMethodLabels,
  );
  const shown = methods.filter((method) => !hidden.includes(method));
  const { factor, method, point } = facts.selection;
  const named = planName(facts);
  const largestFactor = info.experts / fewestKept(info);
  const columns = panels.length > 1 && width >= SIDE_BY_SIDE_PX ? 2 : 1;
  const plotWidth = columns === 2 ? (width - PLOTS_GAP_PX) / 2 : width;
  const runOf = (result: SweepResult): string | undefined =>
    points.flat().find((known) => known.result === result)?.run;
  const select = (result: SweepResult): void => {
    const run = runOf(result);
    if (run !== undefined) showPoint(facts, pointKey(run, result));
  };
  const otherRuns = [...new Set(points.flat().map(({ run }) => run))].filter((run) => run !== manifest?.id);
  const results = points.flat().map(({ result }) => result);
  return (
    <FullScreen title={`Difference to unpruned by factor, ${task.title}`}>
      {(isFull, fillButton) => (
        <section aria-label="Difference to unpruned" className="plan-axis">
          <div className="section-head">
            <h3>
              <Definition of="pairedDifference">Difference to unpruned</Definition> by factor
            </h3>
            <span className="muted">
              {task.title}
              {panels[0] === undefined ? '' : `, n ${formatCount(panels[0].panel.n)}`}
            </span>
            {manifest !== null && document !== undefined && panels.length > 0 && (
              <span className="section-end">
                {fillButton}
                <SaveFigure
                  label="Save curve"
                  subject={manifest.id}
                  view={({ differenceView }) =>
                    differenceView(
                      { manifest, document: { ...document, results }, theme },
                      {
                        model: selectedModel(facts)?.name ?? '',
                        panels: panels.map(({ panel }) => panel),
                        methods,
                        shown,
                        largestFactor,
                        otherRuns,
                      },
                    )
                  }
                />
              </span>
            )}
          </div>
          <PlanCursor measured={measured} sweeps={sweeps} largestFactor={largestFactor} isReading={isReading} />
          {methods.length > 0 && (
            <div className="curves-legend plan-axis-legend">
              <MethodToggles methods={methods} theme={theme} />
            </div>
          )}
          <Pooled points={points.flat()} shown={manifest?.id ?? null} />
          <div ref={frame} className={columns === 2 ? 'plan-axis-plots' : undefined}>
            {panels.map(({ task: known, panel }) => (
              <DifferencePlot
                key={known.handle}
                title={panels.length > 1 ? answersInWords(known) : ''}
                name={known.title}
                panel={panel}
                methods={methods}
                hidden={hidden}
                emphasised={shown.includes(method) ? method : null}
                cursor={Math.min(named?.factor ?? factor, largestFactor)}
                isEdited={named?.isEdited === true}
                largestFactor={largestFactor}
                height={
                  isFull ? fullHeight(panels.length / columns) : columns < panels.length ? HEIGHTS.small : HEIGHTS.tall
                }
                selected={point === null ? null : (results.find((result) => isSamePoint(result, point)) ?? null)}
                onSelect={select}
                onMenu={(result, tip, event) => {
                  const run = runOf(result);
                  if (run !== undefined)
                    openContextMenu(event, tip.title, pointCommands(engine, run, result, tip.lines));
                }}
                hasCrosshair={isFull}
                sourceOf={(result) => {
                  const run = runOf(result);
                  return run === undefined || run === manifest?.id ? null : nameOf(run, facts);
                }}
              />
            ))}
            {panels.length === 0 && (
              <p className="plan-axis-empty muted">
                {!isReading && `No measurements of ${selectedModel(facts)?.name ?? 'this model'} on ${task.title} yet.`}
              </p>
            )}
          </div>
          <div
            className="plan-axis-slider"
            style={{
              width: panels.length === 0 ? undefined : plotWidth,
              paddingLeft: AXES.left + FACTOR_INSET[0] - 8,
              paddingRight: AXES.right + FACTOR_INSET[1] - 8,
            }}
          >
            <FactorSlider
              counts={info}
              labelled={panels.length === 0}
              threshold={thresholdOf(document, manifest, selectedModel(facts), task, method)}
            />
          </div>
        </section>
      )}
    </FullScreen>
  );
};

/** Room for two plots beside each other, and the gap between them. */
const SIDE_BY_SIDE_PX = 700;
const PLOTS_GAP_PX = 14;
/** Heights of a plot, in CSS pixels. */
const HEIGHTS = { tall: 224, small: 190 } as const;

/** Height of one of several plots that share the window with their heading, legend and slider. */
const fullHeight = (plots: number): number => Math.max(HEIGHTS.small, (window.innerHeight - 262) / plots - 30);

interface DifferencePlotProps {
  /** Title that distinguishes this plot from the other; empty if there is only one. */
  readonly title: string;
  readonly name: string;
  readonly panel: DifferencePanel;
  readonly methods: readonly string[];
  readonly hidden: readonly string[];
  readonly emphasised: string | null;
  /** Factor of the current plan. */
  readonly cursor: number;
  /** Whether that plan is not the one that its method makes there; then the points there are not its own. */
  readonly isEdited: boolean;
  readonly largestFactor: number;
  readonly height: number;
  readonly selected: SweepResult | null;
  readonly onSelect: (result: SweepResult) => void;
  readonly onMenu: (result: SweepResult, tip: ChartTip, event: MouseEvent) => void;
  readonly hasCrosshair: boolean;
  /** Name of the sweep that measured a result; null: the one on screen. */
  readonly sourceOf: (result: SweepResult) => string | null;
}

/** The same chart as when saved, with the current plan's cursor. */
const DifferencePlot = (props: DifferencePlotProps) => {
  const { title, name, panel, methods, hidden, largestFactor, selected, onSelect, onMenu, sourceOf, ...shown } = props;
  const theme = useResolvedTheme();
  const look = figureTheme(theme);
  const named = methods.join('\n');
  const chart = useMemo(() => {
    const all = named.split('\n');
    const marks = methodMarks(
      all,
      figureTheme(theme),
      all.filter((method) => !hidden.includes(method)),
    );
    const drawn = differenceChart(panel, { marks, heading: '', largestFactor });
    // The slider below it is the same axis.
    return { ...drawn, x: { ...drawn.x, title: '' } };
  }, [hidden, largestFactor, named, panel, theme]);
  const points = panel.series.flatMap((series) => series.points);
  const find = (key: string): DifferencePoint | undefined => points.find((point) => differenceKey(point) === key);
  const resultOf = (key: string): SweepResult | undefined => find(key)?.draws[0]?.result;
  const chosen = points.find(({ draws }) => draws.some(({ result }) => result === selected));
  return (
    <div className="difference-plot">
      <Chart
        label={`${title === '' ? name : `${name}, ${title}`}: ${chart.y.title} against factor`}
        chart={chart}
        theme={look}
        {...shown}
        selected={chosen === undefined ? null : differenceKey(chosen)}
        arrowsSelect
        onSelect={(key) => {
          const result = resultOf(key);
          if (result !== undefined) onSelect(result);
        }}
        onMenu={(key, tip, event) => {
          const result = resultOf(key);
          if (result !== undefined) onMenu(result, tip, event);
        }}
        moreOf={(key) => [
          ...new Set(
            (find(key)?.draws ?? []).flatMap(({ result }) => {
              const source = sourceOf(result);
              return source === null ? [] : [`from another sweep: ${source}`];
            }),
          ),
        ]}
        status={
          `The plan on screen is at ${formatFactor(props.cursor)}` +
          (props.isEdited ? ', edited: no point of its method is its own.' : '.')
        }
      />
      {title !== '' && <span className="difference-plot-title">{title}</span>}
    </div>
  );
};

const nameOf = (id: string, { runs, tasks }: Pick<Facts, 'runs' | 'tasks'>): string => {
  const run = runs.find((known) => known.id === id);
  return run === undefined ? id : shownRunName(run, tasks);
};

/** Names the sweeps of points that the sweep on screen did not measure. */
const Pooled = ({ points, shown }: { readonly points: readonly RunResult[]; readonly shown: string | null }) => {
  const facts = useFacts();
  const curves = pooledCurves(points, shown);
  if (curves.length === 0) return null;
  return (
    <p className="plan-axis-pooled muted">
      <Definition of="pooledPoints">From other sweeps</Definition>:{' '}
      {[...new Set(curves.map(({ run }) => run))]
        .map((run) => {
          const matchingCurves = curves.filter((curve) => curve.run === run);
          const named = matchingCurves.map(
            ({ method, factors }) => `${methodTitle(method)} ${factors.map(formatFactor).join(', ')}`,
          );
          return `${named.join('; ')} (${nameOf(run, facts)})`;
        })
        .join('; ')}
    </p>
  );
};

/** The threshold of a method for the model and task on screen; null: not measured, or not determined. */
const thresholdOf = (
  document: SweepDocument | undefined,
  manifest: RunManifest | null,
  model: ModelEntry | null,
  { name }: TaskEntry,
  method: string,
): Threshold | null => {
  const known = nameInRun(manifest, model);
  const threshold = headlineThresholds(document?.thresholds ?? []).find(
    (threshold) => threshold.model === known && threshold.task === name && threshold.method === method,
  );
  return threshold === undefined || threshold.lastSafe === null || isNothingToLose(threshold.verdict)
    ? null
    : threshold;
};

const answersInWords = (task: TaskEntry): string =>
  answersOf(task) === 'written' ? 'answers written by the model' : 'answers chosen from the choices';

interface FactorSliderProps {
  readonly counts: ExpertCounts;
  /** Whether the slider labels its marks itself; otherwise the axis of the chart above does. */
  readonly labelled: boolean;
  /** Threshold of the method on screen, drawn as a bracket from the last safe factor to the first that is not. */
  readonly threshold: Threshold | null;
}

interface FactorBracketProps {
  readonly threshold: Threshold;
  /** Place of a factor on the slider, 0 to 1. */
  readonly shareOf: (factor: number) => number;
}

/** The bracket of a threshold above the slider: between its ends no factor was tested. */
const FactorBracket = ({ threshold, shareOf }: FactorBracketProps) => {
  const { method, lastSafe, firstUnsafe } = threshold;
  const from = shareOf(lastSafe ?? 1);
  const to = firstUnsafe === null ? 1 : shareOf(firstUnsafe);
  return (
    <div className="factor-bracket">
      <span
        className={firstUnsafe === null ? 'factor-bracket-open' : undefined}
        style={{
          left: `calc(8px + (100% - 16px) * ${from})`,
          width: `calc((100% - 16px) * ${Math.max(0, to - from)})`,
        }}
      />
      <small style={{ left: `calc(8px + (100% - 16px) * ${from})` }}>
        {methodTitle(method)} {thresholdValue(threshold)} {bracketText({ ...threshold, firstWorse: null })}
      </small>
    </div>
  );
};

/** A slider over every possible number of kept experts, positioned by factor. */
const FactorSlider = ({ counts, labelled, threshold }: FactorSliderProps) => {
  const id = useId();
  const factor = useStore(selectionStore, (state) => state.factor);
  const { chooseFactor, dragFactor, endDrag } = selectionStore.getState();
  const fewest = fewestKept(counts);
  const kept = keptAtFactor(counts, factor);
  // The slider uses log2 of the factor, so that ×2, ×4, ×8 are evenly spaced.
  const position = Math.log2(counts.experts / kept);
  const end = Math.log2(counts.experts / fewest);
  const factorOf = (count: number): number => counts.experts / Math.min(counts.experts, Math.max(fewest, count));
  return (
    <div className="factor-slider">
      {threshold !== null && (
        <FactorBracket threshold={threshold} shareOf={(at) => (end > 0 ? Math.min(1, Math.log2(at) / end) : 0)} />
      )}
      <label htmlFor={id} className="visually-hidden">
        Pruning factor
      </label>
      <div className="factor-slider-track">
        <input
          id={id}
          type="range"
          min={0}
          max={end}
          step="any"
          value={position}
          aria-valuetext={`factor ${formatFactor(counts.experts / kept)}, ${kept} of ${counts.experts} experts kept`}
          onChange={(event) => dragFactor(factorOf(Math.round(counts.experts / 2 ** Number(event.target.value))))}
          onPointerUp={endDrag}
          onKeyUp={endDrag}
          onBlur={endDrag}
          onKeyDown={(event) => {
            const step = { ArrowRight: -1, ArrowUp: -1, ArrowLeft: 1, ArrowDown: 1 }[event.key];
            if (step === undefined || event.altKey) return;
            event.preventDefault();
            dragFactor(factorOf(kept + step));
          }}
        />
        <div className={labelled ? 'factor-slider-marks' : 'factor-slider-marks factor-slider-marks-above'}>
          {standardFactors(counts).map((standard) => (
            <button
              key={standard}
              type="button"
              tabIndex={-1}
              aria-label={`Factor ${standard}`}
              aria-pressed={keptAtFactor(counts, standard) === kept}
              style={{ left: `calc(8px + (100% - 16px) * ${end > 0 ? Math.log2(standard) / end : 0})` }}
              onClick={() => chooseFactor(factorOf(keptAtFactor(counts, standard)))}
            >
              {labelled ? standard : ''}
            </button>
          ))}
        </div>
      </div>
    </div>
  );
};
