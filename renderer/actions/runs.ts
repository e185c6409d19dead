import type { RunLabelChange, RunManifest } from '../../main/contract/run.ts';
import { callsThatRead } from '../../main/contract/stale-calls.ts';
import type { Engine } from '../engine/engine-context.tsx';
import { isUsable, readFacts } from '../engine/facts.ts';
import { shownRunName } from '../format/run-names.ts';
import { deedsStore } from '../state/history.ts';
import { noticesStore } from '../state/notices-store.ts';
import { runsStore } from '../state/runs-store.ts';
import { selectionStore } from '../state/selection-store.ts';
import type { Action } from './action.ts';
import { openRun } from './open-run.ts';

const relisted = callsThatRead('runs', 'measured', 'trash');

/** Changes a run's label and updates the list at once. */
export const labelRun = async ({ bridge, cache }: Engine, run: string, change: RunLabelChange): Promise<void> => {
  const label = await bridge.call('runs.label', { run, change });
  cache.patch('runs.list', (runs) => runs.map((known) => (known.id === run ? { ...known, label } : known)));
};

/** Adds the sample to the workspace and shows it, with its largest model, which can be pruned furthest. */
export const addSampleSweep = async (engine: Engine): Promise<void> => {
  const { run } = await engine.bridge.call('sample.add', {});
  const sample = (await engine.bridge.call('runs.list', {})).find(({ id }) => id === run);
  if (sample === undefined) return;
  const facts = readFacts(engine);
  openRun(facts, sample);
  const [largest] = facts.models
    .filter(isUsable)
    .filter((model) => sample.models.some(({ fingerprint }) => fingerprint === model.fingerprint))
    .sort((left, right) => right.info.experts - left.info.experts);
  if (largest !== undefined) selectionStore.getState().selectModel(largest.handle);
};

/** Restores those entries that are still in the trash; shows a notice if none is. */
const restoreRuns = async ({ bridge, cache }: Engine, entries: readonly string[], shown: string | null) => {
  const there = (await bridge.call('trash.list', {})).map(({ entry }) => entry);
  const left = entries.filter((entry) => there.includes(entry));
  if (left.length === 0) {
    noticesStore.getState().tell('The runs are no longer in the trash.');
    return;
  }
  try {
    for (const entry of left) await bridge.call('trash.restore', { entry });
  } finally {
    cache.invalidate(relisted);
  }
  if (shown !== null) selectionStore.getState().selectRun(shown);
};

/** Moves runs to the trash and offers to undo it (button of the notice, or Ctrl+Z). */
export const trashRuns = async (engine: Engine, runs: readonly RunManifest[]): Promise<void> => {
  const { bridge, cache } = engine;
  const entries: string[] = [];
  const { run: shown, history } = selectionStore.getState();
  const wasShown = runs.some(({ id }) => id === shown) ? shown : null;
  try {
    for (const { id } of runs) {
      entries.push((await bridge.call('runs.trash', { run: id })).entry);
      if (runsStore.getState().chosen.includes(id)) runsStore.getState().toggleChosen(id);
    }
  } finally {
    cache.invalidate(relisted);
    if (wasShown !== null) selectionStore.getState().selectRun(null);
    if (entries.length > 0) offerUndo(engine, runs, entries, wasShown, history.past.at(-1));
  }
};

const offerUndo = (
  engine: Engine,
  runs: readonly RunManifest[],
  entries: readonly string[],
  wasShown: string | null,
  after: ReturnType<typeof selectionStore.getState>['history']['past'][number] | undefined,
): void => {
  const { tell, dismiss, report } = noticesStore.getState();
  let notice: number | null = null;
  const deed = deedsStore.getState().add(after, async () => {
    await restoreRuns(engine, entries, wasShown);
    if (notice !== null) dismiss(notice);
  });
  const [first] = runs;
  const what =
    entries.length === 1 && first !== undefined
      ? `“${shownRunName(first, readFacts(engine).tasks)}” is`
      : `${entries.length} runs are`;
  notice = tell(`${what} in the trash.`, '', {
    label: 'Undo',
    perform: () => {
      deedsStore
        .getState()
        .undo(deed)
        .catch((error: unknown) => report(error));
    },
  });
};

export const showTrash: Action = {
  id: 'show-trash',
  label: 'Trash of runs…',
  keywords: ['deleted', 'removed', 'restore', 'undo', 'empty'],
  menu: 'view',
  perform: () => runsStore.setState({ trashOpen: true }),
};
