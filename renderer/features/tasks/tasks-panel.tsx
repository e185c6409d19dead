import { useStore } from 'zustand';
import type { PathHandle } from '../../../main/contract/model.ts';
import { answerKind, answersOf, lacksCalibration, type TaskEntry } from '../../../main/contract/task.ts';
import { useAction } from '../../actions/action.ts';
import { findTask, openTask, takesCalibration } from '../../actions/open.ts';
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
import { formatCount, formatPercent, formatRoughPercent } from '../../../main/words/numbers.ts';
import { changedTaskSentence } from '../../format/record-words.ts';
import { membersOf, type TaskPair, taskPairs } from '../../format/task-pairs.ts';
import { useProfiles } from '../../profile/use-profiles.ts';
import { calibrationStore, sampleStore } from '../../state/dialog-stores.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { withoutQuestionText } from './sample-dialog.tsx';

export const TasksPanel = () => {
  const share = useStore(layoutStore, ({ listShares }) => listShares.tasks);
  const tasks = useQuery('tasks.list', {});
  const ticked = useStore(selectionStore, (state) => state.tasks);
  const { tickTasks } = selectionStore.getState();
  const open = useAction(openTask);
  const find = useAction(findTask);
  const usable = usableTasks(tasks.data ?? []);
  const model = selectedModel(useFacts());
  const pairs = taskPairs(tasks.data ?? []);
  const hasBoth = pairs.some(({ written }) => written !== null);
  const isTicked = (pair: TaskPair): boolean => membersOf(pair).some(({ handle }) => ticked.includes(handle));
  const fitting = usable.filter((task) => hasRoom(model, task));
  const allTicked = fitting.length > 0 && fitting.every((task) => ticked.includes(task.handle));
  return (
    <Panel
      title="Tasks"
      share={share}
      count={tasks.data === undefined ? '' : `${pairs.filter(isTicked).length} of ${pairs.length}`}
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
          <IconButton icon="search" label="Open a task by name" onClick={find.perform} disabled={!find.enabled} />
          <IconButton icon="plus" label="Open task folder" onClick={open.perform} disabled={!open.enabled} />
        </>
      }
    >
      {tasks.error !== null && <Problem error={tasks.error} />}
      {tasks.data?.length === 0 && (
        <p className="panel-empty">
          No task yet. Open a task folder or a JSONL file with +, or a published one by its name.
        </p>
      )}
      {usable.length > 0 && (
        <div className="task-columns">
          {hasBoth && (
            <span className="task-marks">
              <Definition of="chosenMark">c</Definition>
              <Definition of="writtenMark">w</Definition>
            </span>
          )}
          <Definition of="items">n</Definition>
          <Definition of="chance">chance</Definition>
          <Definition of="profiled">●</Definition>
        </div>
      )}
      <ul className="rows rows-scrolled" aria-label="Tasks">
        {pairs.map((pair) => (
          <TaskRow key={pair.task.handle} pair={pair} hasBoth={hasBoth} />
        ))}
      </ul>
    </Panel>
  );
};

/**
 * Chance for the narrow column; 'ppl' for perplexity tasks, a dash for written answers, which can hardly be guessed.
 */
const chanceText = ({ chance, metric }: TaskEntry): string =>
  chance !== null ? formatRoughPercent(chance) : metric === 'perplexity' ? 'ppl' : '–';

interface TaskRowProps {
  readonly pair: TaskPair;
  /** Whether any task of the list can be answered in both ways: then each way has its column of marks. */
  readonly hasBoth: boolean;
}

/** Whether the answers of a task, chosen and written, have profiles of the model on screen. */
type ProfiledState = 'all' | 'some' | 'none';

const profiledState = (members: readonly boolean[]): ProfiledState =>
  members.every(Boolean) ? 'all' : members.some(Boolean) ? 'some' : 'none';

const PROFILED: Readonly<Record<ProfiledState, { readonly mark: string; readonly words: string }>> = {
  all: { mark: ', profiled', words: 'Profiled with this model' },
  some: { mark: ', profiled in part', words: 'Profiled with this model for one kind of answers' },
  none: { mark: ', not profiled', words: 'Not profiled with this model yet' },
};

/** One task; its items can be ticked with chosen and with written answers. */
const TaskRow = ({ pair, hasBoth }: TaskRowProps) => {
  const members = membersOf(pair);
  const ticks = useStore(selectionStore, (state) => state.tasks);
  const focus = useStore(selectionStore, (state) => state.task);
  const task = members.find(({ handle }) => handle === focus) ?? pair.task;
  const focused = task.handle === focus;
  const { profileOf } = useProfiles();
  const { busy, start } = useRequest();
  const profiled = profiledState(members.map((member) => profileOf(member) !== undefined));
  const lacking = lacksCalibration(task);
  const line = useInView<HTMLLIElement>(focused ? task.handle : null);
  const forget = (): void =>
    start(async ({ bridge, cache }) => {
      await bridge.call('tasks.forget', { handle: task.handle });
      cache.invalidate((name) => name === 'tasks.list');
    });
  const isBroken = task.error !== null;
  const { focusTask, tickTasks, toggleTask } = selectionStore.getState();
  const itemsOf = (member: TaskEntry): string => (member === pair.task ? 'Items…' : 'Items, written…');
  const commands: readonly MenuItem[] = [
    { label: 'Show', disabled: isBroken, onChoose: () => focusTask(task.handle) },
    ...members.map((member) => ({
      label: `${ticks.includes(member.handle) ? 'Untick' : 'Tick'}${member === pair.task ? '' : ' written'}`,
      disabled: isBroken && !ticks.includes(member.handle),
      onChoose: () => toggleTask(member.handle),
    })),
    { label: 'Tick only this task', disabled: isBroken, onChoose: () => tickTasks([task.handle], task.handle) },
    ...members.map((member) => ({
      label: itemsOf(member),
      disabled: isBroken,
      onChoose: () => sampleStore.getState().show(member.handle),
    })),
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
      <TaskMarks members={members} hasBoth={hasBoth} ticks={ticks} />
      <Tooltip
        focusable={false}
        className="row-hold"
        content={<TaskCard task={task} written={task === pair.task ? pair.written : null} profiled={profiled} />}
      >
        <button
          type="button"
          className="row-main"
          disabled={task.error !== null}
          onClick={() => focusTask(task.handle)}
        >
          <span className="row-text">
            <span className="row-title ellipsis">
              {task.changed !== undefined && (
                <>
                  <Icon name="warning" size={11} /> <span className="visually-hidden">changed: </span>
                </>
              )}
              {pair.task.title}
            </span>
            {task.error === null ? (
              <>
                <span className="row-note ellipsis task-number">{formatCount(task.items.test)}</span>
                <span className="row-note ellipsis task-number">{chanceText(pair.task)}</span>
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
          <span className={`profiled-mark profiled-${profiled}`} />
          <span className="visually-hidden">{PROFILED[profiled].mark}</span>
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

interface TaskMarksProps {
  readonly members: readonly TaskEntry[];
  readonly hasBoth: boolean;
  readonly ticks: readonly PathHandle[];
}

/** A tick for each way to answer the items, in its column. */
const TaskMarks = ({ members, hasBoth, ticks }: TaskMarksProps) => {
  const mark = (task: TaskEntry) => (
    <input
      key={task.handle}
      type="checkbox"
      aria-label={`Use ${task.title}`}
      checked={ticks.includes(task.handle)}
      disabled={task.error !== null && !ticks.includes(task.handle)}
      onChange={() => selectionStore.getState().toggleTask(task.handle)}
    />
  );
  if (!hasBoth) return <span className="task-marks">{members.map(mark)}</span>;
  return (
    <span className="task-marks">
      {answerKind.options.map((kind) => {
        const task = members.find((member) => answersOf(member) === kind);
        return task === undefined ? <span key={kind} className="task-mark-none" /> : mark(task);
      })}
    </span>
  );
};

interface TaskCardProps {
  readonly task: TaskEntry;
  /** The same items with written answers. */
  readonly written: TaskEntry | null;
  readonly profiled: ProfiledState;
}

const TaskCard = ({ task, written, profiled }: TaskCardProps) => {
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
        {task.chance !== null && `, chance ${formatPercent(task.chance)}`}
        {withoutQuestion !== null && `, without the question ${withoutQuestion}`}
        <br />
        {formatCount(task.items.test)} test items, {formatCount(task.items.calibration)} calibration items
        {written !== null && ', answers chosen or written'}
        <br />
        {lacksCalibration(task) ? 'Cannot be profiled until calibration items are chosen' : PROFILED[profiled].words}
      </p>
      {task.source !== '' && <p>Source: {task.source}</p>}
      {task.licence !== '' && <p>Licence: {task.licence}</p>}
      <p className="muted">{task.calibrated?.items ?? task.path}</p>
    </>
  );
};
