import { useState } from 'react';
import { useStore } from 'zustand';
import type { TrashedRun } from '../../../main/contract/run.ts';
import { counted, formatBytes } from '../../../main/words/numbers.ts';
import { callsThatRead } from '../../../main/contract/stale-calls.ts';
import { Button, RequestButton } from '../../components/button.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { formatWhen } from '../../format/format-time.ts';
import { inTaskTitles } from '../../../main/words/task-titles.ts';
import { runsStore } from '../../state/runs-store.ts';

const relisted = callsThatRead('runs', 'measured', 'trash');

/** Lists the runs in the trash, to restore them or delete them for good. */
export const TrashDialog = () => {
  const open = useStore(runsStore, (state) => state.trashOpen);
  return open ? (
    <Dialog title="Trash of runs" onClose={() => runsStore.setState({ trashOpen: false })}>
      <Trash />
    </Dialog>
  ) : null;
};

const Trash = () => {
  const trash = useQuery('trash.list', {});
  if (trash.error !== null) return <Problem error={trash.error} />;
  if (trash.data === undefined) return <p className="muted dialog-reading">Reading the trash…</p>;
  if (trash.data.length === 0) return <p className="muted dialog-reading">The trash is empty.</p>;
  return (
    <>
      <ul className="trash-list" aria-label="Runs in the trash">
        {trash.data.map((trashed) => (
          <TrashRow key={trashed.entry} trashed={trashed} />
        ))}
      </ul>
      <EmptyTrash trash={trash.data} />
    </>
  );
};

const TrashRow = ({
  trashed: { entry, kind, run, trashedAt, sizeBytes, ...trashed },
}: {
  readonly trashed: TrashedRun;
}) => {
  const name = inTaskTitles(trashed.name, useQuery('tasks.list', {}).data ?? []);
  return (
    <li>
      <span className="row-text" title={run}>
        <span className="row-title ellipsis">{name}</span>
        <span className="row-note ellipsis">
          {kind} · {formatBytes(sizeBytes)} · moved here {formatWhen(trashedAt, new Date())}
        </span>
      </span>
      <RequestButton
        small
        icon="undo"
        aria-label={`Restore ${name}`}
        ask={async ({ bridge, cache }) => {
          await bridge.call('trash.restore', { entry });
          cache.invalidate(relisted);
        }}
      >
        Restore
      </RequestButton>
    </li>
  );
};

const EmptyTrash = ({ trash }: { readonly trash: readonly TrashedRun[] }) => {
  const [asks, setAsks] = useState(false);
  const runs = counted(trash.length, 'run');
  const size = formatBytes(trash.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  if (!asks)
    return (
      <footer className="dialog-foot">
        <span className="muted">
          {runs}, {size}
        </span>
        <Button onClick={() => setAsks(true)}>Empty the trash…</Button>
      </footer>
    );
  return (
    <footer className="dialog-foot">
      <span className="muted" role="alert">
        Delete {runs} for good? This cannot be undone.
      </span>
      <Button onClick={() => setAsks(false)}>Cancel</Button>
      <RequestButton
        look="primary"
        ask={async ({ bridge, cache }) => {
          await bridge.call('trash.empty', {});
          cache.invalidate(relisted);
        }}
      >
        Delete {runs}
      </RequestButton>
    </footer>
  );
};
