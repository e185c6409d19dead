import { memo, useRef } from 'react';
import { refuse } from '../../../main/contract/errors.ts';
import { runDurationMs, type RunManifest } from '../../../main/contract/run.ts';
import { equivalentCommand } from '../../../main/words/equivalent-command.ts';
import { runCommands } from '../../actions/commands.ts';
import { isResumable, resume } from '../../actions/jobs.ts';
import { openRun } from '../../actions/open-run.ts';
import { labelRun, trashRuns } from '../../actions/runs.ts';
import { Icon, IconButton, type IconName } from '../../components/button.tsx';
import { CutName } from '../../components/cut-name.tsx';
import { openContextMenu } from '../../components/context-menu.tsx';
import { RowMenu } from '../../components/row-menu.tsx';
import type { RowPosition } from '../../components/windowed-list.tsx';
import { useEngine, useRequest } from '../../engine/engine-context.tsx';
import { readFacts } from '../../engine/facts.ts';
import { runDeviceText } from '../../format/record-words.ts';
import { noticesStore } from '../../state/notices-store.ts';
import { runsStore } from '../../state/runs-store.ts';
import { isAtRest } from '../../format/run-names.ts';
import { provenanceBadge } from '../../../main/words/provenance.ts';
import { runKinds } from '../../../main/contract/run-kinds.ts';
import { formatDuration } from '../../../main/words/numbers.ts';
import { formatMoment } from '../../format/format-time.ts';

/** A check mark only for a reproduction that matched; a warning for failures and differences. */
export const runIcon = ({ kind, state, finding, damaged }: RunManifest): IconName => {
  if (damaged !== undefined || state === 'failed' || finding === 'different') return 'warning';
  return finding === 'equal' ? 'check' : runKinds[kind].icon;
};

/** A run's state in a word; empty if it is simply done. */
export const runStateText = ({ state, finding, damaged }: RunManifest): string => {
  if (damaged !== undefined) return 'damaged';
  if (state !== 'done') return state === 'queued' ? 'waiting' : state;
  return finding === 'different' ? 'not equal' : finding === 'equal' ? 'equal' : '';
};

/** What heads a run that was not measured here, short; empty for one that was. */
const provenanceNote = ({ provenance, state }: RunManifest): string =>
  // An unfinished run says so by its state.
  state === 'done' ? (provenanceBadge(provenance) ?? '') : '';

/** "failed · 26 Nov, 10:22 · 3 min": state, time of creation, and time until its end, including waits. */
export const runNote = (run: RunManifest, now: Date): string => {
  const duration = run.damaged === undefined ? runDurationMs(run) : null;
  return [
    runStateText(run),
    provenanceNote(run),
    formatMoment(run.createdAt, now),
    duration === null ? '' : formatDuration(duration),
    run.label?.archived === true ? 'archived' : '',
  ]
    .filter((part) => part !== '')
    .join(' · ');
};

interface RunRowProps {
  readonly run: RunManifest;
  readonly name: string;
  readonly position: RowPosition;
  readonly isShown: boolean;
  readonly isChosen: boolean;
  /** Whether runs are being chosen; then every row shows its checkbox. */
  readonly isChoosing: boolean;
  readonly isRenaming: boolean;
}

const hint = (run: RunManifest, name: string): string =>
  [
    name,
    run.damaged ?? run.label?.unreadable ?? run.error ?? equivalentCommand(run) ?? '',
    ...(run.damaged === undefined ? [runDeviceText(run.device)] : []),
    ...(run.finishedAt === null || run.damaged !== undefined ? [] : ['The duration includes waits and interruptions']),
    ...(run.label === undefined || run.label.note === '' ? [] : [run.label.note]),
  ].join('\n');

/** Moves the focus to a neighbouring row, since this one will be removed. */
const focusNeighbour = (main: Element): void => {
  const row = main.closest('li');
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  next?.querySelector<HTMLElement>('.row-main')?.focus();
};

/** Memoised: rerenders only if this run changed. */
export const RunRow = memo(
  ({ run, name, position, isShown, isChosen, isChoosing, isRenaming }: RunRowProps) => {
    const engine = useEngine();
    const { start } = useRequest();
    const { toggleChosen } = runsStore.getState();
    const state = run.damaged === undefined ? (run.finding === 'different' ? 'failed' : run.state) : 'failed';
    const onKey = (event: React.KeyboardEvent): void => {
      if (event.key === 'F2' && run.damaged === undefined) runsStore.setState({ renaming: run.id });
      else if (event.key === 'Delete' && !isAtRest(run))
        noticesStore
          .getState()
          .report(refuse('at-work', `“${name}” is ${runStateText(run)}.`, 'Cancel it before you delete it.'));
      else if (event.key === 'Delete') {
        focusNeighbour(event.currentTarget);
        start((known) => trashRuns(known, [run]));
      } else if (event.key === ' ') toggleChosen(run.id);
      else return;
      event.preventDefault();
    };
    return (
      <li
        className="row run-row"
        aria-current={isShown ? 'true' : undefined}
        {...position}
        onContextMenu={(event) => openContextMenu(event, `Commands for ${name}`, runCommands(engine, run))}
      >
        {isChoosing && (
          <input
            type="checkbox"
            aria-label={`Choose ${name}`}
            checked={isChosen}
            onChange={() => toggleChosen(run.id)}
          />
        )}
        {isRenaming ? (
          <RunNameField run={run} name={name} />
        ) : (
          <button
            type="button"
            className="row-main"
            title={hint(run, name)}
            aria-keyshortcuts="F2 Delete Space"
            aria-disabled={run.damaged === undefined ? undefined : true}
            onKeyDown={onKey}
            onClick={(event) => {
              if (event.ctrlKey || event.metaKey) toggleChosen(run.id);
              else if (run.damaged === undefined) openRun(readFacts(engine), run);
            }}
          >
            <Icon name={runIcon(run)} />
            <span className="row-text">
              <span className="run-head">
                <CutName className="row-title" name={name} />
                {(run.label?.tags.length ?? 0) > 0 && (
                  <span className="run-tags ellipsis">{run.label?.tags.map((tag) => `#${tag}`).join(' ')}</span>
                )}
              </span>
              <span className={`row-note ellipsis${runStateText(run) === '' ? '' : ` run-${state}`}`}>
                {runNote(run, new Date())}
              </span>
            </span>
          </button>
        )}
        {!isRenaming && <RunTools run={run} name={name} />}
      </li>
    );
  },
  (before, after) =>
    before.run === after.run &&
    before.name === after.name &&
    before.isShown === after.isShown &&
    before.isChosen === after.isChosen &&
    before.isChoosing === after.isChoosing &&
    before.isRenaming === after.isRenaming &&
    before.position['aria-posinset'] === after.position['aria-posinset'] &&
    before.position['aria-setsize'] === after.position['aria-setsize'],
);
RunRow.displayName = 'RunRow';

const RunTools = ({ run, name }: Pick<RunRowProps, 'run' | 'name'>) => {
  const engine = useEngine();
  const { busy, start } = useRequest();
  const rest = isAtRest(run);
  const isReadable = run.damaged === undefined;
  return (
    <div className="row-tools">
      {!rest && (
        <IconButton
          icon="stop"
          label={`Cancel ${name}`}
          disabled={busy}
          onClick={() => start(({ bridge }) => bridge.call('jobs.cancel', { run: run.id }))}
        />
      )}
      {isReadable && isResumable(run) && (
        <IconButton
          icon="resume"
          label={`Resume ${name}`}
          disabled={busy}
          onClick={() => start((engine) => resume(engine, run.id))}
        />
      )}
      <RowMenu label={`More for ${name}`} items={runCommands(engine, run, busy)} />
    </div>
  );
};

const MOST_LETTERS = 200;

/** Edits a run's name in place: Enter or leaving the field saves, Escape cancels; an empty name restores the title. */
const RunNameField = ({ run, name }: { readonly run: RunManifest; readonly name: string }) => {
  const { start } = useRequest();
  const isOver = useRef(false);
  /** `field`: set if a key ended the edit; the row then takes over the focus. */
  const end = (typed: string | null, field: HTMLElement | null): void => {
    if (isOver.current) return;
    isOver.current = true;
    const row = field?.closest('li');
    runsStore.setState({ renaming: null });
    requestAnimationFrame(() => row?.querySelector<HTMLElement>('.row-main')?.focus());
    const given = typed?.trim() ?? '';
    if (typed === null || given === name) return;
    start((engine) => labelRun(engine, run.id, { name: given === '' || given === run.title ? null : given }));
  };
  return (
    <input
      className="input run-name"
      aria-label={`Name of ${name}`}
      autoFocus
      maxLength={MOST_LETTERS}
      defaultValue={name}
      onFocus={(event) => event.target.select()}
      onBlur={(event) => end(event.target.value, null)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === 'Enter') end(event.currentTarget.value, event.currentTarget);
        else if (event.key === 'Escape') end(null, event.currentTarget);
      }}
    />
  );
};
