import type { CallInput } from '../../../main/contract/calls.ts';
import { planCountsText, planStanding, planStandingText, planVerdicts } from '../../../main/words/verdicts.ts';
import { Disclosure } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { titlesOf } from '../../format/task-titles.ts';

interface ExportCheckProps {
  readonly asked: CallInput<'export.check'> | null;
}

/** Obstacles to an export, and advice on serving it, before anything is written. */
export const ExportCheck = ({ asked }: ExportCheckProps) => {
  const { data, error } = useQuery('export.check', asked);
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return null;
  if (data.refusal !== null) return <Problem error={data.refusal} />;
  return data.notes.length === 0 ? null : (
    <Disclosure summary="Serving it on several devices">
      <ul className="export-serving">
        {data.notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
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
  const { results } = data;
  const title = titlesOf(tasks);
  const look = `plan-standing plan-standing-${planStanding(results)}`;
  if (results.length <= MOST_IN_A_LINE) return <p className={look}>{planStandingText(results, title)}</p>;
  return (
    <div>
      <p className={look}>{planCountsText(results)}</p>
      <Disclosure summary="Task by task">
        <ul className="export-serving">
          {planVerdicts(results, title).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </Disclosure>
    </div>
  );
};
