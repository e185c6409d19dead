import { useStore } from 'zustand';
import type { RunManifest } from '../../../main/contract/run.ts';
import { isSamePoint, recordedCandidates, type SweepDocument, type SweepResult } from '../../../main/contract/sweep.ts';
import { modelTree, type TreePoint } from '../../../main/evaluation/model-tree.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { Button } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { EmptyState, Section } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { focusedTask, useFacts } from '../../engine/facts.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { useResolvedTheme } from '../../state/theme.ts';
import { modelMapStore } from '../../state/view-stores.ts';
import { showPoint } from '../../sweep/brought.ts';
import { pointKey } from '../../sweep/points.ts';
import { useReading, useSweep } from '../../sweep/shown-sweep.ts';
import { RuleChip, SetUpSweep, SweepSelect } from '../../sweep/sweep-controls.tsx';
import { BytesChart } from './bytes-chart.tsx';
import { ExperimentTree, experimentsOf } from './experiment-trees.tsx';
import { ModelTreeTable, VerdictLegend } from './model-tree-table.tsx';
import './model-map.css';
import { SlicesSection } from './slices-section.tsx';

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
  const keyOf = (result: SweepResult) => pointKey(manifest.id, result);
  const matching = chosen.filter(
    (entry) => entry.run === manifest.id && entry.model === subject.model && entry.task === subject.task,
  );
  const [first, second] = matching;
  const places = ({ results: [result] }: TreePoint): number =>
    result === undefined ? -1 : matching.findIndex((entry) => isSamePoint(entry, result));
  const open = (result: SweepResult | undefined, asSecond = false): void => {
    if (result === undefined) return;
    const key = keyOf(result);
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
