import { useStore } from 'zustand';
import { lacksCalibration, type TaskEntry } from '../../../main/contract/task.ts';
import { useAction } from '../../actions/action.ts';
import { openTask, takesCalibration } from '../../actions/open.ts';
import { Button, Icon, IconButton } from '../../components/button.tsx';
import { openContextMenu } from '../../components/context-menu.tsx';
import { Definition } from '../../components/definition.tsx';
import { Panel } from '../../components/panel.tsx';
import type { MenuItem } from '../../components/row-menu.tsx';
import { Problem } from '../../components/problem.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { useInView } from '../../components/use-in-view.ts';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { hasRoom, selectedModel, usableTasks, useFacts } from '../../engine/facts.ts';
import { formatCount, formatFixed } from '../../../main/words/numbers.ts';
import { changedTaskSentence } from '../../format/record-words.ts';
import { useProfiles } from '../../profile/use-profiles.ts';
import { calibrationStore, sampleStore } from '../../state/dialog-stores.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { usePart } from '../../state/view-stores.ts';
import { withoutQuestionText } from './without-question.ts';

export const TasksPanel = () => {
  const share = useStore(layoutStore, ({ listShares }) => listShares.tasks);
  const tasks = useQuery('tasks.list', {});
  const ticked = useStore(selectionStore, (state) => state.tasks);
  const { tickTasks } = selectionStore.getState();
  const open = useAction(openTask);
  const usable = usableTasks(tasks.data ?? []);
  const model = selectedModel(useFacts());
  const fitting = usable.filter((task) => hasRoom(model, task));
  const allTicked = fitting.length > 0 && fitting.every((task) => ticked.includes(task.handle));
  return (
    <Panel
      title="Tasks"
      share={share}
      count={tasks.data === undefined ? '' : `${ticked.length} of ${tasks.data.length}`}
      tools={
        <>
          {usable.length > 0 && (
            <>
              <Button
                look="quiet"
                small
                disabled={allTicked}
                onClick={() => tickTasks(fitting.map((task) => task.handle))}
              >
                All
              </Button>
              <Button look="quiet" small disabled={ticked.length === 0} onClick={() => tickTasks([])}>
                None
              </Button>
            </>
          )}
          <IconButton icon="plus" label="Open task folder" onClick={open.perform} disabled={!open.enabled} />
        </>
      }
    >
      {tasks.error !== null && <Problem error={tasks.error} />}
      {tasks.data?.length === 0 && (
        <p className="panel-empty">No task yet. Open a task folder or a JSONL file with +.</p>
      )}
      {usable.length > 0 && (
        <div className="task-columns">
          <Definition of="items">n</Definition>
          <Definition of="chance">chance</Definition>
          <Definition of="profiled">●</Definition>
        </div>
      )}
      <ul className="rows rows-scrolled" aria-label="Tasks">
        {tasks.data?.map((task) => (
          <TaskRow key={task.handle} task={task} />
        ))}
      </ul>
    </Panel>
  );
};

/**
 * Chance for the narrow column; 'ppl' for perplexity tasks, a dash for written answers, which can hardly be guessed.
 */
const chanceText = ({ chance, metric }: TaskEntry): string =>
  chance !== null ? formatFixed(chance, 2) : metric === 'perplexity' ? 'ppl' : '–';

const TaskRow = ({ task }: { readonly task: TaskEntry }) => {
  const { ticked, focused } = usePart(selectionStore, (state) => ({
    ticked: state.tasks.includes(task.handle),
    focused: state.task === task.handle,
  }));
  const { profileOf } = useProfiles();
  const { busy, start } = useRequest();
  const profiled = profileOf(task) !== undefined;
  const lacking = lacksCalibration(task);
  const line = useInView<HTMLLIElement>(focused ? task.handle : null);
  const forget = (): void =>
    start(async ({ bridge, cache }) => {
      await bridge.call('tasks.forget', { handle: task.handle });
      cache.invalidate((name) => name === 'tasks.list');
    });
  const isBroken = task.error !== null;
  const { focusTask, tickTasks, toggleTask } = selectionStore.getState();
  const commands: readonly MenuItem[] = [
    { label: 'Show', disabled: isBroken, onChoose: () => focusTask(task.handle) },
    { label: ticked ? 'Untick' : 'Tick', disabled: isBroken, onChoose: () => toggleTask(task.handle) },
    { label: 'Tick only this task', disabled: isBroken, onChoose: () => tickTasks([task.handle], task.handle) },
    { label: 'Items…', disabled: isBroken, onChoose: () => sampleStore.getState().show(task.handle) },
    ...(takesCalibration(task)
      ? [{ label: 'Calibration items…', onChoose: () => calibrationStore.getState().show(task.handle) }]
      : []),
    ...(task.bundled ? [] : [{ label: 'Forget (keeps the folder)', disabled: busy, onChoose: forget }]),
  ];
  return (
    <li
      ref={line}
      className="row"
      aria-current={focused ? 'true' : undefined}
      onContextMenu={(event) => openContextMenu(event, `Commands for ${task.title}`, commands)}
    >
      <input
        type="checkbox"
        aria-label={`Use ${task.title}`}
        checked={ticked}
        disabled={task.error !== null}
        onChange={() => selectionStore.getState().toggleTask(task.handle)}
      />
      <Tooltip focusable={false} className="row-hold" content={<TaskCard task={task} profiled={profiled} />}>
        <button
          type="button"
          className="row-main"
          disabled={task.error !== null}
          onClick={() => selectionStore.getState().focusTask(task.handle)}
        >
          <span className="row-text">
            <span className="row-title ellipsis">
              {task.changed !== undefined && (
                <>
                  <Icon name="warning" size={11} /> <span className="visually-hidden">changed: </span>
                </>
              )}
              {task.title}
            </span>
            {task.error === null ? (
              <>
                <span className="row-note ellipsis task-number">{formatCount(task.items.test)}</span>
                <span className="row-note ellipsis task-number">{chanceText(task)}</span>
              </>
            ) : (
              <span className="row-note ellipsis">cannot be opened</span>
            )}
          </span>
          {lacking && (
            <span className="row-warning" title="No calibration items: cannot be profiled yet">
              <Icon name="warning" size={11} />
              <span className="visually-hidden">, no calibration items</span>
            </span>
          )}
          {task.unreachable !== undefined && (
            <span className="row-warning" title={task.unreachable}>
              <Icon name="warning" size={11} />
              <span className="visually-hidden">, answers that no text can equal</span>
            </span>
          )}
          <span className={profiled ? 'profiled-mark' : 'profiled-mark profiled-not'} />
          <span className="visually-hidden">{profiled ? ', profiled' : ', not profiled'}</span>
        </button>
      </Tooltip>
      <div className="row-tools">
        {takesCalibration(task) && (
          <IconButton
            icon="split"
            label={`Calibration items of ${task.title}`}
            onClick={() => calibrationStore.getState().show(task.handle)}
          />
        )}
        <IconButton
          icon="eye"
          label={`Items of ${task.title}`}
          onClick={() => sampleStore.getState().show(task.handle)}
        />
        {!task.bundled && (
          <IconButton icon="close" label={`Forget ${task.title} (keeps the folder)`} disabled={busy} onClick={forget} />
        )}
      </div>
    </li>
  );
};

const TaskCard = ({ task, profiled }: { readonly task: TaskEntry; readonly profiled: boolean }) => {
  const withoutQuestion = withoutQuestionText(task, selectedModel(useFacts())?.name ?? null);
  return (
    <>
      <strong>{task.title}</strong>
      {task.error !== null && <p>{task.error}</p>}
      {task.changed !== undefined && <p>{changedTaskSentence(task.changed, task.hash)}</p>}
      {task.description !== '' && <p>{task.description}</p>}
      {task.unreachable !== undefined && <p>{task.unreachable}</p>}
      <p>
        Metric {task.metric}
        {task.chance !== null && `, chance ${formatFixed(task.chance, 3)}`}
        {withoutQuestion !== null && `, without the question ${withoutQuestion}`}
        <br />
        {formatCount(task.items.test)} test items, {formatCount(task.items.calibration)} calibration items
        <br />
        {lacksCalibration(task)
          ? 'Cannot be profiled until calibration items are chosen'
          : profiled
            ? 'Profiled with this model'
            : 'Not profiled with this model yet'}
      </p>
      {task.source !== '' && <p>Source: {task.source}</p>}
      {task.licence !== '' && <p>Licence: {task.licence}</p>}
      <p className="muted">{task.calibrated?.items ?? task.path}</p>
    </>
  );
};
