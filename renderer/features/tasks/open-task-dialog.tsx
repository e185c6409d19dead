import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { MOST_ITEMS } from '../../../main/contract/bounds.ts';
import {
  type HarnessEntry,
  type HarnessFacts,
  type HarnessState,
  MOST_EXAMPLES,
} from '../../../main/contract/harness.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { useAction } from '../../actions/action.ts';
import { openTask, openTaskFile } from '../../actions/open.ts';
import { Button, Icon } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { FinderList, FinderLooked } from '../../components/name-finder.tsx';
import { NumberField, wholeFrom } from '../../components/number-input.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { devicesStore, openTaskStore } from '../../state/dialog-stores.ts';
import { selectionStore } from '../../state/selection-store.ts';
import './open-task-dialog.css';
import { FactList, plainFact } from '../../components/data-table.tsx';

const ANSWERS: Readonly<Record<string, string>> = {
  multiple_choice: 'chosen answers',
  generate_until: 'written answers',
  loglikelihood_rolling: 'texts (perplexity)',
  loglikelihood: 'one continuation, which is not measured here',
};

const answersOf = ({ output }: HarnessEntry): string => ANSWERS[output] ?? output;

/** "Task", "Group of 57 tasks": what a name is. */
const harnessKind = ({ kind, tasks }: HarnessEntry): string =>
  kind === 'task' ? 'Task' : `${kind === 'group' ? 'Group' : 'Set'} of ${formatCount(tasks)} tasks`;

/** A line under the name. */
const harnessNote = (entry: HarnessEntry): string =>
  [
    ...(entry.kind === 'task' ? [] : [harnessKind(entry)]),
    answersOf(entry),
    ...(entry.data === '' ? [] : [entry.data]),
    ...(entry.fewshot === 0 ? [] : [`${formatCount(entry.fewshot)} examples`]),
    ...(entry.runsPrograms ? ['runs programs that the model writes'] : []),
  ].join(' · ');

const splitsOf = ({ test, calibration }: HarnessEntry): string =>
  `test items of ${test === '' ? 'an unnamed split' : `“${test}”`}, ` +
  (calibration === '' ? 'no split for calibration items' : `calibration items of “${calibration}”`);

/** Facts about a name, each with its term; of a group, those of its first task say so. */
const heldBy = ({ entry, items, licence, unread }: HarnessFacts): readonly (readonly [string, string])[] => {
  const first = entry.kind === 'task' ? '' : ' (of its first task)';
  const unknown = unread === null ? 'the import counts them' : `not known: ${unread}`;
  return [
    ...(entry.members.length === 0
      ? []
      : [['Members', entry.members.slice(0, 12).join(', ') + (entry.members.length > 12 ? ', …' : '')] as const]),
    ['Answers', `${answersOf(entry)}, measured by ${entry.metrics.join(', ') || 'its own rule'}${first}`],
    ['Data set', `${entry.data === '' ? 'made by the task itself' : `${entry.data} ${entry.dataName}`.trim()}${first}`],
    ['Splits', `${splitsOf(entry)}${first}`],
    [
      'Items',
      items === null
        ? unknown
        : `${formatCount(items.test)} test items, ${formatCount(items.calibration)} to draw calibration items from`,
    ],
    ['Examples in each prompt', `${formatCount(entry.fewshot)}${first}`],
    ['Licence', licence === '' ? (unread === null ? 'its card names none' : 'not known') : licence],
  ];
};

/** Tasks of lm-evaluation-harness by name, and the doors to a folder and a file. */
export const OpenTaskDialog = () => {
  const { open, show } = useStore(openTaskStore);
  return open ? (
    <Dialog title="Open a task" wide onClose={() => show(false)}>
      <Doors />
      <Harness />
    </Dialog>
  ) : null;
};

const Doors = () => {
  const doors = [
    ['A folder…', useAction(openTask)],
    ['A file…', useAction(openTaskFile)],
  ] as const;
  return (
    <div className="finder-head">
      <span className="muted">Tasks of lm-evaluation-harness by name, or</span>
      {doors.map(([label, { enabled, perform }]) => (
        <Button
          key={label}
          icon="folder"
          disabled={!enabled}
          onClick={() => {
            openTaskStore.getState().show(false);
            perform();
          }}
        >
          {label}
        </Button>
      ))}
    </div>
  );
};

const Harness = () => {
  const { data: state, error } = useQuery('harness.state', {});
  const { busy, problem, start } = useRequest('here');
  if (error !== null) return <Problem error={error} />;
  if (state === undefined) return <p className="muted finder-note">Looking for the harness…</p>;
  const ask = (name: 'harness.listNames' | 'harness.cancel'): void =>
    start(async ({ bridge, cache }) => {
      await bridge.call(name, {});
      cache.invalidate((each) => each === 'harness.state');
    });
  const failure = problem ?? state.failure;
  return (
    <>
      {failure !== null && <Problem error={failure} />}
      {state.work !== null && (
        <div className="finder-line" role="status">
          <span className="open-task-line ellipsis">{state.work.line}</span>
          <Button small disabled={busy} onClick={() => ask('harness.cancel')}>
            Cancel
          </Button>
        </div>
      )}
      {state.lacks !== null ? (
        <LacksPython lacks={state.lacks} />
      ) : state.listed === null ? (
        <div className="finder-line">
          <Button
            look="primary"
            icon="search"
            disabled={busy || state.work !== null}
            onClick={() => ask('harness.listNames')}
          >
            List the tasks
          </Button>
          <span className="muted">Once for this workspace, up to a minute. Nothing is downloaded.</span>
        </div>
      ) : (
        <NamedTasks state={state} listed={state.listed} />
      )}
    </>
  );
};

const LacksPython = ({ lacks }: { readonly lacks: NonNullable<HarnessState['lacks']> }) => (
  <div className="dialog-body finder-looked">
    {lacks.code !== 'no-python' && <Problem error={lacks} />}
    <p>
      lm-evaluation-harness builds its tasks in Python, once, and this workspace has no Python with it yet. Under
      Devices, <q>Make an environment</q> installs both from PyPI.
    </p>
    <Button
      onClick={() => {
        openTaskStore.getState().show(false);
        devicesStore.getState().show(true);
      }}
    >
      Devices…
    </Button>
  </div>
);

interface NamedTasksProps {
  readonly state: HarnessState;
  readonly listed: NonNullable<HarnessState['listed']>;
}

const NamedTasks = ({ state, listed }: NamedTasksProps) => {
  const [typed, setTyped] = useState('');
  const [looked, setLooked] = useState<string | null>(null);
  const query = typed.trim();
  const found = useQuery('harness.search', query === '' ? null : { query });
  return (
    <>
      <div className="finder-search">
        <Icon name="search" />
        <input
          className="input"
          aria-label="Name of a task"
          data-autofocus
          spellCheck={false}
          autoComplete="off"
          placeholder="arc_challenge, mmlu, or a part of a name"
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setLooked(null);
          }}
        />
        <span className="muted">
          {formatCount(listed.names)} names of version {listed.version}
        </span>
      </div>
      <Imported state={state} />
      {found.error !== null && <Problem error={found.error} />}
      {looked !== null ? (
        <Looked name={looked} isBusy={state.work !== null} back={() => setLooked(null)} />
      ) : query !== '' && found.data !== undefined ? (
        <Found entries={found.data.entries} total={found.data.total} look={setLooked} />
      ) : (
        <p className="muted finder-note">
          An imported task lies in this workspace with all its prompts. It needs no network any more, and Python only
          where its own code judges the answers.
        </p>
      )}
    </>
  );
};

/** Ticks what an import brought, once the list of tasks has it, and says so. */
const Imported = ({ state: { imported } }: { readonly state: HarnessState }) => {
  const tasks = useQuery('tasks.list', {}).data;
  const known = useRef(imported);
  const found = (tasks ?? []).filter(({ handle }) => imported.includes(handle));
  const isListed = found.length === imported.length;
  useEffect(() => {
    if (known.current === imported || !isListed) return;
    known.current = imported;
    const [first] = imported;
    if (first === undefined) return;
    const { tasks: ticked, tickTasks } = selectionStore.getState();
    tickTasks([...new Set([...ticked, ...imported])], first);
  }, [imported, isListed]);
  return found.length === 0 ? null : (
    <p className="finder-note" role="status">
      <Icon name="check" size={12} /> In the list of tasks:{' '}
      {found.map(({ title, items }) => `${title} (${formatCount(items.test)} items)`).join(', ')}.
    </p>
  );
};

interface FoundProps {
  readonly entries: readonly HarnessEntry[];
  readonly total: number;
  readonly look: (name: string) => void;
}

const Found = ({ entries, total, look }: FoundProps) =>
  entries.length === 0 ? (
    <p className="muted finder-note">No name contains this.</p>
  ) : (
    <>
      <FinderList
        label="Tasks of lm-evaluation-harness"
        look={look}
        entries={entries.map((entry) => ({
          name: entry.name,
          icon: entry.kind === 'task' ? 'file' : 'folder',
          note: harnessNote(entry),
        }))}
      />
      {total > entries.length && (
        <p className="muted finder-note">
          {formatCount(entries.length)} of {formatCount(total)} names; type more of one.
        </p>
      )}
    </>
  );

interface LookedProps {
  readonly name: string;
  readonly isBusy: boolean;
  readonly back: () => void;
}

const Looked = ({ name, isBusy, back }: LookedProps) => {
  const { data, error } = useQuery('harness.look', { name });
  return (
    <FinderLooked back={back} error={error} reading={`Asking for the card of ${name}…`}>
      {data === undefined ? null : <Held facts={data} isBusy={isBusy} />}
    </FinderLooked>
  );
};

/** What a name holds, and its import. */
const Held = ({ facts, isBusy }: { readonly facts: HarnessFacts; readonly isBusy: boolean }) => {
  const { busy, problem, start } = useRequest('here');
  const [fewshot, setFewshot] = useState<number | null>(null);
  const [limit, setLimit] = useState<number | null>(null);
  const [runsPrograms, setRunsPrograms] = useState(false);
  const { entry } = facts;
  const isRefused = entry.runsPrograms && !runsPrograms;
  return (
    <>
      <FactList
        className="terms"
        facts={[
          plainFact(harnessKind(entry), <span className="path">{entry.name}</span>),
          ...heldBy(facts).map(([term, value]) => plainFact(term, value)),
        ]}
      />
      <div className="line open-task-options">
        <NumberField
          label="Examples in each prompt"
          value={fewshot}
          placeholder={formatCount(entry.fewshot)}
          accepts={(value) => value === null || wholeFrom(0, MOST_EXAMPLES)(value)}
          onChange={setFewshot}
        />
        <NumberField
          label="Only the first items"
          value={limit}
          placeholder="all"
          accepts={(value) => value === null || wholeFrom(1, MOST_ITEMS)(value)}
          onChange={setLimit}
        />
      </div>
      {entry.runsPrograms && (
        <Checkbox checked={runsPrograms} onChange={setRunsPrograms}>
          Run the programs that the model writes. This is a risk: they are shut in, and can still read what you can
          read.
        </Checkbox>
      )}
      {problem !== null && <Problem error={problem} />}
      <div className="line open-task-options">
        <Button
          look="primary"
          icon="save"
          disabled={busy || isBusy || isRefused}
          onClick={() =>
            start(async ({ bridge, cache }) => {
              const order = { names: [entry.name], fewshot, limit, generatedCode: runsPrograms };
              await bridge.call('harness.import', order);
              cache.invalidate((each) => each === 'harness.state');
            })
          }
        >
          Import {entry.name}
        </Button>
        {isRefused && <span className="muted">Its answers are programs: it is imported only if they may run.</span>}
      </div>
    </>
  );
};
