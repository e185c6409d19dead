import { useStore } from 'zustand';
import { endText, taskName } from '../../../main/words/cluster.ts';
import { type ClusterTask, type ClusterWork, hasFailed, isActive } from '../../../main/contract/cluster.ts';
import { counted, formatCount, formatDuration } from '../../../main/words/numbers.ts';
import { Button } from '../../components/button.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';
import { clusterDialogStore } from '../../state/dialog-stores.ts';
import './cluster-dialog.css';

/** Plain words for Slurm's state names; others are shown in lower case. */
const words: Readonly<Record<string, string>> = {
  PENDING: 'waiting',
  COMPLETED: 'done',
  NODE_FAIL: 'node failed',
  OUT_OF_MEMORY: 'out of memory',
  UNKNOWN: 'unknown',
};

const stateText = ({ state }: Pick<ClusterTask, 'state'>): string =>
  words[state] ?? state.toLowerCase().replaceAll('_', ' ');

/** "2 of 3 tasks running on node03, 1 waiting (Resources)": the array, or the joining job after it. */
export const workText = ({ tasks, away, request: { host } }: ClusterWork): string => {
  const where = host === null ? 'On the cluster' : `On ${host}`;
  if (away) return `${where}: the controller does not answer; its jobs continue`;
  const workers = tasks.filter(({ task }) => task !== null);
  const running = workers.filter(({ state }) => state === 'RUNNING');
  const waiting = workers.filter(({ state }) => state === 'PENDING');
  const [join] = tasks.filter(({ task }) => task === null);
  if (!workers.some(isActive) && join?.state === 'RUNNING') return `${where}: the joining job collects the results`;
  const nodes = [...new Set(running.flatMap(({ node }) => node ?? []))];
  const reasons = [...new Set(waiting.flatMap(({ reason }) => reason ?? []))];
  const parts = [
    `${formatCount(running.length)} of ${counted(workers.length, 'task')} running` +
      (nodes.length === 0
        ? ''
        : ` on ${nodes.length > 2 ? `${formatCount(nodes.length)} nodes` : nodes.join(' and ')}`),
    ...(waiting.length === 0
      ? []
      : [`${formatCount(waiting.length)} waiting${reasons.length === 0 ? '' : ` (${reasons.join(', ')})`}`]),
  ];
  return `${where}: ${parts.join(', ')}`;
};

/** Tasks of a run's job array: state, node, time, parts, end and log. */
export const ClusterDialog = () => {
  const { run, showRun } = useStore(clusterDialogStore);
  const listed = useQuery('cluster.list', {}).data?.find((work) => work.run === run);
  // Work that succeeded leaves the list; keep showing its last state.
  const work = useLasting(listed, run ?? '');
  if (run === null || work === undefined) return null;
  return (
    <Dialog title="Tasks on the cluster" wide onClose={() => showRun(null)}>
      <Tasks work={work} isListed={listed !== undefined} />
    </Dialog>
  );
};

const columns = [
  { key: 'task', title: 'Task', cell: (task: ClusterTask) => taskName(task) },
  {
    key: 'state',
    title: 'State',
    cell: (task: ClusterTask) => (
      <span className={task.state !== 'UNKNOWN' && hasFailed(task) ? 'cluster-bad' : undefined}>
        {stateText(task)}
        {task.reason !== null && task.state !== 'RUNNING' && <span className="muted"> ({task.reason})</span>}
      </span>
    ),
  },
  { key: 'node', title: 'Node', cell: ({ node }: ClusterTask) => node ?? '–' },
  {
    key: 'elapsed',
    title: 'Elapsed',
    numeric: true,
    cell: ({ elapsedMs }: ClusterTask) => (elapsedMs === null ? '–' : formatDuration(elapsedMs)),
  },
  {
    key: 'parts',
    title: 'Parts done',
    numeric: true,
    cell: ({ parts }: ClusterTask) => (parts === null ? '–' : formatCount(parts)),
  },
  { key: 'end', title: 'End', cell: (task: ClusterTask) => endText(task) ?? '–' },
  {
    key: 'log',
    title: 'Log',
    cell: (task: ClusterTask) =>
      task.log === null ? (
        '–'
      ) : (
        <Button
          look="quiet"
          small
          aria-label={`Show the log of ${taskName(task)}`}
          title={task.log}
          onClick={() => clusterDialogStore.setState({ log: task.task })}
        >
          Show
        </Button>
      ),
  },
];

const Tasks = ({ work, isListed }: { readonly work: ClusterWork; readonly isListed: boolean }) => {
  const { log } = useStore(clusterDialogStore);
  return (
    <div className="dialog-body cluster-tasks">
      {(work.tasks.length > 0 || work.error === null) && (
        <p>
          {isListed ? workText(work) : 'This submission has ended.'}
          {isListed &&
            work.parts.of > 0 &&
            `; ${formatCount(work.parts.done)} of ${formatCount(work.parts.of)} parts of the sweep are done.`}
        </p>
      )}
      {work.error !== null && (
        <Problem
          error={{ message: `${work.error}.`, remedy: 'Finished steps stay on disk: submit again to continue.' }}
        />
      )}
      {work.tasks.length > 0 && (
        <DataTable
          caption="Tasks of the array and the joining job"
          columns={columns}
          rows={work.tasks}
          rowKey={taskName}
        />
      )}
      <p className="muted">
        Array {work.array}, joining job {work.join}; batch script: <code>{work.script}</code>
      </p>
      {log !== undefined && <Log key={String(log)} run={work.run} task={log} />}
    </div>
  );
};

const Log = ({ run, task }: { readonly run: string; readonly task: number | null }) => {
  const { data, error, loading } = useQuery('cluster.log', { run, task });
  return (
    <section aria-label={`Log of ${taskName({ task })}`}>
      <h3>Log of {taskName({ task })}</h3>
      {error !== null && <Problem error={error} />}
      {loading && data === undefined && <p className="muted">Reading the log…</p>}
      {data !== undefined && (
        <>
          <p className="muted">
            {data.isWhole ? '' : 'The end of '}
            <code>{data.path}</code>
          </p>
          <pre className="text-box cluster-log" tabIndex={0}>
            {data.text === '' ? 'Nothing was printed yet.' : data.text}
          </pre>
        </>
      )}
    </section>
  );
};
