import { useState } from 'react';
import { useStore } from 'zustand';
import { comparesBytesOnly, type Verification, exportFormat } from '../../../main/contract/export.ts';
import { isRepositoryId } from '../../../main/contract/hub.ts';
import { byNewest, type RunManifest } from '../../../main/contract/run.ts';
import { Button, Icon, RequestButton } from '../../components/button.tsx';
import { type Fact, fact, FactList } from '../../components/data-table.tsx';
import { Disclosure, EmptyState, Sentences } from '../../components/panel.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { useInView } from '../../components/use-in-view.ts';
import { equivalentCommand } from '../../../main/words/equivalent-command.ts';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { useQuery, useEngine, useRequest } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatCount, formatPower } from '../../../main/words/numbers.ts';
import { formatWhen } from '../../format/format-time.ts';
import { isAtRest, shownRunName } from '../../format/run-names.ts';
import { exportStore } from '../../state/model-forms.ts';
import { folderWords, formOfRun } from './export-formats.ts';
import { copyText } from '../../components/copy-text.ts';
import { fetchRun } from '../../actions/remote.ts';
import type { CallInput } from '../../../main/contract/calls.ts';
import { planCountsText, planStanding, planStandingText, planVerdicts } from '../../../main/words/verdicts.ts';
import { fitSentence } from '../../../main/words/fit.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { transformersWords } from '../../../main/words/referee.ts';
import { OpenMade } from '../../actions/action-button.tsx';

/** Verification results of the chosen export or verification, else the newest. */
export const ExportOutcome = () => {
  const { runs, jobs, tasks } = useFacts();
  const shown = useStore(exportStore, (state) => state.run);
  const candidates = runs.filter((run) => run.kind === 'export' || run.kind === 'verify').sort(byNewest);
  const run = candidates.find((known) => known.id === shown) ?? candidates[0];
  // The outcome is below the form: scroll to it when an export starts and when its result arrives.
  const line = useInView<HTMLElement>(shown === null || run === undefined ? null : `${run.id} ${run.state}`);
  if (run === undefined) {
    return (
      <EmptyState icon="check" title="No export yet">
        Each export is reopened and compared with the masked original before it gets its name. The results appear here.
      </EmptyState>
    );
  }
  const form = formOfRun(run);
  const { fit: named } = run.spec;
  const fit = typeof named === 'string' ? named : null;
  const job = jobs.find((known) => known.run === run.id);
  return (
    <section ref={line} className="card" aria-label="Outcome">
      <div className="section-head">
        <h3>{shownRunName(run, tasks)}</h3>
        <span className="muted">{formatWhen(run.finishedAt ?? run.createdAt, new Date())}</span>
      </div>
      {run.output !== null && (
        <div>
          <span className="field-label">{form === null ? 'Folder' : `Folder, ${form}`}</span>
          <p className="path-plain">{run.output}</p>
          <ExportEnds run={run} path={run.output} />
        </div>
      )}
      {run.error !== null && <Problem error={{ message: run.error, remedy: '' }} />}
      {run.kind === 'export' && (fit === null ? <MeasuredLine asked={{ run: run.id }} /> : <FoundLine fit={fit} />)}
      {run.state === 'done' && <Proof run={run} />}
      {run.state === 'failed' && run.kind === 'verify' && <Proof run={run} />}
      {!isAtRest(run) && <p className="muted">{job?.description ?? 'Waiting for its turn…'}</p>}
      {(run.state === 'cancelled' || run.state === 'interrupted') && (
        <p className="muted">Left unfinished: resume it from the list of runs.</p>
      )}
      <Command run={run} />
    </section>
  );
};

/** What the search that recommended an exported model has measured of it. */
const FoundLine = ({ fit }: { readonly fit: string }) => {
  const { data, error } = useQuery('fit.read', { run: fit });
  if (error !== null) return <Problem error={error} />;
  return <p>{data === undefined ? 'Reading the search…' : fitSentence(data)}</p>;
};

/** The command that makes the same run; nothing where there is none. */
const Command = ({ run }: { readonly run: RunManifest }) => {
  const command = equivalentCommand(run);
  return command === null ? null : <p className="path">{command}</p>;
};

const Proof = ({ run }: { readonly run: RunManifest }) => {
  const { data, error } = useQuery('verify.read', { run: run.id });
  if (error !== null) return run.error === null ? <Problem error={error} /> : null;
  if (data === undefined) return <p className="muted">Reading the results…</p>;
  return (
    <>
      {/* A verification that found a difference fails, and is not sealed. */}
      {run.state === 'done' && <NotMeasuredHere provenance={data.provenance} />}
      <ProofBody proof={data} />
    </>
  );
};

const yesNo = (value: boolean) => (
  <span className="yes-no">
    <Icon name={value ? 'check' : 'warning'} size={13} /> {value ? 'yes' : 'no'}
  </span>
);

/** The largest logit difference of each verified format. */
const logitFacts = (proof: Verification): readonly Fact[] => {
  if (comparesBytesOnly(proof)) return [];
  const { forms, maxLogitDifference, tolerance } = proof;
  const measured = forms.length > 0 ? forms : [{ form: null, maxLogitDifference, tolerance }];
  return measured.map(({ form, maxLogitDifference: difference, tolerance: limit }) =>
    fact(
      'logitDifference',
      <>
        {difference === 0 ? '0 (bit-equal)' : formatPower(difference, 2)}
        <span className="muted proof-tolerance">tolerance {formatPower(limit, 0)}</span>
      </>,
      form === null ? 'Largest logit difference' : `Logit difference, ${folderWords[form]}`,
    ),
  );
};

const ProofBody = ({ proof }: { readonly proof: Verification }) => (
  <>
    <div className={proof.ok ? 'verdict verdict-ok' : 'verdict verdict-bad'} role="status">
      <Icon name={proof.ok ? 'check' : 'warning'} size={18} />
      <div>
        <strong>{proof.ok ? 'Verified: the export equals the measured model' : 'Not verified'}</strong>
        <p>
          {comparesBytesOnly(proof)
            ? 'Compared byte by byte; not run'
            : `${formatCount(proof.sequences)} sequences, ${formatCount(proof.tokens)} tokens compared`}
        </p>
      </div>
    </div>
    <FactList
      facts={[
        ...logitFacts(proof),
        fact('sameExperts', proof.sameExperts === null ? 'not available for a graph' : yesNo(proof.sameExperts)),
        fact('sameTensors', yesNo(proof.sameTensors)),
        ...(proof.transformers === undefined ? [] : [fact('exportReferee', transformersWords(proof.transformers))]),
      ]}
    />
    {proof.problems.map((problem) => (
      <Problem key={problem} error={{ message: problem, remedy: '' }} />
    ))}
  </>
);

/** Whether the export can be opened here; onnx is for other programs. */
const isModel = ({ spec }: RunManifest): boolean =>
  exportFormat.options.some((format) => format === spec['format'] && format !== 'onnx');

/** Next steps with an export. */
const ExportEnds = ({ run, path }: { readonly run: RunManifest; readonly path: string }) => {
  const { shell } = useEngine().bridge;
  if (run.kind !== 'export' || run.state !== 'done') return null;
  return (
    <div className="card-actions">
      {/* A browser cannot show local folders; there the path can be copied. */}
      {shell !== null && shell.remote.host !== null && (
        <RequestButton icon="save" ask={(engine) => fetchRun(engine, run.id)}>
          Fetch to this machine…
        </RequestButton>
      )}
      {shell !== null && shell.remote.host === null && (
        <RequestButton icon="folder" ask={() => shell.showOutput(run.id)}>
          Open folder
        </RequestButton>
      )}
      <RequestButton ask={() => copyText('The path', path)}>Copy path</RequestButton>
      {isModel(run) && (
        <OpenMade run={run.id} close={() => exportStore.getState().show(false)}>
          Open as model
        </OpenMade>
      )}
      <Publish run={run} />
    </div>
  );
};

/** Publishes the export on the Hub. What the Hub or the workbench refuses is said here, before anything is sent. */
const Publish = ({ run }: { readonly run: RunManifest }) => {
  const state = useQuery('hub.state', {}).data;
  const { busy, problem, start } = useRequest('here');
  const [isAsked, setAsked] = useState(false);
  const [repository, setRepository] = useState('');
  const [isPrivate, setPrivate] = useState(true);
  const [intoExisting, setIntoExisting] = useState(false);
  const [withoutNumbers, setWithoutNumbers] = useState(false);
  if (state === undefined || state.forbiddenBy !== null || state.endpoint === null) return null;
  if (!isAsked)
    return (
      <Button icon="up" onClick={() => setAsked(true)}>
        Publish…
      </Button>
    );
  return (
    <form
      className="export-publish"
      onSubmit={(event) => {
        event.preventDefault();
        start(async ({ bridge }) => {
          const order = { repository, isPrivate, intoExisting, withoutNumbers };
          await bridge.call('hub.push', { exported: { run: run.id }, ...order });
          setAsked(false);
        });
      }}
    >
      <label className="field-label">
        Repository on {new URL(state.endpoint).host}
        <input
          className="input"
          placeholder="org/name"
          spellCheck={false}
          value={repository}
          onChange={(event) => setRepository(event.target.value.trim())}
        />
      </label>
      <Checkbox checked={isPrivate} onChange={setPrivate}>
        Private
      </Checkbox>
      <Checkbox checked={intoExisting} onChange={setIntoExisting}>
        Add to a repository that has files
      </Checkbox>
      <Checkbox checked={withoutNumbers} onChange={setWithoutNumbers}>
        Also if the card does not say what pruning costs
      </Checkbox>
      {state.tokenProblem !== null && <p className="muted">Your token cannot be used: {state.tokenProblem}</p>}
      {problem !== null && <Problem error={problem} />}
      <div className="card-actions">
        <Button type="submit" look="primary" disabled={busy || !isRepositoryId(repository)}>
          {state.hasToken || state.tokenProblem !== null ? 'Publish' : 'Publish (no token is set)'}
        </Button>
        <Button look="quiet" onClick={() => setAsked(false)}>
          Cancel
        </Button>
      </div>
    </form>
  );
};

/** Obstacles to an export, and advice on serving it, before anything is written. */
export const ExportCheck = ({ asked }: { readonly asked: CallInput<'export.check'> | null }) => {
  const { data, error } = useQuery('export.check', asked);
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return null;
  if (data.refusal !== null) return <Problem error={data.refusal} />;
  return data.notes.length === 0 ? null : (
    <Disclosure summary="Serving it on several devices">
      <Sentences className="export-serving" sentences={data.notes} />
    </Disclosure>
  );
};

/** Tasks of a plan's verdict that are read in one line; more are counted, and listed on demand. */
const MOST_IN_A_LINE = 3;

/** Verdict of sweeps on a plan, or on an export's, on every task that measured it. */
export const MeasuredLine = ({ asked }: { readonly asked: CallInput<'export.measured'> }) => {
  const { tasks } = useFacts();
  const { data, error } = useQuery('export.measured', asked);
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <p className="muted">Looking for measurements of this plan…</p>;
  const { results, leftOut } = data;
  const title = titlesOf(tasks);
  const look = `plan-standing plan-standing-${planStanding(results)}`;
  const others = leftOut.map((sentence) => (
    <p className="muted" key={sentence}>
      {sentence}
    </p>
  ));
  if (results.length <= MOST_IN_A_LINE)
    return (
      <>
        <p className={look}>{planStandingText(results, title)}</p>
        {others}
      </>
    );
  return (
    <div>
      <p className={look}>{planCountsText(results)}</p>
      <Disclosure summary="Task by task">
        <Sentences className="export-serving" sentences={planVerdicts(results, title)} />
      </Disclosure>
      {others}
    </div>
  );
};
