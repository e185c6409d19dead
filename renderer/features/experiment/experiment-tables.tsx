import type { ExperimentAnswer, ExperimentDocument, ExperimentRow } from '../../../main/contract/experiment.ts';
import {
  cellOf,
  cellText,
  experimentThresholdColumns,
  matrixColumns,
  publishedColumns,
  thresholdLines,
} from '../../../main/figures/experiment-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';

interface AnswerProps {
  readonly answer: ExperimentAnswer;
  /** Display name of a task. */
  readonly title: (task: string) => string;
}

/** A cell of the matrix in the colour of its sign. */
const Cell = ({
  answer,
  task,
  row,
}: Pick<AnswerProps, 'answer'> & { readonly task: string; readonly row: ExperimentRow }) => {
  const cell = cellOf(answer, task, row);
  if (cell === undefined) return null;
  const [sign = '', ...words] = cellText(cell).split(' ');
  return (
    <span className={`experiment-sign experiment-${cell.sign}`}>
      <b>{sign}</b> {words.join(' ')}
    </span>
  );
};

/** The matrix of + and −, one row per pair of sizes, method and treatment. */
export const MatrixTable = ({ answer, tasks, title }: AnswerProps & { readonly tasks: readonly string[] }) => (
  <DataTable
    caption="Differences of accuracy in points with their intervals, and their signs"
    rows={answer.rows}
    rowKey={({ model, kept, method, treatment }) => JSON.stringify([model, kept, method, treatment])}
    columns={shownColumns(matrixColumns(answer, tasks, title), answer.rows).map((column) => {
      const task = tasks.find((one) => column.key === `task ${one}`);
      return task === undefined
        ? column
        : { ...column, cell: (row: ExperimentRow) => <Cell answer={answer} task={task} row={row} /> };
    })}
  />
);

/** The threshold of each model and task for one question. */
export const ThresholdTable = ({ answer, title }: AnswerProps) => {
  const lines = thresholdLines(answer);
  return (
    <DataTable
      caption="Thresholds of each model and task"
      rows={lines}
      rowKey={({ model, task, method, treatment }) => JSON.stringify([model, task, method, treatment])}
      columns={shownColumns(experimentThresholdColumns, lines, title)}
    />
  );
};

/** The paper's own table, without intervals. */
export const PublishedDifferences = ({
  published,
}: {
  readonly published: NonNullable<ExperimentDocument['published']>;
}) => (
  <DataTable
    caption="Published accuracies minus those of the published scratch model of the same size, in points"
    rows={published.rows}
    rowKey={({ method, experts, kept }) => JSON.stringify([method, experts, kept])}
    columns={shownColumns(publishedColumns(published), published.rows)}
  />
);
