import { useStore } from 'zustand';
import { comparesBytesOnly, type Verification } from '../../../main/contract/export.ts';
import type { RunManifest } from '../../../main/contract/run.ts';
import { Icon } from '../../components/button.tsx';
import { type Fact, FactList } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { EmptyState } from '../../components/panel.tsx';
import { useInView } from '../../components/use-in-view.ts';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatCount, formatPower } from '../../../main/words/numbers.ts';
import { formatWhen } from '../../format/format-time.ts';
import { shownRunName } from '../../format/run-names.ts';
import { exportStore } from '../../state/export-store.ts';
import { MeasuredLine } from './export-check.tsx';
import { ExportEnds } from './export-ends.tsx';
import { formOfRun, formTitle } from './export-formats.ts';

/** Verification results of the chosen export or verification, else the newest. */
export const ExportOutcome = () => {
  const { runs, jobs, tasks } = useFacts();
  const shown = useStore(exportStore, (state) => state.run);
  const candidates = runs
    .filter((run) => run.kind === 'export' || run.kind === 'verify')
    .sort((left, right) => right.createdAt.localeCompare(left.createdAt));
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
      {run.kind === 'export' && <MeasuredLine asked={{ run: run.id }} />}
      {run.state === 'done' && <Proof run={run} />}
      {run.state === 'failed' && run.kind === 'verify' && <Proof run={run} />}
      {(run.state === 'running' || run.state === 'queued') && (
        <p className="muted">{job?.description ?? 'Waiting for its turn…'}</p>
      )}
      {(run.state === 'cancelled' || run.state === 'interrupted') && (
        <p className="muted">Left unfinished: resume it from the list of runs.</p>
      )}
      <p className="path">{run.commandLine}</p>
    </section>
  );
};

const Proof = ({ run }: { readonly run: RunManifest }) => {
  const { data, error } = useQuery('verify.read', { run: run.id });
  if (error !== null) return run.error === null ? <Problem error={error} /> : null;
  return data === undefined ? <p className="muted">Reading the results…</p> : <ProofBody proof={data} />;
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
  return measured.map(({ form, maxLogitDifference: difference, tolerance: limit }) => ({
    key: `logits ${form ?? ''}`,
    term: (
      <Definition of="logitDifference">
        {form === null ? 'Largest logit difference' : `Logit difference, ${formTitle[form]}`}
      </Definition>
    ),
    value: (
      <>
        {difference === 0 ? '0 (bit-equal)' : formatPower(difference, 2)}
        <span className="muted proof-tolerance">tolerance {formatPower(limit, 0)}</span>
      </>
    ),
  }));
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
        {
          key: 'experts',
          term: <Definition of="sameExperts" />,
          value: proof.sameExperts === null ? 'not available for a graph' : yesNo(proof.sameExperts),
        },
        { key: 'tensors', term: <Definition of="sameTensors" />, value: yesNo(proof.sameTensors) },
      ]}
    />
    {proof.problems.map((problem) => (
      <Problem key={problem} error={{ message: problem, remedy: '' }} />
    ))}
  </>
);
