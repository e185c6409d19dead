import { failureText } from '../../../main/contract/cluster-text.ts';
import type { ClusterWork } from '../../../main/contract/cluster.ts';
import { formatCount } from '../../../main/figures/numbers.ts';
import { Button, Icon } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { clusterDialogStore } from '../../state/dialog-stores.ts';
import { workText } from './cluster-words.ts';

/** What a cluster does for a run: how many of its parts are done, and what each task does on demand. */
export const ClusterLine = ({ work }: { readonly work: ClusterWork }) => {
  const { run, title, parts, state, request } = work;
  const { busy, start } = useRequest();
  const share = parts.of > 0 ? parts.done / parts.of : 0;
  const percent = Math.floor(share * 100);
  const tasks = (
    <Button
      className="button-small"
      aria-label={`Tasks of ${title} on the cluster`}
      onClick={() => clusterDialogStore.getState().showRun(run)}
    >
      Tasks
    </Button>
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
        <Button
          look="quiet"
          className="button-small"
          disabled={busy}
          onClick={() => start(({ bridge }) => bridge.call('cluster.forget', { run }))}
        >
          Dismiss
        </Button>
      </div>
    );
  return (
    <div className="job" role="group" aria-label={`${title} on the cluster`}>
      <span className="job-title">{title}</span>
      <span className="job-description">{workText(work)}</span>
      <div
        className="progress"
        role="progressbar"
        aria-label={`${title} on the cluster`}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        title={`${formatCount(parts.done)} of ${formatCount(parts.of)} parts of the sweep are done`}
      >
        <div style={{ transform: `scaleX(${share})` }} />
      </div>
      <span className="job-percent">{percent}&#8201;%</span>
      {tasks}
      <Button
        className="button-small"
        icon="stop"
        disabled={busy}
        aria-label={`Cancel ${title} on the cluster`}
        onClick={() => start(({ bridge }) => bridge.call('cluster.cancel', { run }))}
      >
        Cancel
      </Button>
    </div>
  );
};
