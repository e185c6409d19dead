import { useStore } from 'zustand';
import { MOST_SWEEPS } from '../../../main/contract/compare-sweeps.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { isAtRest, labelRun, trashRuns } from '../../actions/runs.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { useRequest } from '../../engine/engine-context.tsx';
import { runsStore } from '../../state/runs-store.ts';

/** Actions on the chosen runs. */
export const ChosenRuns = ({ runs }: { readonly runs: readonly RunManifest[] }) => {
  const { chosen, clearChosen } = useStore(runsStore);
  const { busy, start } = useRequest();
  const picked = chosen.flatMap((id) => runs.find((run) => run.id === id) ?? []);
  const canCompare =
    picked.length >= 2 &&
    picked.length <= MOST_SWEEPS &&
    picked.every(({ kind, damaged }) => kind === 'sweep' && damaged === undefined);
  return (
    <div className="runs-chosen" role="group" aria-label="Chosen runs">
      <span className="runs-chosen-count">{picked.length} chosen</span>
      <Button
        className="button-small"
        title={canCompare ? 'Compare with the oldest of them' : 'Choose two to six sweeps to compare'}
        disabled={!canCompare}
        onClick={() =>
          runsStore
            .getState()
            .compare(
              [...picked].sort((left, right) => left.createdAt.localeCompare(right.createdAt)).map(({ id }) => id),
            )
        }
      >
        Compare
      </Button>
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
      <IconButton icon="close" label="Clear the choice" onClick={clearChosen} />
    </div>
  );
};
