import { memo } from 'react';
import { useStore } from 'zustand';
import { type Column, type Columns, heading, type Names, shownCell } from '../../../main/figures/columns.ts';
import type { RunLine, RunRow } from '../../../main/figures/run-tables.ts';
import { counted } from '../../../main/words/numbers.ts';
import { pointCommands, runCommands } from '../../actions/commands.ts';
import { openRun } from '../../actions/open-run.ts';
import { Icon, IconButton } from '../../components/button.tsx';
import { CutName } from '../../components/cut-name.tsx';
import { openContextMenu } from '../../components/context-menu.tsx';
import type { MenuItem } from '../../components/row-menu.tsx';
import { ColumnTitle } from '../../components/data-table.tsx';
import { SortHeading } from '../../components/sort-heading.tsx';
import { walkMembers } from '../../components/walk-members.ts';
import { useVisibleRows } from '../../components/windowed-list.tsx';
import { type Engine, useEngine } from '../../engine/engine-context.tsx';
import { readFacts } from '../../engine/facts.ts';
import { runsStore, runsTableStore } from '../../state/runs-store.ts';
import { showPoint } from '../../sweep/brought.ts';
import { pointName } from '../../../main/figures/point-words.ts';
import { pointKey } from '../../state/selection.ts';

/** Height of every row in pixels (run-table.css). */
const ROW_PX = 29;
const NAME_PX = 280;
const NUMBER_PX = 104;
const TEXT_PX = 150;
const WIDTHS: Readonly<Record<string, number>> = {
  unpruned: 118,
  chance: 118,
  difference: 138,
  interval: 128,
  bytes: 138,
  verdict: 190,
  command: 420,
  method: 190,
  task: 190,
  kind: 90,
  state: 90,
  tags: 110,
};

const widthOf = ([name, , shown]: Column<RunLine>): number =>
  name === 'name' ? NAME_PX : (WIDTHS[name] ?? (shown?.numeric === true ? NUMBER_PX : TEXT_PX));

interface RunTableProps {
  readonly rows: readonly RunRow[];
  readonly columns: Columns<RunLine>;
  readonly names: Names;
  /** Why runs could not be read, by run. */
  readonly problems: ReadonlyMap<string, string>;
  readonly label: string;
}

const open = (engine: Engine, { run, points }: RunLine, isPoint: boolean): void => {
  const facts = readFacts(engine);
  const [point] = points;
  if (!isPoint) openRun(facts, run);
  else if (point !== undefined) showPoint(facts, pointKey(run.id, point.result));
};

/** The table of runs. Only rows near the visible part are rendered. */
export const RunTable = ({ rows, columns, names, problems, label }: RunTableProps) => {
  const { sort, sortBy, pinned } = useStore(runsTableStore);
  const chosen = useStore(runsStore, (state) => state.chosen);
  const { frame, first, end, look } = useVisibleRows(rows.length, ROW_PX);
  const shown = rows.slice(first, end);
  const stop = shown.find((row) => row.is !== 'group')?.key;
  const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
  return (
    <div
      className="run-table-frame"
      ref={frame}
      role="region"
      aria-label={label}
      tabIndex={0}
      onScroll={look}
      onKeyDown={walkMembers('column')}
    >
      <table className="data-table run-table" style={{ width }} aria-rowcount={rows.length + 1}>
        <caption className="visually-hidden">{label}</caption>
        <colgroup>
          {columns.map((column) => (
            <col key={column[0]} style={{ width: widthOf(column) }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map(([name, , column]) => {
              const title = heading(column?.title ?? name);
              return (
                <SortHeading
                  key={name}
                  name={name}
                  title={<ColumnTitle shown={column} />}
                  words={title}
                  numeric={column?.numeric === true}
                  sort={sort}
                  onSort={sortBy}
                />
              );
            })}
          </tr>
        </thead>
        <tbody>
          <Space rows={first} />
          {shown.map((row, index) => {
            const run = row.is === 'group' ? null : (row.is === 'run' ? row.entry.line : row.line).run.id;
            return (
              <TableRow
                key={row.key}
                row={row}
                columns={columns}
                names={names}
                position={first + index + 2}
                isStop={row.key === stop}
                isChosen={run !== null && chosen.includes(run)}
                isPinned={run !== null && pinned.includes(run)}
                problem={run === null ? undefined : problems.get(run)}
              />
            );
          })}
          <Space rows={rows.length - end} />
        </tbody>
      </table>
      {rows.length === 0 && <p className="panel-empty">No run matches.</p>}
    </div>
  );
};

/** The room of rows that are not rendered. */
const Space = ({ rows }: { readonly rows: number }) =>
  rows > 0 ? <tr aria-hidden="true" style={{ height: rows * ROW_PX }} /> : null;

interface TableRowProps {
  readonly row: RunRow;
  readonly columns: Columns<RunLine>;
  readonly names: Names;
  readonly position: number;
  readonly isStop: boolean;
  readonly isChosen: boolean;
  readonly isPinned: boolean;
  readonly problem: string | undefined;
}

/** Memoised by its properties, so that scrolling renders only the rows that come into sight. */
const TableRow = memo(({ row, columns, names, position, isStop, isChosen, isPinned, problem }: TableRowProps) => {
  const engine = useEngine();
  if (row.is === 'group')
    return (
      <tr aria-rowindex={position} className="run-group">
        <th scope="colgroup" colSpan={columns.length}>
          <span>
            {row.title} <span className="muted">{counted(row.count, 'run')}</span>
          </span>
        </th>
      </tr>
    );
  const isPoint = row.is === 'point';
  const line = isPoint ? row.line : row.entry.line;
  const commands = (): readonly MenuItem[] => {
    const [point] = line.points;
    if (!isPoint) return runCommands(engine, line.run);
    if (point === undefined) return [];
    const shown = columns.flatMap((column) => shownCell(column, line, names) ?? []);
    return pointCommands(engine, line.run.id, point.result, shown.map(String));
  };
  return (
    <tr
      onContextMenu={(event) => openContextMenu(event, `Commands for ${line.name}`, commands())}
      aria-rowindex={position}
      aria-selected={isPoint ? undefined : isChosen}
      className={isPoint ? 'run-point' : undefined}
    >
      {columns.map((column) => {
        const [name, , shown] = column;
        if (name === 'name')
          return (
            <th key={name} scope="row">
              <NameCell row={row} isStop={isStop} isChosen={isChosen} isPinned={isPinned} problem={problem} />
            </th>
          );
        const text = shownCell(column, line, names);
        return (
          <td
            key={name}
            className={shown?.numeric === true ? 'numeric' : undefined}
            title={text === null ? undefined : String(text)}
          >
            {text}
          </td>
        );
      })}
    </tr>
  );
});
TableRow.displayName = 'TableRow';

type NameCellProps = Pick<TableRowProps, 'isStop' | 'isChosen' | 'isPinned' | 'problem'> & {
  readonly row: Exclude<RunRow, { is: 'group' }>;
};

const NameCell = ({ row, isStop, isChosen, isPinned, problem }: NameCellProps) => {
  const engine = useEngine();
  const { toggleChosen } = runsStore.getState();
  const { toggleFolded, togglePinned } = runsTableStore.getState();
  const isPoint = row.is === 'point';
  const line = isPoint ? row.line : row.entry.line;
  const { run, name } = line;
  const canUnfold = row.is === 'run' && row.entry.points.length > 0;
  const isOpen = row.is === 'run' && row.isOpen;
  const onKey = (event: React.KeyboardEvent): void => {
    const unfolds = canUnfold && event.key === (isOpen ? 'ArrowLeft' : 'ArrowRight');
    if (unfolds) toggleFolded(run.id);
    else if (event.key === ' ' && !isPoint) toggleChosen(run.id);
    else return;
    event.preventDefault();
  };
  const [point] = line.points;
  const title = isPoint && point !== undefined ? pointName(point.result) : name;
  return (
    <span className="run-name-cell">
      {!isPoint && (
        <input
          type="checkbox"
          aria-label={`Choose ${name}`}
          tabIndex={-1}
          checked={isChosen}
          onChange={() => toggleChosen(run.id)}
        />
      )}
      {canUnfold && (
        <IconButton
          icon={isOpen ? 'chevronDown' : 'chevronRight'}
          label={`${isOpen ? 'Hide' : 'Show'} the points of ${name}`}
          tabIndex={-1}
          aria-expanded={isOpen}
          onClick={() => toggleFolded(run.id)}
        />
      )}
      <button
        type="button"
        className="row-open"
        data-member=""
        aria-label={title}
        tabIndex={isStop ? 0 : -1}
        title={problem ?? `${name}\n${run.id}`}
        aria-keyshortcuts={isPoint ? undefined : 'Space ArrowRight ArrowLeft'}
        aria-expanded={canUnfold ? isOpen : undefined}
        disabled={run.damaged !== undefined}
        onKeyDown={onKey}
        onClick={() => open(engine, line, isPoint)}
      >
        {(problem !== undefined || run.damaged !== undefined) && <Icon name="warning" size={12} />}
        <CutName name={title} />
      </button>
      {!isPoint && (
        <IconButton
          icon="pin"
          className="pin-button"
          label={isPinned ? `Unpin ${name}` : `Pin ${name} on top`}
          tabIndex={-1}
          aria-pressed={isPinned}
          onClick={() => togglePinned(run.id)}
        />
      )}
    </span>
  );
};
