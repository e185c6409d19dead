import { useState } from 'react';
import type { JobProgress } from '../../../main/contract/run.ts';
import { useAction } from '../../actions/action.ts';
import { resumeRun, unfinishedRun } from '../../actions/jobs.ts';
import { showDevices } from '../../actions/view.ts';
import { Button, Icon, IconButton } from '../../components/button.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { deviceName, precisionText } from '../../../main/words/devices.ts';
import { formatBytes, formatCount } from '../../../main/words/numbers.ts';
import { formatTimeLeft } from '../../format/format-time.ts';
import { shownRunName } from '../../format/run-names.ts';
import { inTaskTitles } from '../../format/task-titles.ts';
import { runsStore } from '../../state/runs-store.ts';
import { ClusterLine } from './cluster-line.tsx';
import { CancelJob, JobShare } from './job-parts.tsx';
import { WaitingJobs } from './waiting-jobs.tsx';
import './jobs-bar.css';

export const JobsBar = () => {
  const { jobs, runs, tasks } = useFacts();
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
  const unreported = runs.find(({ state }) => state === 'running' || state === 'queued');
  const named = (job: JobProgress): JobProgress => ({
    ...job,
    title: titleOf(job),
    description: inTaskTitles(job.description, tasks),
  });
  return (
    <footer className="jobs-bar" aria-label="Jobs">
      {running === undefined && first === undefined ? (
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
            <Button
              look="quiet"
              className="button-small"
              aria-expanded={expanded}
              onClick={() => setExpanded(!expanded)}
            >
              {expanded ? 'Fewer' : `${more} more`}
            </Button>
          )}
        </>
      )}
    </footer>
  );
};

const JobLine = ({ job }: { readonly job: JobProgress }) => {
  const share = job.total > 0 ? Math.min(1, job.done / job.total) : 0;
  return (
    <div className="job">
      <span className="job-title">{job.title}</span>
      <span className="job-description">{job.description}</span>
      <JobShare
        label={job.title}
        share={share}
        title={
          `${formatCount(job.done)} of ${formatCount(job.total)} ` +
          `steps${job.reused > 0 ? `, ${formatCount(job.reused)} of them reused from disk` : ''}`
        }
      />
      <span className="job-left">{formatTimeLeft(job.leftMs)}</span>
      <IconButton icon="task" label={`Log of ${job.title}`} onClick={() => runsStore.getState().showDetails(job.run)} />
      <CancelJob of={job.title} cancel={(bridge) => bridge.call('jobs.cancel', { run: job.run })} />
    </div>
  );
};

interface IdleProps {
  readonly runningTitle: string | null;
  readonly unfinishedTitle: string | null;
}

const Idle = ({ runningTitle, unfinishedTitle }: IdleProps) => {
  const resume = useAction(resumeRun);
  const devices = useAction(showDevices);
  const engine = useQuery('engine.facts', {}).data;
  return (
    <div className="job job-idle">
      {runningTitle !== null ? (
        <span className="job-description">“{runningTitle}” is running; its progress is not known here.</span>
      ) : unfinishedTitle === null ? (
        <span className="job-description">No job is running.</span>
      ) : (
        <>
          <Icon name="resume" />
          <span className="job-description">
            “{unfinishedTitle}” was left unfinished; its finished steps are on disk.
          </span>
          <Button className="button-small" onClick={resume.perform} disabled={!resume.enabled}>
            Resume
          </Button>
        </>
      )}
      {engine !== undefined && (
        <button
          type="button"
          className="job-engine-button"
          title={`${engine.device.processor}. Show the devices`}
          onClick={devices.perform}
        >
          {deviceName(engine.device)} · {precisionText(engine.device)} · {engine.device.threads}{' '}
          {engine.device.threads === 1 ? 'thread' : 'threads'} · {formatBytes(engine.memory.budgetBytes)} for weights
        </button>
      )}
    </div>
  );
};
