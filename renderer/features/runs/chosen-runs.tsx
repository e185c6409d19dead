import { useStore } from 'zustand';
import type { RunManifest } from '../../../main/contract/run.ts';
import { isAtRest, labelRun, trashRuns } from '../../actions/runs.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { runsStore } from '../../state/runs-store.ts';

/** What can be done with the runs that were picked out. */
export const ChosenRuns = ({ runs }: { readonly runs: readonly RunManifest[] }) => {
  const { chosen, clearChosen } = useStore(runsStore);
  const { busy, start } = useRequest();
  const picked = chosen.flatMap((id) => runs.find((run) => run.id === id) ?? []);
  return (
    <div className="runs-chosen" role="group" aria-label="Chosen runs">
      <span className="runs-chosen-count">{picked.length} chosen</span>
      <Button
        className="button-small"
        disabled={busy || picked.some(({ damaged }) => damaged !== undefined)}
        onClick={() =>
          start(async (engine) => {
            for (const { id } of picked) await labelRun(engine, id, { archived: true });
            clearChosen();
          })
        }
      >
        Archive
      </Button>
      <IconButton
        icon="trash"
        label="Move the chosen runs to the trash"
        disabled={busy || !picked.every(isAtRest)}
        onClick={() => start((engine) => trashRuns(engine, picked))}
      />
      <IconButton icon="close" label="Choose none" onClick={clearChosen} />
    </div>
  );
};
