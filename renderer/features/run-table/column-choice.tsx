import { useStore } from 'zustand';
import { heading } from '../../../main/figures/columns.ts';
import { runColumns, RUNS_SHOWN } from '../../../main/figures/run-tables.ts';
import { Button } from '../../components/button.tsx';
import { Checkbox } from '../../components/choices.tsx';
import { runsTableStore } from '../../state/runs-table-store.ts';

const offered = runColumns.flatMap(([name, , shown]) => (shown === undefined ? [] : [{ name, title: shown.title }]));

/** Chooses the columns of the table; the run's name always stays. */
export const ColumnChoice = () => {
  const { columns, showColumns } = useStore(runsTableStore);
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
                showColumns(
                  offered.flatMap((known) =>
                    (known.name === name ? checked : columns.includes(known.name)) ? [known.name] : [],
                  ),
                )
              }
            >
              {heading(title)}
            </Checkbox>
          ))}
        <Button look="quiet" className="button-small" onClick={() => showColumns(RUNS_SHOWN)}>
          Usual columns
        </Button>
      </div>
    </details>
  );
};
