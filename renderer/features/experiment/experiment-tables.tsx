import type { ExperimentAnswer, ExperimentCell, ExperimentDocument } from '../../../main/contract/experiment.ts';
import { signMark } from '../../../main/words/comparisons.ts';
import { methodTitle, treatmentWords } from '../../../main/words/methods.ts';
import { bracketWords, thresholdValue } from '../../../main/words/verdicts.ts';
import { formatFactor, formatSigned } from '../../../main/words/numbers.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';

const FACTOR = <Definition of="factor">Factor</Definition>;
const ARM = <Definition of="experimentArm">Arm</Definition>;

const points = (share: number): string => formatSigned(share * 100, 1);

type Row = ExperimentAnswer['rows'][number];

const cellOf = ({ cells }: ExperimentAnswer, task: string, row: Row): ExperimentCell | undefined =>
  cells.find(
    (cell) =>
      cell.task === task &&
      cell.method === row.method &&
      cell.treatment === row.treatment &&
      cell.model === row.model &&
      cell.kept === row.kept,
  );

const Cell = ({ cell }: { readonly cell: ExperimentCell | undefined }) =>
  cell === undefined ? null : (
    <span className={`experiment-sign experiment-${cell.sign}`}>
      <b>{signMark(cell.sign)}</b> {points(cell.difference)}{' '}
      <small>
        [{points(cell.low)}, {points(cell.high)}]
      </small>
      {cell.draws > 1 && (
        <small className="experiment-spread">
          {points(cell.lowest)} to {points(cell.highest)}
        </small>
      )}
    </span>
  );

interface AnswerProps {
  readonly answer: ExperimentAnswer;
  /** Display name of a task. */
  readonly title: (task: string) => string;
}

/** The matrix of + and −, one row per pair of sizes, method and treatment. */
export const MatrixTable = ({ answer, tasks, title }: AnswerProps & { readonly tasks: readonly string[] }) => (
  <DataTable
    caption="Differences of accuracy in points with their intervals, and their signs"
    rows={answer.rows}
    rowKey={({ model, kept, method, treatment }) => JSON.stringify([model, kept, method, treatment])}
    columns={[
      { key: 'sizes', title: 'Sizes', cell: ({ experts, kept }) => `${experts} → ${kept}` },
      { key: 'factor', title: FACTOR, numeric: true, cell: ({ factor }) => formatFactor(factor) },
      { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
      { key: 'arm', title: ARM, cell: ({ treatment }) => treatmentWords(treatment) },
      { key: 'draws', title: <Definition of="experimentDraws" />, numeric: true, cell: ({ draws }) => draws },
      ...tasks.map((task) => ({
        key: `task ${task}`,
        title: title(task),
        numeric: true,
        cell: (row: Row) => <Cell cell={cellOf(answer, task, row)} />,
      })),
      { key: 'plus', title: <Definition of="experimentSigns">+</Definition>, numeric: true, cell: ({ plus }) => plus },
      {
        key: 'minus',
        title: <Definition of="experimentSigns">−</Definition>,
        numeric: true,
        cell: ({ minus }) => minus,
      },
      {
        key: 'unknown',
        title: <Definition of="experimentSigns">?</Definition>,
        numeric: true,
        cell: ({ cannotTell }) => cannotTell,
      },
    ]}
  />
);

/** The threshold of each model and task for one question. */
export const ThresholdTable = ({ answer, title }: AnswerProps) => (
  <DataTable
    caption="Thresholds of each model and task"
    rows={answer.thresholds}
    rowKey={({ model, task, method, treatment }) => JSON.stringify([model, task, method, treatment])}
    columns={[
      { key: 'model', title: 'Model', cell: ({ model }) => model },
      { key: 'task', title: 'Task', cell: ({ task }) => title(task) },
      { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
      { key: 'arm', title: ARM, cell: ({ treatment }) => treatmentWords(treatment) },
      { key: 'n', title: <Definition of="items" />, numeric: true, cell: ({ n }) => n },
      {
        key: 'threshold',
        title: <Definition of="threshold" />,
        numeric: true,
        cell: (threshold) => thresholdValue(threshold),
      },
      {
        key: 'tested',
        title: <Definition of="bracket">Tested</Definition>,
        cell: (threshold) => bracketWords(threshold),
      },
      {
        key: 'sign',
        title: <Definition of="experimentBySign">By sign</Definition>,
        numeric: true,
        cell: ({ bySign }) => (bySign === 1 ? 'none' : formatFactor(bySign)),
      },
    ]}
  />
);

type Published = NonNullable<ExperimentDocument['published']>;

/** The paper's own table, without intervals. */
export const PublishedDifferences = ({ published }: { readonly published: Published }) => (
  <DataTable
    caption="Published accuracies minus those of the published scratch model of the same size, in points"
    rows={published.rows}
    rowKey={({ method, experts, kept }) => JSON.stringify([method, experts, kept])}
    columns={[
      { key: 'sizes', title: 'Sizes', cell: ({ experts, kept }) => `${experts} → ${kept}` },
      { key: 'factor', title: FACTOR, numeric: true, cell: ({ factor }) => formatFactor(factor) },
      { key: 'method', title: 'Method', cell: ({ method }) => method },
      ...published.tasks.map((task, index) => ({
        key: `task ${task}`,
        title: task,
        numeric: true,
        cell: ({ differences }: Published['rows'][number]) => {
          const difference = differences[index] ?? null;
          return difference === null ? '' : formatSigned(difference, 2);
        },
      })),
      {
        key: 'above',
        title: <Definition of="experimentAbove">Above</Definition>,
        numeric: true,
        cell: ({ above, of }) => `${above} of ${of}`,
      },
    ]}
  />
);
