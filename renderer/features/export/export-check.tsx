import type { CallInput } from '../../../main/contract/calls.ts';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';

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
    <details className="export-serving">
      <summary>Serving it on several devices</summary>
      <ul>
        {data.notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </details>
  );
};
