import { useDeferredValue, useMemo } from 'react';
import { useStore } from 'zustand';
import { filterRuns, type RunManifest, type RunOrder, runOrders, sortRuns } from '../../../main/contract/run.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Panel } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { WindowedList } from '../../components/windowed-list.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { isAtRest, shownRunName, shownRunText } from '../../format/run-names.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { runsStore } from '../../state/runs-store.ts';
import { shownSweep } from '../../sweep/shown-sweep.ts';
import { RunRow } from './run-row.tsx';
import './runs.css';
import { MOST_SWEEPS } from '../../../main/contract/compare.ts';
import { labelRun, trashRuns } from '../../actions/runs.ts';
import { Checkbox } from '../../components/choices.tsx';

const ROW_PX = 44;

const orderNames: Readonly<Record<RunOrder, string>> = {
  newest: 'Newest',
  name: 'Name',
  kind: 'Kind',
  duration: 'Longest',
};

/** Arrow keys move between rows. */
const walkRows = (event: React.KeyboardEvent<HTMLUListElement>): void => {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step === 0 || !(event.target instanceof HTMLElement) || !event.target.classList.contains('row-main')) return;
  const row = event.target.closest('li');
  const next = step > 0 ? row?.nextElementSibling : row?.previousElementSibling;
  const main = next?.querySelector('.row-main');
  if (!(main instanceof HTMLElement)) return;
  event.preventDefault();
  main.focus();
};

/** Says what will be listed, and why there is no sample. */
const NoRuns = () => {
  const sampleProblem = useQuery('engine.facts', {}).data?.sampleProblem ?? null;
  return (
    <div className="panel-empty">
      <p>Profiles, sweeps and exports will be listed here.</p>
      {sampleProblem !== null && <Problem error={sampleProblem} />}
    </div>
  );
};

export const RunsPanel = () => {
  const share = useStore(layoutStore, ({ listShares }) => listShares.runs);
  const runs = useQuery('runs.list', {});
  const facts = useFacts();
  const shown = shownSweep(facts)?.id ?? null;
  const { text, order, archived, chosen, renaming } = useStore(runsStore);
  const sought = useDeferredValue(text);
  const listed = useMemo(() => {
    const nameOf = (run: RunManifest): string => shownRunName(run, facts.tasks);
    const saidOf = (run: RunManifest): string => shownRunText(run, facts.tasks);
    return sortRuns(filterRuns(runs.data ?? [], { text: sought, tags: [], archived }, saidOf), order, nameOf);
  }, [runs.data, facts.tasks, sought, archived, order]);
  const total = runs.data?.length ?? 0;
  const archivedCount = useMemo(
    () => (runs.data ?? []).filter(({ label }) => label?.archived === true).length,
    [runs.data],
  );
  const count = listed.length === total ? formatCount(total) : `${formatCount(listed.length)} of ${formatCount(total)}`;
  return (
    <Panel
      title="Runs"
      count={runs.data === undefined ? '' : count}
      share={share}
      tools={<IconButton icon="trash" label="Trash of runs" onClick={() => runsStore.setState({ trashOpen: true })} />}
    >
      {runs.error !== null && <Problem error={runs.error} />}
      {total === 0 && runs.error === null && <NoRuns />}
      {total > 0 && (
        <div className="runs-tools">
          <input
            className="input"
            type="search"
            aria-label="Filter runs"
            placeholder="Filter, #tag"
            value={text}
            onChange={(event) => runsStore.setState({ text: event.target.value })}
          />
          <select
            aria-label="Order of runs"
            value={order}
            onChange={({ target }) =>
              runsStore.setState({ order: runOrders.find((known) => known === target.value) ?? 'newest' })
            }
          >
            {runOrders.map((known) => (
              <option key={known} value={known}>
                {orderNames[known]}
              </option>
            ))}
          </select>
          {archivedCount > 0 && (
            <Checkbox checked={archived} onChange={(isShown) => runsStore.setState({ archived: isShown })}>
              Archived ({formatCount(archivedCount)})
            </Checkbox>
          )}
        </div>
      )}
      {chosen.length > 0 && <ChosenRuns runs={runs.data ?? []} />}
      {total > 0 && listed.length === 0 && <p className="panel-empty">No run matches.</p>}
      <WindowedList label="Runs" items={listed} rowHeight={ROW_PX} keyOf={(run) => run.id} onKeyDown={walkRows}>
        {(run, position) => (
          <RunRow
            run={run}
            name={shownRunName(run, facts.tasks)}
            position={position}
            isShown={run.kind === 'sweep' && run.id === shown}
            isChosen={chosen.includes(run.id)}
            isChoosing={chosen.length > 0}
            isRenaming={renaming === run.id}
          />
        )}
      </WindowedList>
    </Panel>
  );
};

const ChosenRuns = ({ runs }: { readonly runs: readonly RunManifest[] }) => {
  const chosen = useStore(runsStore, (state) => state.chosen);
  const clearChosen = (): void => runsStore.setState({ chosen: [] });
  const { busy, start } = useRequest();
  const picked = chosen.flatMap((id) => runs.find((run) => run.id === id) ?? []);
  const canCompare =
    picked.length >= 2 &&
    picked.length <= MOST_SWEEPS &&
    picked.every(({ kind, damaged }) => kind === 'sweep' && damaged === undefined);
  return (
    <div className="runs-chosen" role="group" aria-label="Chosen runs">
      <span className="small runs-chosen-count">{picked.length} chosen</span>
      <Button
        small
        title={canCompare ? 'Compare with the oldest of them' : 'Choose two to six sweeps to compare'}
        disabled={!canCompare}
        onClick={() => {
          const oldestFirst = [...picked].sort((left, right) => left.createdAt.localeCompare(right.createdAt));
          runsStore.setState({ compared: oldestFirst.map(({ id }) => id) });
        }}
      >
        Compare
      </Button>
      <Button
        small
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
