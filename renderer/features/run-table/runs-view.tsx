import { useDeferredValue, useMemo } from 'react';
import { useStore } from 'zustand';
import { filterRuns, type RunManifest } from '../../../main/contract/run.ts';
import { heading, type Names, pick } from '../../../main/figures/columns.ts';
import {
  RUN_GROUPS,
  runColumns,
  type RunEntry,
  runRows,
  RUNS_OFFERED,
  RUNS_SHOWN,
} from '../../../main/figures/run-tables.ts';
import { tableTsv } from '../../../main/figures/table-rows.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { counted, formatCount } from '../../../main/words/numbers.ts';
import { copyText } from '../../components/copy-text.ts';
import { Button, RequestButton } from '../../components/button.tsx';
import { Checkbox, Select } from '../../components/choices.tsx';
import { EmptyState } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { shownRunText } from '../../format/run-names.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { runsStore } from '../../state/runs-store.ts';
import { runsTableStore } from '../../state/runs-table-store.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { SetUpSweep } from '../../sweep/sweep-controls.tsx';
import { ChosenCurves } from './chosen-curves.tsx';
import { RunTable } from './run-table.tsx';
import { useRunEntries } from './use-run-entries.ts';
import './run-table.css';

/** Every run of the workspace in one table, and the chosen ones in one chart. */
export const RunsView = () => {
  const runs = useQuery('runs.list', {});
  const facts = useFacts();
  const { tasks } = facts;
  const theme = useResolvedTheme();
  const { text, archived, chosen } = useStore(runsStore);
  const { sort, group, columns, pinned, unfolded } = useStore(runsTableStore);
  const all = runs.data ?? facts.runs;
  const { entries, documents, problems, unread } = useRunEntries(all, tasks);
  const names = useMemo((): Names => ({ task: titlesOf(tasks), method: methodTitle }), [tasks]);
  const sought = useDeferredValue(text);
  const listed = useMemo(() => {
    const said = new Map(entries.map(({ line }) => [line.run.id, line.methods.map(methodTitle).join('\n')]));
    const saidOf = (run: RunManifest): string => `${shownRunText(run, tasks)}\n${said.get(run.id) ?? ''}`;
    const kept = new Set(filterRuns(all, { text: sought, tags: [], archived }, saidOf).map(({ id }) => id));
    return entries.filter(({ line }) => kept.has(line.run.id));
  }, [all, entries, tasks, sought, archived]);
  const rows = useMemo(
    () => runRows(listed, { sort, group, pinned, unfolded }, names),
    [listed, sort, group, pinned, unfolded, names],
  );
  const shown = useMemo(() => pick(runColumns, columns.join(' ')), [columns]);
  const picked = chosen.flatMap((id): RunEntry[] => {
    const found = entries.find(({ line }) => line.run.id === id);
    return found === undefined ? [] : [found];
  });
  if (runs.error !== null) return <Problem error={runs.error} />;
  if (runs.data?.length === 0)
    return (
      <EmptyState icon="table" title="No runs yet" action={<SetUpSweep />}>
        Profiles, sweeps, exports and all other runs are listed here with what they measured.
      </EmptyState>
    );
  const lines = rows.flatMap((row) => (row.is === 'run' ? [row.entry.line] : row.is === 'point' ? [row.line] : []));
  return (
    <div className="runs-view">
      <div className="view-head">
        <input
          className="input"
          type="search"
          aria-label="Filter the table of runs"
          placeholder="Filter, #tag"
          value={text}
          onChange={(event) => runsStore.setState({ text: event.target.value })}
        />
        <Select
          label="Group by"
          value={group ?? 'none'}
          options={[{ value: 'none', label: 'nothing' }, ...RUN_GROUPS.map((name) => ({ value: name, label: name }))]}
          onChange={(value) => runsTableStore.setState({ group: RUN_GROUPS.find((name) => name === value) ?? null })}
        />
        <ColumnChoice />
        {all.some(({ label }) => label?.archived === true) && (
          <Checkbox checked={archived} onChange={(isShown) => runsStore.setState({ archived: isShown })}>
            Archived
          </Checkbox>
        )}
        <span className="muted" role="status">
          {listed.length === all.length
            ? counted(all.length, 'run')
            : `${formatCount(listed.length)} of ${counted(all.length, 'run')}`}
          {unread > 0 && `, reading ${formatCount(unread)}…`}
        </span>
        <div className="view-head-end">
          <RequestButton
            look="quiet"
            small
            icon="copy"
            title="Copies the rows and columns on screen as tab-separated text"
            ask={() => copyText('The table', tableTsv(shown, lines, names), `${counted(lines.length, 'row')}.`)}
          >
            Copy
          </RequestButton>
          <SaveFigure
            subject="table"
            hasPicture={false}
            view={({ runsView }) => runsView({ entries: listed, theme }, () => null)}
          />
        </div>
      </div>
      {picked.length > 0 && <ChosenCurves picked={picked} documents={documents} title={names.task} theme={theme} />}
      <RunTable
        rows={rows}
        columns={shown}
        names={names}
        problems={problems}
        label={`Runs${sort === null ? '' : `, sorted by ${heading(sort.column)}`}`}
      />
    </div>
  );
};

const offered = RUNS_OFFERED.flatMap(([name, , shown]) => (shown === undefined ? [] : [{ name, title: shown.title }]));

/** Chooses the columns of the table; the run's name always stays. */
const ColumnChoice = () => {
  const columns = useStore(runsTableStore, (state) => state.columns);
  return (
    <details
      className="column-choice"
      onBlur={({ relatedTarget, currentTarget }) => {
        if (relatedTarget instanceof Node && !currentTarget.contains(relatedTarget)) currentTarget.open = false;
      }}
      onKeyDown={({ key, currentTarget }) => {
        if (key !== 'Escape') return;
        currentTarget.open = false;
        currentTarget.querySelector('summary')?.focus();
      }}
    >
      <summary className="button button-small">Columns</summary>
      <div className="column-list" role="group" aria-label="Columns of the table">
        {offered
          .filter(({ name }) => name !== 'name')
          .map(({ name, title }) => (
            <Checkbox
              key={name}
              checked={columns.includes(name)}
              onChange={(checked) =>
                runsTableStore.setState({
                  columns: offered.flatMap((known) =>
                    (known.name === name ? checked : columns.includes(known.name)) ? [known.name] : [],
                  ),
                })
              }
            >
              {heading(title)}
            </Checkbox>
          ))}
        <Button look="quiet" small onClick={() => runsTableStore.setState({ columns: RUNS_SHOWN })}>
          Usual columns
        </Button>
      </div>
    </details>
  );
};
