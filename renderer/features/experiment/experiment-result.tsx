import { useState } from 'react';
import type {
  ExperimentAnswer,
  ExperimentDocument,
  ExperimentReproduction,
  ExperimentRow,
} from '../../../main/contract/experiment.ts';
import { curveOf } from '../../../main/evaluation/experiment/pairs.ts';
import { experimentFigure } from '../../../main/figures/experiment-figure.ts';
import {
  cellOf,
  cellText,
  experimentThresholdColumns,
  matrixColumns,
  publishedColumns,
  thresholdLines,
} from '../../../main/figures/experiment-tables.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { ChartLegend, ChartPanels } from '../../charts/chart-panels.tsx';
import { RequestButton } from '../../components/button.tsx';
import { Segmented } from '../../components/choices.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { type Engine, useQuery } from '../../engine/engine-context.tsx';
import { shownRunName } from '../../format/run-names.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { experimentStore } from '../../state/dialog-stores.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import './experiment.css';
import { saveText } from '../../bridge/bridge.ts';
import { Sentences } from '../../components/panel.tsx';

type Page = 'scratch' | 'unpruned' | 'published';

const pages: readonly { readonly value: Page; readonly label: string }[] = [
  { value: 'scratch', label: 'Against scratch' },
  { value: 'unpruned', label: 'Against unpruned' },
  { value: 'published', label: 'The paper’s table' },
];

export const ExperimentResult = ({ run }: { readonly run: string }) => {
  const { data, error } = useQuery('experiment.read', { run });
  const manifest = useQuery('runs.list', {}).data?.find(({ id }) => id === run);
  if (error !== null && data === undefined) return <Problem error={error} />;
  if (data === undefined || manifest === undefined)
    return <p className="muted dialog-reading">Reading the experiment…</p>;
  const { provenance } = data;
  return <Pages document={data} manifest={provenance === undefined ? manifest : { ...manifest, provenance }} />;
};

interface PagesProps {
  readonly document: ExperimentDocument;
  readonly manifest: RunManifest;
}

const Pages = ({ document, manifest }: PagesProps) => {
  const [page, turnTo] = useState<Page>('scratch');
  const tasks = useQuery('tasks.list', {}).data ?? [];
  const saveReport = async ({ bridge }: Engine): Promise<void> => {
    const { name, html } = await bridge.call('experiment.report', { run: document.run });
    await saveText(bridge, name, html);
  };
  const reproduce = async ({ bridge }: Engine): Promise<void> => {
    await bridge.call('experiment.reproduce', { run: document.run });
    experimentStore.getState().showRun(null);
  };
  return (
    <div className="dialog-body experiment">
      <NotMeasuredHere provenance={manifest.provenance} />
      <p>
        <strong>{shownRunName(manifest, tasks)}</strong>
        {manifest.state === 'done' ? '' : ` (${manifest.state}: partial results)`}
      </p>
      {document.reproduction !== null && <Reproduced found={document.reproduction} />}
      <div className="line experiment-bar">
        <Segmented label="What to show" value={page} options={pages} onChange={turnTo} />
        {manifest.state === 'done' && document.reproduction === null && (
          <RequestButton ask={reproduce}>Reproduce</RequestButton>
        )}
        <RequestButton ask={saveReport}>Save report…</RequestButton>
      </div>
      {page === 'published' ? <Published document={document} /> : <Answer document={document} question={page} />}
      <Sentences className="experiment-notes" sentences={document.notes} />
    </div>
  );
};

const Reproduced = ({ found }: { readonly found: ExperimentReproduction }) => (
  <p className="experiment-reproduced">
    {found.sentence}
    {found.reason === null ? '' : ` ${found.reason}`}
  </p>
);

interface CellProps {
  readonly answer: ExperimentAnswer;
  readonly task: string;
  readonly row: ExperimentRow;
}

/** A cell of the matrix in the colour of its sign. */
const Cell = ({ answer, task, row }: CellProps) => {
  const cell = cellOf(answer, task, row);
  if (cell === undefined) return null;
  const [sign = '', ...words] = cellText(cell).split(' ');
  return (
    <span className={`experiment-sign experiment-${cell.sign}`}>
      <b>{sign}</b> {words.join(' ')}
    </span>
  );
};

/** The figure, the matrix of + and −, and the thresholds of one question. */
const Answer = (props: Pick<PagesProps, 'document'> & { readonly question: 'scratch' | 'unpruned' }) => {
  const { document, question } = props;
  const theme = useResolvedTheme();
  const answer = document.answers.find((entry) => entry.question === question);
  const titleOf = titlesOf(useQuery('tasks.list', {}).data ?? []);
  if (answer === undefined || answer.pairs.length === 0)
    return <p className="muted">No pruned arm has been measured together with its reference yet.</p>;
  const lines = thresholdLines(answer);
  const tasks = document.tasks.map(({ name }) => name);
  const look = figureTheme(theme, titleOf);
  const figure = experimentFigure(document, answer, look);
  return (
    <>
      <p>{answer.title}</p>
      <section aria-label={figure.title}>
        <p className="chart-caption">{figure.caption}</p>
        <ChartLegend entries={figure.legend} />
        <ChartPanels id="experiment" figure={figure} theme={look} />
      </section>
      <Sentences className="experiment-notes" sentences={answer.findings.map(({ sentence }) => sentence)} />
      <DataTable
        caption="Differences of accuracy in points with their intervals, and their signs"
        rows={answer.rows}
        rowKey={({ model, kept, ...curve }) => JSON.stringify([model, kept, curveOf(curve)])}
        columns={shownColumns(matrixColumns(answer, tasks, titleOf), answer.rows).map((column) => {
          const task = tasks.find((entry) => column.key === `task ${entry}`);
          return task === undefined
            ? column
            : { ...column, cell: (row: ExperimentRow) => <Cell answer={answer} task={task} row={row} /> };
        })}
      />
      <p className="muted">{answer.rule}</p>
      <DataTable
        caption="Thresholds of each model and task"
        rows={lines}
        rowKey={({ model, task, ...curve }) => JSON.stringify([model, task, curveOf(curve)])}
        columns={shownColumns(experimentThresholdColumns, lines, titleOf)}
      />
    </>
  );
};

/** The paper's own table, without intervals. */
const Published = ({ document: { published } }: { readonly document: ExperimentDocument }) =>
  published === null ? null : (
    <>
      <p>{published.source}</p>
      <p className="muted">{published.note}</p>
      <DataTable
        caption="Published accuracies minus those of the published scratch model of the same size, in points"
        rows={published.rows}
        rowKey={({ method, experts, kept }) => JSON.stringify([method, experts, kept])}
        columns={shownColumns(publishedColumns(published), published.rows)}
      />
    </>
  );
