import { byNewest, type RunManifest } from '../../../main/contract/run.ts';
import { experimentTree } from '../../../main/evaluation/experiment/experiment-tree.ts';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { type Facts, selectedModel, useFacts } from '../../engine/facts.ts';
import { useLasting } from '../../engine/use-settled.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { shownRunName } from '../../format/run-names.ts';
import { experimentStore } from '../../state/dialog-stores.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { nameInRun } from '../../sweep/brought.ts';
import { ModelTreeTable, VerdictLegend } from './model-tree-table.tsx';

/** Experiments that measured the selected model, newest first. */
export const experimentsOf = (facts: Pick<Facts, 'runs' | 'models' | 'selection'>): readonly RunManifest[] =>
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
export const ExperimentTree = ({ manifest, task, delta, title }: ExperimentTreeProps) => {
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
