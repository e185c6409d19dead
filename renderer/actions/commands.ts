import type { SweepResult } from '../../main/contract/sweep.ts';
import type { RunManifest } from '../../main/contract/run.ts';
import { tsvText } from '../../main/figures/table-rows.ts';
import { copyText } from '../components/copy-text.ts';
import type { MenuItem } from '../components/row-menu.tsx';
import type { Engine } from '../engine/engine-context.tsx';
import { readFacts } from '../engine/facts.ts';
import { performWork } from '../engine/waits.ts';
import { isAtRest, shownRunName } from '../format/run-names.ts';
import { outcomesStore } from '../state/dialog-stores.ts';
import { exportStore } from '../state/model-forms.ts';
import { noticesStore } from '../state/notices-store.ts';
import { runsStore } from '../state/runs-store.ts';
import { showPoint } from '../sweep/brought.ts';
import { pointTitle } from '../../main/figures/point-words.ts';
import { pointKey } from '../state/selection.ts';
import { remoteStore } from '../state/remote-store.ts';
import { openRun } from './open-run.ts';
import { fetchRun } from './remote.ts';
import { labelRun, trashRuns } from './runs.ts';
import { isReproducible, startReproduction } from './sweep.ts';

// Commands of what lies under the pointer, for the menus of rows and the right click.

/** A command whose long wait is shown at the button of its menu. */
const performs =
  (engine: Engine, work: (engine: Engine) => Promise<unknown>): MenuItem['onChoose'] =>
  (place) =>
    void performWork(engine, place, work).catch(noticesStore.getState().report);

/** Commands of a run in a list; `isBusy`: one of them is under way. */
export const runCommands = (engine: Engine, run: RunManifest, isBusy = false): readonly MenuItem[] => {
  const { toggleChosen } = runsStore.getState();
  const isArchived = run.label?.archived === true;
  const isReadable = run.damaged === undefined;
  return [
    { label: 'Open', disabled: !isReadable, onChoose: () => openRun(readFacts(engine), run) },
    { label: 'Rename…', disabled: !isReadable, onChoose: () => runsStore.setState({ renaming: run.id }) },
    { label: 'Note, tags, details…', disabled: !isReadable, onChoose: () => runsStore.setState({ details: run.id }) },
    { label: 'Choose, to compare', disabled: !isReadable, onChoose: () => toggleChosen(run.id) },
    {
      label: 'Copy the name of its folder',
      onChoose: performs(engine, () => copyText('The name', run.id, shownRunName(run, readFacts(engine).tasks))),
    },
    ...(remoteStore.getState().host === null
      ? []
      : [
          {
            label: 'Fetch to this machine…',
            disabled: run.state !== 'done',
            onChoose: performs(engine, (asking) => fetchRun(asking, run.id)),
          },
        ]),
    {
      label: 'Reproduce: run again, compare',
      disabled: isBusy || !isReadable || !isReproducible(run),
      onChoose: performs(engine, (asking) => startReproduction(asking, run.id)),
    },
    {
      label: isArchived ? 'Take out of the archive' : 'Archive',
      disabled: isBusy || !isReadable,
      onChoose: performs(engine, (asking) => labelRun(asking, run.id, { archived: !isArchived })),
    },
    {
      label: 'Move to the trash',
      disabled: isBusy || !isAtRest(run),
      onChoose: performs(engine, (asking) => trashRuns(asking, [run])),
    },
  ];
};

/** Commands of a measured point; `lines`: what its tip says. */
export const pointCommands = (
  engine: Engine,
  run: string,
  result: SweepResult,
  lines: readonly string[],
): readonly MenuItem[] => {
  const key = pointKey(run, result);
  const isPruned = result.factor > 1;
  return [
    { label: 'Show its numbers', onChoose: () => showPoint(readFacts(engine), key) },
    {
      label: 'Lost and gained items…',
      disabled: !isPruned || result.metric === 'perplexity',
      onChoose: () => outcomesStore.getState().show(key),
    },
    {
      label: 'Export its plan…',
      disabled: !isPruned,
      onChoose: () => exportStore.getState().choosePoint(key),
    },
    {
      label: 'Copy its numbers',
      onChoose: performs(engine, () =>
        copyText('The point', tsvText([[pointTitle(result), ...lines]]), pointTitle(result)),
      ),
    },
  ];
};
