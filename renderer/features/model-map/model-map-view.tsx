import { useStore } from 'zustand';
import { byNewest, type RunManifest } from '../../../main/contract/run.ts';
import { isSamePoint, recordedCandidates, type SweepDocument, type SweepResult } from '../../../main/contract/sweep.ts';
import { modelTree, type TreePoint } from '../../../main/evaluation/model-tree.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Disclosure, EmptyState, Section } from '../../components/panel.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { type Facts, focusedTask, selectedModel, useFacts } from '../../engine/facts.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { useResolvedTheme } from '../../state/theme.ts';
import { modelMapStore } from '../../state/view-stores.ts';
import { nameInRun, showPoint } from '../../sweep/brought.ts';
import { pointKey, type PointKey } from '../../state/selection.ts';
import { useReading, useSweep } from '../../sweep/shown-sweep.ts';
import { RuleChip, SetUpSweep, SweepSelect } from '../../sweep/sweep-controls.tsx';
import { ModelTreeTable, VerdictLegend } from './model-tree-table.tsx';
import './model-map.css';
import { SlicesSection } from './slices-section.tsx';
import { useMemo } from 'react';
import { onlyCharts } from '../../../main/figures/chart.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { isModelChartMeasured, modelChart } from '../../../main/figures/model-charts.ts';
import { resultKey } from '../../../main/figures/point-words.ts';
import { LegendedChart } from '../../charts/chart-panels.tsx';
import { experimentTree } from '../../../main/evaluation/experiment/experiment-tree.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';
import { shownRunName } from '../../format/run-names.ts';
import { experimentStore } from '../../state/dialog-stores.ts';

/** The model and task on screen where the sweep has them, else its first ones. */
const shownSubject = (
  { results }: SweepDocument,
  model: string | null,
  task: string | null,
): { readonly model: string; readonly task: string } | null => {
  const ofModel = results.filter((result) => result.model === model);
  const shown = ofModel.length > 0 ? ofModel : results;
  const [first] = shown;
  if (first === undefined) return null;
  const same = shown.filter((result) => result.model === first.model);
  return { model: first.model, task: same.find((result) => result.task === task)?.task ?? first.task };
};

/**
 * Every measured model on the task on screen, as a tree coloured by verdict: those of a sweep, two of which are
 * compared slice by slice, and those of the experiments on the selected model, which train.
 */
export const ModelMapView = () => {
  const facts = useFacts();
  const { manifest, model } = useSweep();
  const { settled } = useReading();
  const experiments = experimentsOf(facts);
  if (manifest === null && experiments.length === 0)
    return (
      <EmptyState icon="model" title="No sweep yet" action={<SetUpSweep />}>
        After a sweep, this view shows every model that it measured, and what was made of which.
      </EmptyState>
    );
  // A sweep of other models stands in only where nothing else measured the selected one.
  const sweep = model === null && experiments.length > 0 ? null : manifest;
  const task = focusedTask(facts)?.name ?? null;
  const title = titlesOf(facts.tasks);
  return (
    <>
      <ModelMapControls hasSweep={sweep !== null} />
      <div className="view-body model-map">
        {sweep !== null && <SweepTree manifest={sweep} task={task} title={title} />}
        {experiments.map((run) => (
          <ExperimentTree key={run.id} manifest={run} task={task} delta={settled} title={title} />
        ))}
      </div>
    </>
  );
};

interface SweepTreeProps {
  readonly manifest: RunManifest;
  readonly task: string | null;
  readonly title: (task: string) => string;
}

/** The tree of the sweep shown; a click opens a point, and two are compared under it. */
const SweepTree = ({ manifest, task, title }: SweepTreeProps) => {
  const facts = useFacts();
  const { model, document, error } = useSweep();
  const theme = useResolvedTheme();
  const { isChoosing, chosen, choose } = useStore(modelMapStore);
  const subject = document === undefined ? null : shownSubject(document, model, task);
  if (document === undefined || subject === null)
    return error === null ? <Reading of="sweep.read" /> : <Problem error={error} />;
  const candidates = recordedCandidates.safeParse(manifest.spec).data?.candidates.map(({ name }) => name) ?? [];
  const tree = modelTree(document, { ...subject, candidates });
  const { point } = facts.selection;
  const matching = chosen.filter(
    (entry) => entry.run === manifest.id && entry.model === subject.model && entry.task === subject.task,
  );
  const [first, second] = matching;
  const places = ({ results: [result] }: TreePoint): number =>
    result === undefined ? -1 : matching.findIndex((entry) => isSamePoint(entry, result));
  const open = (result: SweepResult | undefined, asSecond = false): void => {
    if (result === undefined) return;
    const key = pointKey(manifest.id, result);
    if (isChoosing || asSecond) choose(key);
    else showPoint(facts, key);
  };
  return (
    <>
      {error !== null && <Problem error={error} />}
      <Section
        label="Models of this sweep"
        title={
          <Definition of="modelMap">
            {subject.model} on {title(subject.task)}
          </Definition>
        }
        note={<VerdictLegend tree={tree} />}
        end={
          <SaveFigure
            subject={manifest.id}
            view={({ modelTreeView }) => modelTreeView({ manifest, document, theme }, subject, tree)}
          />
        }
      >
        {isChoosing && matching.length < 2 && (
          <p role="status" className="model-map-hint">
            {matching.length === 0 ? 'Choose the model to compare with.' : 'Choose the model to compare.'}
          </p>
        )}
        <div className="model-map-beside">
          <ModelTreeTable
            label="Map of models"
            tree={tree}
            isSelected={({ results }) =>
              point !== null && point.run === manifest.id && results.some((result) => isSamePoint(result, point))
            }
            placeOf={places}
            onOpen={({ results: [result] }, asSecond) => open(result, asSecond)}
          />
          <BytesChart
            document={document}
            subject={subject}
            selected={point !== null && point.run === manifest.id ? point : null}
            onOpen={(result) => open(result)}
          />
        </div>
      </Section>
      {first !== undefined && second !== undefined && <SlicesSection first={first} second={second} title={title} />}
    </>
  );
};

/** A sweep that is not drawn is not named, and no two models of it can be chosen. */
const ModelMapControls = ({ hasSweep }: { readonly hasSweep: boolean }) => {
  const { isChoosing, toggleChoosing } = useStore(modelMapStore);
  return (
    <div className="view-head">
      {hasSweep && <SweepSelect />}
      <RuleChip />
      <div className="view-head-end">
        <Button
          small
          aria-pressed={isChoosing}
          disabled={!hasSweep}
          title="Choose two models of the map; or click with Ctrl or Shift"
          onClick={toggleChoosing}
        >
          Compare two
        </Button>
      </div>
    </div>
  );
};

interface BytesChartProps {
  readonly document: SweepDocument;
  readonly subject: { readonly model: string; readonly task: string };
  /** The point that the map marks as selected. */
  readonly selected: PointKey | null;
  readonly onOpen: (result: SweepResult) => void;
}

const HEIGHT = 260;

/**
 * The models of the map by their bytes: a curve for each type of weights where some were rounded, else for each
 * method. A click opens what the cell of the map opens. Nothing where the sweep recorded no bytes.
 */
const BytesChart = ({ document, subject: { model, task }, selected, onOpen }: BytesChartProps) => {
  const theme = useResolvedTheme();
  const { tasks } = useFacts();
  const look = useMemo(() => figureTheme(theme, titlesOf(tasks)), [theme, tasks]);
  const name = (['frontier', 'bytes'] as const).find((each) => isModelChartMeasured(each, document, model));
  const figure = useMemo(() => {
    const made = name === undefined ? null : modelChart(name).make(document, model, look);
    return made === null ? null : onlyCharts(made, [task]);
  }, [name, document, model, task, look]);
  if (figure === null || figure.charts.length === 0) return null;
  const point = selected === null ? undefined : document.results.find((result) => isSamePoint(result, selected));
  return (
    <figure className="model-map-bytes" aria-label="Accuracy against bytes">
      <LegendedChart
        label="Accuracy against bytes"
        figure={figure}
        theme={look}
        height={HEIGHT}
        selected={point === undefined ? null : resultKey(point)}
        onSelect={(key) => {
          const result = document.results.find((entry) => resultKey(entry) === key);
          if (result !== undefined) onOpen(result);
        }}
      />
      <Disclosure summary="How to read it">
        <p className="chart-caption">{figure.caption}</p>
      </Disclosure>
    </figure>
  );
};

/** Experiments that measured the selected model, newest first. */
const experimentsOf = (facts: Pick<Facts, 'runs' | 'models' | 'selection'>): readonly RunManifest[] =>
  facts.runs
    .filter(({ kind, label }) => kind === 'experiment' && label?.archived !== true)
    .filter((run) => nameInRun(run, selectedModel(facts)) !== null)
    .sort(byNewest);

interface ExperimentTreeProps {
  readonly manifest: RunManifest;
  /** The task on screen; another one of the experiment stands for it where it was not measured. */
  readonly task: string | null;
  /** The margin on screen; null: the experiment's own. */
  readonly delta: number | null;
  readonly title: (task: string) => string;
}

/** The models that an experiment made of the selected one, trained ones among them. A click opens the experiment. */
const ExperimentTree = ({ manifest, task, delta, title }: ExperimentTreeProps) => {
  const facts = useFacts();
  const theme = useResolvedTheme();
  const { data, error } = useQuery('experiment.read', { run: manifest.id, delta: delta ?? undefined });
  const document = useLasting(data, manifest.id);
  const model = nameInRun(manifest, selectedModel(facts));
  const measured = document?.tasks.find(({ name }) => name === task) ?? document?.tasks[0];
  if (model === null || document === undefined || measured === undefined)
    return error === null ? <Reading of="experiment.read" /> : <Problem error={error} />;
  const subject = { model, task: measured.name };
  const tree = experimentTree(document, subject);
  if (tree.rows.length === 0) return null;
  const { provenance } = document;
  const vouched = provenance === undefined ? manifest : { ...manifest, provenance };
  return (
    <Section
      label={`Models of ${shownRunName(manifest, facts.tasks)}`}
      title={
        <Definition of="experimentMap">
          {model} on {title(measured.name)}, trained too
        </Definition>
      }
      note={<VerdictLegend tree={tree} />}
      end={
        <SaveFigure
          subject={manifest.id}
          view={({ experimentTreeView }) => experimentTreeView({ manifest: vouched, document, theme }, subject, tree)}
        />
      }
    >
      <NotMeasuredHere provenance={provenance} />
      <p className="muted model-map-hint">
        {shownRunName(manifest, facts.tasks)}: each model against the unpruned one with the same treatment.
      </p>
      {error !== null && <Problem error={error} />}
      <ModelTreeTable
        label="Map of models of the experiment"
        tree={tree}
        isSelected={() => false}
        placeOf={() => -1}
        onOpen={() => experimentStore.getState().showRun(manifest.id)}
      />
    </Section>
  );
};
