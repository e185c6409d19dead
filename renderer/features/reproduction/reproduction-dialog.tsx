import { useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import type { ComparedFields, Reproduction } from '../../../main/contract/reproduction.ts';
import { Icon } from '../../components/button.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Disclosure } from '../../components/panel.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { useEngine, useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { isAtRest, shownRunName } from '../../format/run-names.ts';
import { titlesOf } from '../../../main/words/task-titles.ts';
import { reproductionTables } from '../../../main/figures/compare-tables.ts';
import { circumstances } from '../../../main/words/devices.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { causeWords } from '../../../main/words/reproduction.ts';
import { reproductionStore } from '../../state/dialog-stores.ts';
import { noticesStore } from '../../state/notices-store.ts';
import './reproduction-dialog.css';

/** Result of a reproduction: whether all numbers match, and the differences, item by item. */
export const ReproductionDialog = () => {
  const { open: run, show } = useStore(reproductionStore);
  const { runs, tasks } = useFacts();
  useReproductionEnd();
  const shown = runs.find(({ id }) => id === run);
  return run === null ? null : (
    <Dialog title={shown === undefined ? 'Reproduction' : shownRunName(shown, tasks)} wide onClose={() => show(null)}>
      <div className="dialog-body reproduction">
        <Result run={run} />
      </div>
    </Dialog>
  );
};

const Result = ({ run }: { readonly run: string }) => {
  const { data, error } = useQuery('reproduction.read', { run });
  if (error !== null) return <Problem error={error} />;
  if (data === undefined) return <p className="muted">Reading the result…</p>;
  return (
    <>
      <NotMeasuredHere provenance={data.provenance} />
      <Comparison found={data} />
    </>
  );
};

const Comparison = ({ found }: { readonly found: Reproduction }) => {
  const title = titlesOf(useFacts().tasks);
  return (
    <>
      <p className={found.matches ? 'reproduction-verdict reproduction-matches' : 'reproduction-verdict'}>
        <Icon name={found.matches ? 'check' : 'warning'} size={16} />
        <strong>{found.sentence}</strong>
      </p>
      <Causes found={found} />
      {reproductionTables(found, (name, columns, rows) => (
        <section key={name} className="stack">
          <h3>
            {name}, {formatCount(rows.length)}
          </h3>
          <DataTable
            caption={name}
            rows={rows}
            rowKey={(row) => JSON.stringify(row)}
            columns={shownColumns(columns, rows, title)}
          />
        </section>
      ))}
      <Fields fields={found.fields} />
      <p className="muted">
        First run: {circumstances(found.before)}
        <br />
        Second run: {circumstances(found.after)}
      </p>
    </>
  );
};

/** Fields that differ, with both values, and those that were not compared, each with the reason. */
const Fields = ({ fields: { listed, allowed } }: { readonly fields: ComparedFields }) => (
  <>
    {listed.length > 0 && (
      <section className="stack">
        <h3>Fields that differ</h3>
        <ul className="findings" aria-label="Fields that differ">
          {listed.map(({ file, where, before, after }) => (
            <li key={`${file} ${where}`}>
              <code>{file}</code> {where}: {before}, now {after}
            </li>
          ))}
        </ul>
      </section>
    )}
    {allowed.length > 0 && (
      <Disclosure summary={`Not compared (${formatCount(allowed.length)})`}>
        <ul className="findings" aria-label="Fields that are not compared">
          {allowed.map(({ file, field, reason }) => (
            <li key={`${file} ${field} ${reason}`}>
              <code>{file}</code> {field}: {reason}
            </li>
          ))}
        </ul>
      </Disclosure>
    )}
  </>
);

const Causes = ({ found }: { readonly found: Reproduction }) => {
  const causes = causeWords(found);
  return causes.length === 0 ? null : (
    <section className="stack">
      <h3>Why</h3>
      {causes.map((cause) => (
        <p key={cause}>{cause}</p>
      ))}
    </section>
  );
};

/** Reports the result of a reproduction that ended while the window was open; opens it if something does not match. */
const useReproductionEnd = (): void => {
  const { cache } = useEngine();
  const { runs } = useFacts();
  const active = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const reproductions = runs.filter(({ kind }) => kind === 'reproduce');
    const ended = reproductions.filter(({ id, state }) => state === 'done' && active.current.has(id));
    active.current = new Set(reproductions.filter((run) => !isAtRest(run)).map(({ id }) => id));
    for (const { id } of ended) {
      cache
        .fetch('reproduction.read', { run: id })
        .then(({ matches, sentence }) => {
          if (matches) noticesStore.getState().tell(sentence, 'Its row under Runs opens the comparison.');
          else reproductionStore.getState().show(id);
        })
        .catch((error: unknown) => noticesStore.getState().report(error));
    }
  }, [runs, cache]);
};
