import type { RunKind, RunManifest, RunState } from '../../../main/contract/run.ts';
import { isResumable } from '../../actions/jobs.ts';
import { openRun } from '../../actions/open-run.ts';
import { isReproducible, startReproduction } from '../../actions/sweep.ts';
import { Icon, IconButton } from '../../components/button.tsx';
import type { IconName } from '../../components/button.tsx';
import { Panel } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { listsRuns } from '../../engine/apply-event.ts';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatWhen } from '../../format/format-time.ts';
import { runDeviceText } from '../../format/record-words.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { shownSweep } from '../../sweep/shown-sweep.ts';

const icons: Readonly<Record<RunKind, IconName>> = {
  profile: 'table',
  sweep: 'chart',
  export: 'save',
  verify: 'check',
  reproduce: 'resume',
  finetune: 'model',
  experiment: 'table',
  damage: 'chart',
};
const stateWords: Readonly<Record<RunState, string>> = {
  queued: 'waiting',
  running: 'running',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  interrupted: 'interrupted',
};

export const RunsPanel = () => {
  const runs = useQuery('runs.list', {});
  const ordered = [...(runs.data ?? [])].sort((left, right) => right.createdAt.localeCompare(left.createdAt));
  return (
    <Panel title="Runs" count={runs.data === undefined ? '' : String(runs.data.length)} grows>
      {runs.error !== null && <Problem error={runs.error} />}
      {runs.data?.length === 0 && <p className="panel-empty">Profiles, sweeps and exports will be listed here.</p>}
      <ul className="rows rows-many" aria-label="Runs">
        {ordered.map((run) => (
          <RunRow key={run.id} run={run} />
        ))}
      </ul>
    </Panel>
  );
};

const RunRow = ({ run }: { readonly run: RunManifest }) => {
  const facts = useFacts();
  const isShown = run.kind === 'sweep' && shownSweep(facts)?.id === run.id;
  const { busy, start } = useRequest();
  const active = run.state === 'running' || run.state === 'queued';
  return (
    <li className="row" aria-current={isShown ? 'true' : undefined}>
      <button
        type="button"
        className="row-main"
        title={run.damaged ?? run.error ?? `${run.commandLine}\n${runDeviceText(run.device)}`}
        disabled={run.damaged !== undefined}
        onClick={() => openRun(facts, run)}
      >
        <Icon name={icons[run.kind]} />
        <span className="row-text">
          <span className="row-title">{run.title}</span>
          <span className={`row-note run-${run.state}`}>
            {run.damaged !== undefined ? 'damaged · ' : run.state === 'done' ? '' : `${stateWords[run.state]} · `}
            {formatWhen(run.finishedAt ?? run.createdAt, new Date())}
          </span>
        </span>
      </button>
      <div className="row-tools">
        {active && (
          <IconButton
            icon="stop"
            label={`Cancel ${run.title}`}
            disabled={busy}
            onClick={() => start(({ bridge }) => bridge.call('jobs.cancel', { run: run.id }))}
          />
        )}
        {run.damaged === undefined && isResumable(run) && (
          <IconButton
            icon="resume"
            label={`Resume ${run.title}`}
            disabled={busy}
            onClick={() =>
              start(async ({ bridge, cache }) => {
                await bridge.call('jobs.resume', { run: run.id });
                cache.invalidate(listsRuns);
              })
            }
          />
        )}
        {run.damaged === undefined && isReproducible(run) && (
          <IconButton
            icon="resume"
            label={`Reproduce ${run.title}: run it again and compare every number`}
            disabled={busy}
            onClick={() => start((engine) => startReproduction(engine, run.id))}
          />
        )}
        {run.damaged !== undefined && (
          <IconButton
            icon="trash"
            label={`Move ${run.title} to the workspace's trash: ${run.damaged}`}
            disabled={busy}
            onClick={() =>
              start(async ({ bridge, cache }) => {
                await bridge.call('runs.trash', { run: run.id });
                cache.invalidate((name) => name === 'runs.list');
              })
            }
          />
        )}
        {run.damaged === undefined && !active && (
          <IconButton
            icon="trash"
            label={`Remove ${run.title} from disk`}
            disabled={busy}
            onClick={() =>
              start(async ({ bridge, cache }) => {
                await bridge.call('runs.remove', { run: run.id });
                cache.invalidate((name) => name === 'runs.list');
                if (selectionStore.getState().run === run.id) selectionStore.getState().selectRun(null);
              })
            }
          />
        )}
      </div>
    </li>
  );
};
