import { useDeferredValue, useEffect, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import { filterRuns, type RunManifest } from '../../../main/contract/run.ts';
import { heading, type Names, pick } from '../../../main/figures/columns.ts';
import {
  RUN_GROUPS,
  runColumns,
  type RunEntry,
  runEntry,
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
import { useEngine, useQueries, useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { shownRunName, shownRunText } from '../../format/run-names.ts';
import { type NamedTasks, titlesOf } from '../../../main/words/task-titles.ts';
import { runsStore, runsTableStore } from '../../state/runs-store.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { SetUpSweep } from '../../sweep/sweep-controls.tsx';
import { ChosenCurves } from './chosen-curves.tsx';
import { RunTable } from './run-table.tsx';
import './run-table.css';
import type { CallInput } from '../../../main/contract/calls.ts';
import type { SweepDocument } from '../../../main/contract/sweep.ts';
import { useReading } from '../../sweep/shown-sweep.ts';

/** Sweeps asked for at once: the engine reads two at a time, and other views must not wait behind hundreds. */
const AT_ONCE = 3;
/** Time between two looks at what has been read, so that the table is not made anew for every run. */
const LOOK_EVERY_MS = 250;

const isAsked = (run: RunManifest): boolean => run.kind === 'sweep' && run.damaged === undefined;

interface Known {
  readonly name: string;
  readonly document: SweepDocument | null;
  readonly entry: RunEntry;
}

/** Entries by manifest, which changes when its run does. */
const known = new WeakMap<RunManifest, Known>();

const entryOf = (run: RunManifest, name: string, document: SweepDocument | null): RunEntry => {
  const last = known.get(run);
  if (last !== undefined && last.name === name && last.document === document) return last.entry;
  const provenance = document?.provenance ?? run.provenance;
  const entry = runEntry(provenance === undefined ? run : { ...run, provenance }, name, document);
  known.set(run, { name, document, entry });
  return entry;
};

interface RunEntries {
  readonly entries: readonly RunEntry[];
  readonly documents: ReadonlyMap<string, SweepDocument>;
  /** Why sweeps could not be read, by run. */
  readonly problems: ReadonlyMap<string, string>;
  /** Sweeps that are still to be read. */
  readonly unread: number;
}

/**
 * The runs with their points. Manifests are there at once; the results of sweeps follow a few at a time, at the margin
 * and level chosen in the window, else at each sweep's own.
 */
const useRunEntries = (runs: readonly RunManifest[], tasks: NamedTasks): RunEntries => {
  const { cache } = useEngine();
  const { familywise, settled: delta } = useReading();
  const [read, setRead] = useState<ReadonlySet<string>>(new Set());
  const asked = useMemo(() => runs.filter(isAsked).map(({ id }) => id), [runs]);
  const key = asked.join();
  useEffect(() => {
    const inputOf = (run: string): CallInput<'sweep.read'> => ({ run, familywise, delta: delta ?? undefined });
    const waiting = key === '' ? [] : key.split(',');
    const done = new Set<string>();
    let isOver = false;
    const work = async (): Promise<void> => {
      for (let run = waiting.shift(); run !== undefined && !isOver; run = waiting.shift()) {
        // The query keeps an error, which the run's row shows.
        await cache.fetch('sweep.read', inputOf(run)).catch(() => undefined);
        done.add(run);
      }
    };
    const look = (): void => setRead((last) => (last.size === done.size ? last : new Set(done)));
    const timer = setInterval(look, LOOK_EVERY_MS);
    void Promise.all(Array.from({ length: AT_ONCE }, work)).then(() => {
      clearInterval(timer);
      if (!isOver) look();
    });
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [cache, key, familywise, delta]);

  const ready = useMemo(() => asked.filter((run) => read.has(run)), [asked, read]);
  const answers = useQueries(
    'sweep.read',
    ready.map((run) => ({ run, familywise, delta: delta ?? undefined })),
  );
  return useMemo(() => {
    const documents = new Map<string, SweepDocument>();
    const problems = new Map<string, string>();
    ready.forEach((run, index) => {
      const answer = answers[index];
      if (answer?.data !== undefined) documents.set(run, answer.data);
      else if (answer?.error) problems.set(run, answer.error.message);
    });
    return {
      entries: runs.map((run) => entryOf(run, shownRunName(run, tasks), documents.get(run.id) ?? null)),
      documents,
      problems,
      unread: asked.length - ready.length,
    };
  }, [runs, tasks, asked, ready, answers]);
};

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
