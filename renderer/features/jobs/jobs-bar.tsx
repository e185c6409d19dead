import { type ComponentProps, useRef, useState } from 'react';
import type { JobProgress } from '../../../main/contract/run.ts';
import { useAction } from '../../actions/action.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { resumeRun, unfinishedRun } from '../../actions/jobs.ts';
import { leaveRemote } from '../../actions/remote.ts';
import { showDevices } from '../../actions/view.ts';
import { Button, Icon, IconButton, RequestButton } from '../../components/button.tsx';
import { OtherReadings } from '../../components/reading.tsx';
import { useEngine, useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { deviceName, precisionText } from '../../../main/words/devices.ts';
import { counted, formatBytes, formatCount } from '../../../main/words/numbers.ts';
import { formatTimeLeft } from '../../format/format-time.ts';
import { isAtRest, shownRunName } from '../../format/run-names.ts';
import { inTaskTitles } from '../../../main/words/task-titles.ts';
import { runsStore } from '../../state/runs-store.ts';
import './jobs-bar.css';
import { failureText } from '../../../main/words/cluster.ts';
import type { ClusterWork } from '../../../main/contract/cluster.ts';
import { clusterDialogStore } from '../../state/dialog-stores.ts';
import { workText } from './cluster-dialog.tsx';

export const JobsBar = () => {
  const { connected, jobs, runs, tasks } = useFacts();
  const [expanded, setExpanded] = useState(false);
  const submitted = useQuery('cluster.list', {}).data ?? [];
  const titleOf = ({ run, title }: { readonly run: string; readonly title: string }): string =>
    shownRunName({ title, label: runs.find(({ id }) => id === run)?.label }, tasks);
  const works = submitted.map((work) => ({ ...work, title: titleOf(work) }));
  const [running, ...waiting] = jobs;
  const [first, ...rest] = works;
  const others = running === undefined ? rest : works;
  const more = waiting.length + others.length;
  const unfinished = unfinishedRun(runs);
  // A run that starts is in the list before its job reports, and another process may compute one.
  const unreported = runs.find((run) => !isAtRest(run));
  const named = (job: JobProgress): JobProgress => ({
    ...job,
    title: titleOf(job),
    description: inTaskTitles(job.description, tasks),
  });
  return (
    <footer className="jobs-bar" aria-label="Jobs">
      <RemotePlace />
      {!connected ? (
        <div className="job job-idle">
          <span className="muted job-description ellipsis">
            The engine is not connected: its jobs have stopped, and can be resumed once it is back.
          </span>
        </div>
      ) : running === undefined && first === undefined ? (
        <Idle
          runningTitle={unreported === undefined ? null : shownRunName(unreported, tasks)}
          unfinishedTitle={unfinished === null ? null : shownRunName(unfinished, tasks)}
        />
      ) : (
        <>
          {running === undefined ? (
            first !== undefined && <ClusterLine work={first} />
          ) : (
            <JobLine job={named(running)} />
          )}
          {expanded && waiting.length > 0 && <WaitingJobs jobs={waiting.map(named)} />}
          {expanded && others.map((each) => <ClusterLine key={each.run} work={each} />)}
          {more > 0 && (
            <Button look="quiet" small aria-expanded={expanded} onClick={() => setExpanded(!expanded)}>
              {expanded ? 'Fewer' : `${more} more`}
            </Button>
          )}
        </>
      )}
      <OtherReadings />
    </footer>
  );
};

/** The other machine whose engine the window uses, and the way back; nothing on this machine's own. */
const RemotePlace = () => {
  const host = useEngine().bridge.shell?.remote.host ?? null;
  return host === null ? null : (
    <span className="job-remote">
      <span className="ellipsis" title="Its engine and its runs go on when the window leaves">
        On {host}
      </span>
      <ActionButton action={leaveRemote} small>
        Leave
      </ActionButton>
    </span>
  );
};

/** Downloads and uploads count bytes. */
const isTransfer = ({ kind }: JobProgress): boolean => kind === 'download' || kind === 'push';
const countOf = (job: JobProgress): ((count: number) => string) => (isTransfer(job) ? formatBytes : formatCount);

const JobLine = ({ job }: { readonly job: JobProgress }) => {
  const share = job.total > 0 ? Math.min(1, job.done / job.total) : 0;
  return (
    <div className="job">
      <span className="job-title ellipsis">{job.title}</span>
      <span className="muted job-description ellipsis">{job.description}</span>
      <JobShare
        label={job.title}
        share={share}
        title={
          `${countOf(job)(job.done)} of ${countOf(job)(job.total)}` +
          (isTransfer(job) ? '' : ' steps') +
          (job.reused > 0 ? `, ${formatCount(job.reused)} of them reused from disk` : '')
        }
      />
      <span className="job-left">{formatTimeLeft(job.leftMs)}</span>
      <IconButton icon="task" label={`Log of ${job.title}`} onClick={() => runsStore.setState({ details: job.run })} />
      <CancelJob of={job.title} ask={({ bridge }) => bridge.call('jobs.cancel', { run: job.run })} />
    </div>
  );
};

interface IdleProps {
  readonly runningTitle: string | null;
  readonly unfinishedTitle: string | null;
}

const Idle = ({ runningTitle, unfinishedTitle }: IdleProps) => {
  const devices = useAction(showDevices);
  const engine = useQuery('engine.facts', {}).data;
  // The desktop window's own engine is on the same machine; another one, or that of a page, may be anywhere.
  const { host, shell } = useEngine().bridge;
  const isServed = host === 'browser' || (shell?.remote.host ?? null) !== null;
  return (
    <div className="job job-idle">
      {runningTitle !== null ? (
        <span className="muted job-description ellipsis">
          “{runningTitle}” is running; its progress is not known here.
        </span>
      ) : unfinishedTitle === null ? (
        <span className="muted job-description ellipsis">No job is running.</span>
      ) : (
        <>
          <Icon name="resume" />
          <span className="muted job-description ellipsis">
            “{unfinishedTitle}” was left unfinished; its finished steps are on disk.
          </span>
          <ActionButton action={resumeRun} small>
            Resume
          </ActionButton>
        </>
      )}
      {engine !== undefined && (
        <button
          type="button"
          className="job-engine-button"
          title={`${engine.device.processor}. Show the devices`}
          onClick={devices.perform}
        >
          {isServed && `${engine.machine} · `}
          {deviceName(engine.device)} · {precisionText(engine.device)} · {counted(engine.device.threads, 'thread')} ·{' '}
          {formatBytes(engine.memory.budgetBytes)} for weights
        </button>
      )}
    </div>
  );
};

/** The order of waiting jobs after one took the position of another. */
export const moved = (order: readonly string[], run: string, target: string): readonly string[] =>
  order.filter((known) => known !== run).toSpliced(order.indexOf(target), 0, run);

/** Waiting jobs in the order of their turns; reorder by dragging, or with arrow keys on the handles. */
const WaitingJobs = ({ jobs }: { readonly jobs: readonly JobProgress[] }) => {
  const { busy, start } = useRequest();
  const [dragged, setDragged] = useState<string | null>(null);
  const [over, setOver] = useState<string | null>(null);
  /** Moves that are under way, and the order that they lead to: the next one starts from there. */
  const ahead = useRef<{ moves: number; order: readonly string[] }>({ moves: 0, order: [] });
  const move = (run: string, targetIn: (order: readonly string[]) => string | undefined): void => {
    const { current } = ahead;
    const order = current.moves > 0 ? current.order : jobs.map((job) => job.run);
    const target = targetIn(order);
    if (target === undefined || target === run) return;
    current.order = moved(order, run, target);
    current.moves += 1;
    const before = current.order[current.order.indexOf(run) + 1] ?? null;
    start(async ({ bridge, cache }) => {
      try {
        await bridge.call('jobs.move', { run, before });
        await cache.fetch('jobs.list', {});
      } finally {
        current.moves -= 1;
      }
    });
  };
  return (
    <ol className="rows waiting-jobs" aria-label="Waiting jobs">
      {jobs.map((job) => (
        <li
          key={job.run}
          className={`job job-waiting${over === job.run && dragged !== job.run ? ' job-over' : ''}`}
          draggable={!busy}
          onDragStart={(event) => {
            event.dataTransfer.effectAllowed = 'move';
            event.dataTransfer.setData('text/plain', job.title);
            setDragged(job.run);
          }}
          onDragOver={(event) => {
            if (dragged === null) return;
            event.preventDefault();
            setOver(job.run);
          }}
          onDrop={(event) => {
            event.preventDefault();
            if (dragged !== null) move(dragged, () => job.run);
          }}
          onDragEnd={() => {
            setDragged(null);
            setOver(null);
          }}
        >
          <IconButton
            icon="handle"
            label={`Move ${job.title}: arrow keys, or drag`}
            onKeyDown={(event) => {
              const step = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0;
              if (step === 0 || event.altKey) return;
              event.preventDefault();
              move(job.run, (order) => order[order.indexOf(job.run) + step]);
            }}
          />
          <span className="job-title ellipsis">{job.title}</span>
          <span className="muted job-description ellipsis">{job.description}</span>
          <CancelJob
            className="job-cancel"
            of={job.title}
            ask={({ bridge }) => bridge.call('jobs.cancel', { run: job.run })}
          />
        </li>
      ))}
    </ol>
  );
};

/** Progress of a run on a cluster: the number of finished parts, with the tasks on request. */
const ClusterLine = ({ work }: { readonly work: ClusterWork }) => {
  const { run, title, parts, state, request } = work;
  const isStuck = state === 'unfollowed' || state === 'failed';
  return (
    <div className="job" role="group" aria-label={`${title} on the cluster`}>
      {isStuck && <Icon name="warning" />}
      <span className="job-title ellipsis">{title}</span>
      {isStuck ? (
        <span
          className={`${state === 'failed' ? 'job-failed' : 'muted'} job-description ellipsis`}
          title={state === 'failed' ? failureText(work) : (work.error ?? undefined)}
        >
          {work.error}
        </span>
      ) : (
        <>
          <span className="muted job-description ellipsis">{workText(work)}</span>
          <JobShare
            label={`${title} on the cluster`}
            share={parts.of > 0 ? parts.done / parts.of : 0}
            title={`${formatCount(parts.done)} of ${formatCount(parts.of)} parts of the sweep are done`}
          />
        </>
      )}
      {state !== 'unfollowed' && (
        <Button
          small
          aria-label={`Tasks of ${title} on the cluster`}
          onClick={() => clusterDialogStore.getState().showRun(run)}
        >
          Tasks
        </Button>
      )}
      {state === 'failed' && (
        <RequestButton small icon="resume" ask={({ bridge }) => bridge.call('cluster.submit', { run, request })}>
          Submit again
        </RequestButton>
      )}
      {isStuck ? (
        <RequestButton look="quiet" small ask={({ bridge }) => bridge.call('cluster.forget', { run })}>
          Dismiss
        </RequestButton>
      ) : (
        <CancelJob of={`${title} on the cluster`} ask={({ bridge }) => bridge.call('cluster.cancel', { run })} />
      )}
    </div>
  );
};

/** Progress of a job as a bar and in per cent: `share` from 0 to 1; `title` gives the numbers. */
const JobShare = ({
  label,
  share,
  title,
}: {
  readonly label: string;
  readonly share: number;
  readonly title: string;
}) => {
  const percent = Math.floor(share * 100);
  return (
    <>
      <div
        className="progress"
        role="progressbar"
        aria-label={label}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        title={title}
      >
        <div style={{ transform: `scaleX(${share})` }} />
      </div>
      <span className="job-percent">{percent}&#8201;%</span>
    </>
  );
};

/** Cancels a job; `of` names the job for screen readers. */
const CancelJob = ({ of, ...rest }: { readonly of: string } & ComponentProps<typeof RequestButton>) => (
  <RequestButton {...rest} small icon="stop" aria-label={`Cancel ${of}`}>
    Cancel
  </RequestButton>
);
