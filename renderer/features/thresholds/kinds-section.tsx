import type { SweepDocument } from '../../../main/contract/sweep.ts';
import {
  choiceAndWriting,
  type ChoiceAndWriting,
  reachSummary,
  reachText,
} from '../../../main/evaluation/choice-and-writing.ts';
import { DataTable } from '../../components/data-table.tsx';
import { methodTitle } from '../../../main/figures/method-titles.ts';

interface KindsSectionProps {
  readonly document: Pick<SweepDocument, 'results' | 'thresholds'>;
  /** Methods that are shown. */
  readonly shown: readonly string[];
  readonly title: (task: string) => string;
}

const keyOf = ({ model, task, method }: ChoiceAndWriting): string => JSON.stringify([model, task, method]);

/**
 * How far each task is safe where the model chooses among answers, and where it writes them; nothing where one kind was
 * measured.
 */
export const KindsSection = ({ document, shown, title }: KindsSectionProps) => {
  const pairs = choiceAndWriting(document).filter(({ method }) => shown.includes(method));
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return null;
  return (
    <section aria-label="Chosen and written answers">
      <h2>Chosen and written answers</h2>
      {summary !== null && <p>{summary}</p>}
      <DataTable
        caption="How far each task is safe, by choice and when the model writes the answer"
        rows={pairs}
        rowKey={keyOf}
        columns={[
          { key: 'task', title: 'Task', cell: ({ task }) => title(task) },
          { key: 'model', title: 'Model', cell: ({ model }) => model },
          { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
          { key: 'choice', title: 'Safe by choice', cell: ({ choice }) => reachText(choice) },
          { key: 'writing', title: 'Safe when written', cell: ({ writing }) => reachText(writing) },
        ]}
      />
    </section>
  );
};
