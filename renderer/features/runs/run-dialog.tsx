import { Fragment, useState, useEffect } from 'react';
import { useStore } from 'zustand';
import { runDurationMs, type RunManifest, runTag, tagsIn } from '../../../main/contract/run.ts';
import { describedExperimentSettings, experimentSettings } from '../../../main/contract/experiment.ts';
import { equivalentCommand } from '../../../main/words/equivalent-command.ts';
import { changedSettings, valueText } from '../../../main/contract/setting.ts';
import { describedSweepSettings, sweepSettings } from '../../../main/contract/sweep.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { copyText } from '../../components/copy-text.ts';
import { labelRun } from '../../actions/runs.ts';
import { RequestButton } from '../../components/button.tsx';
import { Field, TextField } from '../../components/choices.tsx';
import { type Fact, fact, FactList, plainFact } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { useQuery, useEngine } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { counted, formatDuration } from '../../../main/words/numbers.ts';
import { formatMoment } from '../../format/format-time.ts';
import { runDeviceText } from '../../format/record-words.ts';
import { isAtRest, shownRunName } from '../../format/run-names.ts';
import { inTaskTitles, titleList, titlesOf } from '../../../main/words/task-titles.ts';
import { runsStore } from '../../state/runs-store.ts';
import { runStateText } from './run-row.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { OpenMade } from '../../actions/action-button.tsx';

/** A run's name, tags and note, and the facts in its manifest. */
export const RunDialog = () => {
  const id = useStore(runsStore, (state) => state.details);
  const run = useQuery('runs.list', {}).data?.find((known) => known.id === id);
  const tasks = useQuery('tasks.list', {}).data ?? [];
  if (run === undefined) return null;
  const name = shownRunName(run, tasks);
  return (
    <Dialog title={name} onClose={() => runsStore.setState({ details: null })}>
      <RunDetails key={run.id} run={run} shown={name} title={inTaskTitles(run.title, tasks)} />
    </Dialog>
  );
};

interface RunDetailsProps {
  readonly run: RunManifest;
  /** Displayed name, and the default title of a run without a name. */
  readonly shown: string;
  readonly title: string;
}

const RunDetails = ({ run, shown, title }: RunDetailsProps) => {
  const { label } = run;
  const [name, setName] = useState(shown);
  const [tags, setTags] = useState((label?.tags ?? []).join(', '));
  const [note, setNote] = useState(label?.note ?? '');
  const typed = tagsIn(tags);
  const badTag = typed.find((tag) => !runTag.safeParse(tag).success);
  const given = ['', run.title, title].includes(name.trim()) ? null : name.trim();
  const isChanged =
    given !== (label?.name ?? null) || note !== (label?.note ?? '') || typed.join() !== (label?.tags ?? []).join();
  return (
    <>
      <div className="dialog-body run-details">
        {label?.unreadable !== undefined && (
          <Problem error={{ message: label.unreadable, remedy: 'Repair or delete the file; the run stays.' }} />
        )}
        <TextField label="Name" maxLength={200} placeholder={title} value={name} onChange={setName} />
        <TextField
          label="Tags, separated by commas"
          aria-invalid={badTag !== undefined}
          value={tags}
          onChange={setTags}
        />
        <Field label="Note" stacked>
          {(id) => (
            <textarea
              id={id}
              className="input"
              data-autofocus
              maxLength={10_000}
              value={note}
              onChange={(event) => setNote(event.target.value)}
            />
          )}
        </Field>
        <NotMeasuredHere provenance={run.provenance} />
        <RunFacts run={run} />
        <RunMade run={run} />
        <RunLog run={run.id} isActive={!isAtRest(run)} />
      </div>
      <footer className="dialog-foot">
        <span className="muted">
          {badTag === undefined ? '' : `“${badTag}” is not a valid tag: use one word of at most 40 letters`}
        </span>
        <RequestButton
          look="primary"
          disabled={!isChanged || badTag !== undefined}
          ask={async (engine) => {
            await labelRun(engine, run.id, { name: given, note, tags: [...typed] });
            runsStore.setState({ details: null });
          }}
        >
          Save
        </RequestButton>
      </footer>
    </>
  );
};

/** What a download or an upload has made. */
const RunMade = ({ run: { id, kind, state, output } }: { readonly run: RunManifest }) => {
  if (state !== 'done' || output === null) return null;
  if (kind === 'push')
    return (
      <p>
        Published as <span className="path">{output}</span>
      </p>
    );
  return kind === 'download' ? (
    <div>
      <OpenMade run={id} close={() => runsStore.setState({ details: null })}>
        Open the model
      </OpenMade>
    </div>
  ) : null;
};

const RunFacts = ({ run }: { readonly run: RunManifest }) => {
  const duration = runDurationMs(run);
  const now = new Date();
  const { tasks } = useFacts();
  const title = titlesOf(tasks);
  const command = equivalentCommand(run);
  return (
    <>
      {command !== null && <CommandLine command={command} />}
      <FactList
        className="terms"
        facts={[
          plainFact('Run', run.id),
          plainFact('Kind', run.kind),
          plainFact('State', runStateText(run) || 'done'),
          plainFact('Created', formatMoment(run.createdAt, now)),
          plainFact('Ended', run.finishedAt && formatMoment(run.finishedAt, now)),
          fact('runDuration', duration === null ? null : formatDuration(duration), 'From creation to end'),
          plainFact('Models', run.models.map((model) => model.name).join(', ') || null),
          plainFact('Tasks', titleList(run.tasks.map(({ name }) => title(name))) || null),
          plainFact('Device', runDeviceText(run.device)),
          ...settingFacts(run),
          plainFact('Error', run.error),
        ]}
      />
    </>
  );
};

/** Methods, factors, and settings other than the defaults. */
const settingFacts = ({ kind, spec }: RunManifest): readonly Fact[] => {
  const sweep = kind === 'sweep' ? sweepSettings.safeParse(spec).data : undefined;
  const experiment = kind === 'experiment' ? experimentSettings.safeParse(spec['settings']).data : undefined;
  const settings = sweep ?? experiment;
  if (settings === undefined) return [];
  return [
    plainFact('Methods', settings.methods.map(methodTitle).join(', ') || null),
    plainFact('Factors', (sweep?.factors ?? []).join(', ') || null),
    ...changedSettings(sweep === undefined ? describedExperimentSettings : describedSweepSettings, settings).map(
      ({ setting, value }) => plainFact(setting.label, valueText(setting, value) || null),
    ),
  ];
};

/** The command line that makes the same run, to be copied. */
const CommandLine = ({ command }: { readonly command: string }) => (
  <div className="field field-stacked">
    <span>
      <Definition of="equivalentCommand">The same on the command line</Definition>
    </span>
    {/* Broken between its words only: "--" is no place to break. */}
    <pre className="command-line">
      {command.split(' ').map((word, index) => (
        <Fragment key={index}>
          {index > 0 && ' '}
          <span>{word}</span>
        </Fragment>
      ))}
    </pre>
    <RequestButton ask={() => copyText('The command', command)}>Copy the command</RequestButton>
  </div>
);

const clock = (at: string): string =>
  new Date(at).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });

const LOOK_AGAIN_MS = 2_000;

interface RunLogProps {
  readonly run: string;
  /** Whether the run can still add lines; then the log is polled. */
  readonly isActive: boolean;
}

/** The log of a run: events with their times. */
const RunLog = ({ run, isActive }: RunLogProps) => {
  const { cache } = useEngine();
  useEffect(() => {
    if (!isActive) return;
    const again = setInterval(() => cache.invalidate((name) => name === 'runs.log'), LOOK_AGAIN_MS);
    return () => clearInterval(again);
  }, [cache, isActive]);
  const log = useQuery('runs.log', { run });
  if (log.error !== null) return <Problem error={log.error} />;
  const lines = log.data?.lines ?? [];
  return (
    <Disclosure summary={`Log (${counted(lines.length, 'line')})`}>
      {log.data?.missing !== null && log.data !== undefined && <p className="muted">{log.data.missing}</p>}
      {lines.length === 0 && <p className="muted">This run has no log entries.</p>}
      <ol className="rows run-log" tabIndex={0} aria-label="Log of the run">
        {lines.map((line, index) => (
          <li key={index} className={`run-log-${line.kind}`}>
            <time dateTime={line.at}>{clock(line.at)}</time>
            <span>{line.text}</span>
          </li>
        ))}
      </ol>
    </Disclosure>
  );
};
