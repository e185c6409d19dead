import type { CallInput } from '../../../main/contract/calls.ts';
import { planStanding, planStandingText } from '../../../main/words/verdicts.ts';
import { Disclosure } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';

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

/** Verdict of sweeps on a plan, or on an export's, on every task that measured it. */
export const MeasuredLine = ({ asked }: { readonly asked: CallInput<'export.measured'> }) => {
  const { tasks } = useFacts();
  const { data, error } = useQuery('export.measured', asked);
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <p className="muted">Looking for measurements of this plan…</p>;
  const text = planStandingText(data.results, (name) => tasks.find((task) => task.name === name)?.title ?? name);
  return <p className={`plan-standing plan-standing-${planStanding(data.results)}`}>{text}</p>;
};
