import { useState } from 'react';
import { choiceAndWriting, type ChoiceAndWriting, reachSummary } from '../../../main/evaluation/choice-and-writing.ts';
import { pick } from '../../../main/figures/columns.ts';
import { kindColumns } from '../../../main/figures/tables.ts';
import { Checkbox } from '../../components/choices.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatCount } from '../../../main/words/numbers.ts';
import type { MeasuredProps } from './shown-size-trend.ts';

const keyOf = ({ model, task, method }: ChoiceAndWriting): string => JSON.stringify([model, task, method]);
const differs = ({ choice, writing }: ChoiceAndWriting): boolean =>
  choice.lastSafe !== writing.lastSafe || choice.verdict !== writing.verdict;

/**
 * Thresholds of each task with chosen and with written answers. Rows where the two differ are always listed; nothing is
 * shown if only one kind was measured.
 */
export const KindsSection = ({ manifest, document, shown, title }: MeasuredProps) => {
  const [showsAll, setShowsAll] = useState(false);
  const pairs = choiceAndWriting(document).filter(({ method }) => shown.includes(method));
  const summary = reachSummary(pairs);
  if (pairs.length === 0) return null;
  const different = pairs.filter(differs);
  return (
    <Section
      label="Chosen and written answers"
      title="Is pruning as safe when the model writes its answer?"
      end={
        <SaveFigure
          subject={manifest.id}
          view={({ kindsView }) => kindsView({ manifest, document })}
          hasPicture={false}
        />
      }
    >
      {summary !== null && <p className="findings">{summary}</p>}
      <p className="chart-caption">
        <Checkbox checked={showsAll} onChange={setShowsAll}>
          also show the {formatCount(pairs.length - different.length)} of {formatCount(pairs.length)} where both reach
          the same factor
        </Checkbox>
      </p>
      <DataTable
        caption="How far pruning is safe for each task, with chosen and with written answers"
        rows={showsAll ? pairs : different}
        rowKey={keyOf}
        columns={shownColumns(pick(kindColumns, 'task model method choice written written_ends_verdict'), pairs, title)}
      />
    </Section>
  );
};
