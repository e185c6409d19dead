import { failureText } from '../../../main/words/cluster.ts';
import type { ClusterWork } from '../../../main/contract/cluster.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { Button, Icon } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { clusterDialogStore } from '../../state/dialog-stores.ts';
import { workText } from './cluster-words.ts';
import { CancelJob, JobShare } from './job-parts.tsx';

/** Progress of a run on a cluster: the number of finished parts, with the tasks on request. */
export const ClusterLine = ({ work }: { readonly work: ClusterWork }) => {
  const { run, title, parts, state, request } = work;
  const { busy, start } = useRequest();
  const tasks = (
    <Button
      className="button-small"
      aria-label={`Tasks of ${title} on the cluster`}
      onClick={() => clusterDialogStore.getState().showRun(run)}
    >
      Tasks
    </Button>
  );
  const dismiss = (
    <Button
      look="quiet"
      className="button-small"
      disabled={busy}
      onClick={() => start(({ bridge }) => bridge.call('cluster.forget', { run }))}
    >
      Dismiss
    </Button>
  );
  if (state === 'unfollowed')
    return (
      <div className="job" role="group" aria-label={`${title} on the cluster`}>
        <Icon name="warning" />
        <span className="job-title">{title}</span>
        <span className="job-description" title={work.error ?? undefined}>
          {work.error}
        </span>
        {dismiss}
      </div>
    );
  if (state === 'failed')
    return (
      <div className="job" role="group" aria-label={`${title} on the cluster`}>
        <Icon name="warning" />
        <span className="job-title">{title}</span>
        <span className="job-description job-failed" title={failureText(work)}>
          {work.error}
        </span>
        {tasks}
        <Button
          className="button-small"
          icon="resume"
          disabled={busy}
          onClick={() => start(({ bridge }) => bridge.call('cluster.submit', { run, request }))}
        >
          Submit again
        </Button>
        {dismiss}
      </div>
    );
  return (
    <div className="job" role="group" aria-label={`${title} on the cluster`}>
      <span className="job-title">{title}</span>
      <span className="job-description">{workText(work)}</span>
      <JobShare
        label={`${title} on the cluster`}
        share={parts.of > 0 ? parts.done / parts.of : 0}
        title={`${formatCount(parts.done)} of ${formatCount(parts.of)} parts of the sweep are done`}
      />
      {tasks}
      <CancelJob of={`${title} on the cluster`} cancel={(bridge) => bridge.call('cluster.cancel', { run })} />
    </div>
  );
};
