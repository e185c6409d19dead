import type { SweepDocument, SweepResult, Threshold } from '../../../main/contract/sweep.ts';
import { pointNameKey, UNPRUNED } from '../../../main/contract/sweep.ts';
import { pick } from '../../../main/figures/columns.ts';
import { curtailedColumns, resultColumns } from '../../../main/figures/tables.ts';
import { DataTable, shownColumns, SortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section, Sentences } from '../../components/panel.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { resultKey } from '../../../main/figures/point-words.ts';
import { bracketWords, thresholdValue } from '../../../main/words/verdicts.ts';
import { compareMethodLabels, methodTitle } from '../../../main/words/methods.ts';
import { formatCount, UNITS_NOTE } from '../../../main/words/numbers.ts';
import type { CurtailedPoint } from '../../../main/contract/curtailed-point.ts';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';

/**
 * Curves of a sweep in a stable order: methods in their usual order, each before its recovered twin, then others by
 * name.
 */
export const sweepMethods = (document: SweepDocument): readonly string[] =>
  [...new Set([...document.results, ...(document.curtailed ?? [])].map(({ method }) => method))]
    .filter((method) => method !== UNPRUNED)
    .sort(compareMethodLabels);

/** A measured task of a model, and its thresholds by all methods. */
interface MeasuredTask {
  readonly task: string;
  readonly n: number;
  readonly thresholds: readonly Threshold[];
}

/** A task with the thresholds of its answers; those of its written twin stand in the same row. */
interface TaskRow extends MeasuredTask {
  readonly written: readonly Threshold[];
}

/** A row per task: what was measured with chosen and with written answers of the same items is one. */
const taskRows = (tasks: readonly MeasuredTask[]): readonly TaskRow[] => {
  const named = new Map(tasks.map((task) => [task.task, task]));
  const twinIn = ({ task }: MeasuredTask): boolean =>
    task.endsWith(TWIN_SUFFIX) && named.has(task.slice(0, -TWIN_SUFFIX.length));
  return tasks
    .filter((task) => !twinIn(task))
    .map((task) => ({ ...task, written: named.get(`${task.task}${TWIN_SUFFIX}`)?.thresholds ?? [] }));
};

/** The measured tasks of a model, in the order of the list, then others by name. */
export const measuredTasks = (
  document: SweepDocument,
  model: string,
  listed: readonly { readonly name: string }[],
): readonly MeasuredTask[] => {
  const results = document.results.filter((result) => result.model === model);
  const orderOf = (task: string): number => {
    const place = listed.findIndex(({ name }) => name === task);
    return place < 0 ? listed.length : place;
  };
  return [...new Set(results.map(({ task }) => task))]
    .map((task) => ({
      task,
      n: results.find((result) => result.task === task)?.n ?? 0,
      thresholds: document.thresholds.filter((threshold) => threshold.model === model && threshold.task === task),
    }))
    .sort((left, right) => orderOf(left.task) - orderOf(right.task) || left.task.localeCompare(right.task));
};

interface ResultsTableProps {
  readonly results: readonly SweepResult[];
  readonly title: (task: string) => string;
  readonly selected: SweepResult | null;
  readonly onSelect: (result: SweepResult) => void;
}

const RESULTS_SHOWN =
  'task method seed factor verdict difference interval low_one_sided value n p kept dropped_share metric lost ' +
  'gained ended looped pass_at_k answer_loss kl changed_token acceptance truncated';

/** All measured points, the draws of one under each other. */
export const ResultsTable = ({ results, title, selected, onSelect }: ResultsTableProps) => (
  <div className="results-table">
    <p className="muted">{UNITS_NOTE}</p>
    <DataTable
      caption="Every measured point of this sweep"
      rows={[...results].sort(
        (left, right) =>
          left.task.localeCompare(right.task) || left.method.localeCompare(right.method) || left.factor - right.factor,
      )}
      rowKey={resultKey}
      foldBy={({ task, method, factor }) => JSON.stringify([task, method, factor])}
      selectedKey={selected === null ? null : resultKey(selected)}
      onRow={onSelect}
      opens={({ method }) => method !== UNPRUNED}
      columns={shownColumns(pick(resultColumns, RESULTS_SHOWN), results, title)}
    />
  </div>
);

interface ThresholdsTableProps {
  readonly tasks: readonly MeasuredTask[];
  readonly methods: readonly string[];
  /** The threshold rule, in the engine's words. */
  readonly rule: string;
  /** Omissions and remarks. */
  readonly notes: readonly string[];
  readonly title: (task: string) => string;
  readonly running: boolean;
}

/** Wide enough for a verdict in words, whatever the number of methods. */
const METHOD_COLUMN_PX = 124;
const FIRST_COLUMNS_PX = 206;

/** Tasks by methods: how far each method can prune each task, with bracket and rule. */
export const ThresholdsTable = ({ tasks, methods, rule, notes, title, running }: ThresholdsTableProps) => {
  const taskTitle = ({ task }: MeasuredTask): string => title(task);
  const by = (thresholds: readonly Threshold[], method: string): readonly Threshold[] =>
    thresholds.filter((threshold) => threshold.method === method);
  const ownOf = ({ thresholds }: MeasuredTask, method: string): readonly Threshold[] => by(thresholds, method);
  const columns = [
    { key: 'task', title: 'Task', order: taskTitle, text: taskTitle },
    {
      key: 'items',
      title: <Definition of="items">n</Definition>,
      words: 'n',
      numeric: true,
      order: ({ n }: MeasuredTask) => n,
      text: ({ n }: MeasuredTask) => String(n),
    },
    ...methods.map((method) => ({
      key: `method ${method}`,
      title: methodTitle(method),
      order: (task: TaskRow) => ownOf(task, method)[0]?.lastSafe ?? null,
      text: (task: MeasuredTask) => thresholdSummary(ownOf(task, method))?.value ?? '',
    })),
  ];
  return (
    <Section
      label="Thresholds"
      title={<Definition of="threshold">Thresholds</Definition>}
      note={running ? 'provisional: the sweep is running' : undefined}
    >
      <SortedTable
        label="Threshold of every task and method"
        className="threshold-table"
        style={{ minWidth: FIRST_COLUMNS_PX + methods.length * METHOD_COLUMN_PX }}
        columns={columns}
        rows={taskRows(tasks)}
      >
        {(task) => (
          <tr key={task.task}>
            <th scope="row">{title(task.task)}</th>
            <td className="numeric">{formatCount(task.n)}</td>
            {methods.map((method) => (
              <td key={method}>
                <ThresholdCell thresholds={ownOf(task, method)} />
                {task.written.length > 0 && (
                  <div className="threshold-written">
                    <span className="muted">written</span> <ThresholdCell thresholds={by(task.written, method)} />
                  </div>
                )}
              </td>
            ))}
          </tr>
        )}
      </SortedTable>
      {rule !== '' && <p className="rule-text">{rule}</p>}
      {notes.length > 0 && (
        <div className="sweep-notes">
          <h3>Notes of this sweep</h3>
          <Sentences className="stack stack-tight" sentences={notes} />
        </div>
      )}
    </Section>
  );
};

const ThresholdCell = ({ thresholds }: { readonly thresholds: readonly Threshold[] }) => {
  const summary = thresholdSummary(thresholds);
  if (summary === null) return <span className="muted">–</span>;
  const words = (
    <>
      <strong>{summary.value}</strong>
      <span className="muted">{summary.note}</span>
    </>
  );
  return thresholds.length < 2 ? (
    <span className="threshold-cell">{words}</span>
  ) : (
    <Tooltip
      className="threshold-cell"
      content={thresholds.map((threshold) => (
        <div key={threshold.seed}>
          {threshold.seed === null ? 'in every draw' : `seed ${threshold.seed}`}:{' '}
          <strong>{thresholdValue(threshold)}</strong>, {bracketWords(threshold)}
        </div>
      ))}
    >
      {words}
    </Tooltip>
  );
};

interface CurtailedListProps {
  readonly points: readonly CurtailedPoint[];
  readonly title: (task: string) => string;
}

/** Curtailed candidates: their verdicts, without value and interval. */
export const CurtailedList = ({ points, title }: CurtailedListProps) => (
  <Section
    label="Stopped early"
    title="Stopped early"
    note="“Start sweep” without “Stop early” continues from the results on disk"
  >
    <DataTable
      caption="Candidates that stopped before they had answered every item"
      rows={points}
      rowKey={pointNameKey}
      columns={shownColumns(pick(curtailedColumns, 'task method seed factor dropped_share verdict'), points, title)}
    />
  </Section>
);

/**
 * Summary of a method on a task: its threshold over all draws, or that of its only draw; while draws are missing, the
 * range of the available ones.
 */
export const thresholdSummary = (
  thresholds: readonly Threshold[],
): { readonly value: string; readonly note: string } | null => {
  const [first] = thresholds;
  if (first === undefined) return null;
  const whole = thresholds.length === 1 ? first : thresholds.find(({ seed }) => seed === null);
  if (whole !== undefined) return { value: thresholdValue(whole), note: bracketWords(whole) };
  const ordered = [...thresholds].sort((left, right) => (left.factor ?? 0) - (right.factor ?? 0));
  const values = [...new Set([ordered[0] ?? first, ordered.at(-1) ?? first].map(thresholdValue))];
  return {
    value: values.join(' \u2026 '),
    note:
      values.length === 1 ? `${bracketWords(first)} (${thresholds.length} draws)` : `${thresholds.length} draws differ`,
  };
};
