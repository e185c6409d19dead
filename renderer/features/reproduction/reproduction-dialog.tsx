import { useEffect, useRef } from 'react';
import { useStore } from 'zustand';
import type { FlippedItem, PointName, Reproduction, RewrittenItem } from '../../../main/contract/reproduction.ts';
import { Icon } from '../../components/button.tsx';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useEngine, useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { titlesOf } from '../../format/task-titles.ts';
import { circumstances } from '../../../main/words/devices.ts';
import { formatCount, formatFactor, formatFixed } from '../../../main/words/numbers.ts';
import { causeWords } from '../../../main/words/reproduction.ts';
import { bracketWords, thresholdValue } from '../../../main/words/verdicts.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { reproductionStore } from '../../state/dialog-stores.ts';
import { noticesStore } from '../../state/notices-store.ts';
import './reproduction-dialog.css';

/** Result of a reproduction: whether all numbers match, and the differences, item by item. */
export const ReproductionDialog = () => {
  const { run, showRun } = useStore(reproductionStore);
  useReproductionEnd();
  return run === null ? null : (
    <Dialog title="Reproduction" wide onClose={() => showRun(null)}>
      <div className="reproduction">
        <Result run={run} />
      </div>
    </Dialog>
  );
};

const Result = ({ run }: { readonly run: string }) => {
  const { data, error } = useQuery('reproduction.read', { run });
  if (error !== null) return <Problem error={error} />;
  return data === undefined ? <p className="muted">Reading the result…</p> : <Comparison found={data} />;
};

const pointCells = (title: (task: string) => string) => [
  { key: 'model', title: 'Model', cell: ({ model }: PointName) => model },
  { key: 'task', title: 'Task', cell: ({ task }: PointName) => title(task) },
  {
    key: 'method',
    title: 'Method',
    cell: ({ method, seed }: PointName) =>
      `${method === 'unpruned' ? 'unpruned' : methodTitle(method)}${seed === null ? '' : `, seed ${seed}`}`,
  },
  {
    key: 'factor',
    title: <Definition of="factor">Factor</Definition>,
    numeric: true,
    cell: ({ factor }: PointName) => formatFactor(factor),
  },
];

const keyOf = ({ model, task, method, seed, factor }: PointName): string =>
  JSON.stringify([model, task, method, seed, factor]);
const scores = ({ chosen, scores: all }: FlippedItem['before']): string =>
  `choice ${chosen + 1} of ${all.map((score) => formatFixed(score, 4)).join(', ')}`;

const writtenText = ({ text, correct }: RewrittenItem['before']): string =>
  `${JSON.stringify(text)}, ${correct ? 'right' : 'wrong'}`;

const Comparison = ({ found, found: { rewritten = [] } }: { readonly found: Reproduction }) => {
  const { tasks } = useFacts();
  const title = titlesOf(tasks);
  const cells = pointCells(title);
  return (
    <>
      <p className={found.matches ? 'reproduction-verdict reproduction-matches' : 'reproduction-verdict'}>
        <Icon name={found.matches ? 'check' : 'warning'} size={16} />
        <strong>{found.sentence}</strong>
      </p>
      <Causes found={found} />
      {found.flipped.length > 0 && (
        <section>
          <h3>Items that flipped, {formatCount(found.flipped.length)}</h3>
          <DataTable
            caption="Items with a different answer, with both scores"
            rows={found.flipped}
            rowKey={(flip) => `${flip.item} ${keyOf(flip)}`}
            columns={[
              { key: 'item', title: 'Item', cell: ({ item }) => item },
              ...cells,
              { key: 'answer', title: 'Right', numeric: true, cell: ({ answer }) => answer + 1 },
              { key: 'before', title: 'Before', cell: ({ before }) => scores(before) },
              { key: 'after', title: 'Now', cell: ({ after }) => scores(after) },
            ]}
          />
        </section>
      )}
      {rewritten.length > 0 && (
        <section>
          <h3>Items with a different written answer, {formatCount(rewritten.length)}</h3>
          <DataTable
            caption="Items with a different written answer"
            rows={rewritten}
            rowKey={(item) => `${item.item} ${keyOf(item)}`}
            columns={[
              { key: 'item', title: 'Item', cell: ({ item }) => item },
              ...cells,
              { key: 'before', title: 'Before', cell: ({ before }) => writtenText(before) },
              { key: 'after', title: 'Now', cell: ({ after }) => writtenText(after) },
            ]}
          />
        </section>
      )}
      {found.changed.length > 0 && (
        <section>
          <h3>Values that changed, {formatCount(found.changed.length)}</h3>
          <DataTable
            caption="Values that changed"
            rows={found.changed}
            rowKey={keyOf}
            columns={[
              ...cells,
              { key: 'metric', title: 'Metric', cell: ({ metric }) => metric },
              { key: 'before', title: 'Before', numeric: true, cell: ({ before }) => formatFixed(before, 4) },
              { key: 'after', title: 'Now', numeric: true, cell: ({ after }) => formatFixed(after, 4) },
            ]}
          />
        </section>
      )}
      {found.thresholds.length > 0 && (
        <section>
          <h3>Thresholds that changed, {formatCount(found.thresholds.length)}</h3>
          <DataTable
            caption="Thresholds that changed"
            rows={found.thresholds}
            rowKey={({ before: { model, task, method, seed } }) => JSON.stringify([model, task, method, seed])}
            columns={[
              { key: 'model', title: 'Model', cell: ({ before }) => before.model },
              { key: 'task', title: 'Task', cell: ({ before }) => title(before.task) },
              { key: 'method', title: 'Method', cell: ({ before }) => methodTitle(before.method) },
              {
                key: 'before',
                title: 'Before',
                cell: ({ before }) => `${thresholdValue(before)}, ${bracketWords(before)}`,
              },
              { key: 'after', title: 'Now', cell: ({ after }) => `${thresholdValue(after)}, ${bracketWords(after)}` },
            ]}
          />
        </section>
      )}
      <PointList title="Points that were not measured again" points={found.missing} cells={cells} />
      <PointList title="Points that the first run did not measure" points={found.added} cells={cells} />
      <PointList title="Points whose plan differs" points={found.replanned ?? []} cells={cells} />
      <p className="muted">
        First run: {circumstances(found.before)}
        <br />
        Second run: {circumstances(found.after)}
      </p>
    </>
  );
};

const Causes = ({ found }: { readonly found: Reproduction }) => {
  const causes = causeWords(found);
  return causes.length === 0 ? null : (
    <section>
      <h3>Why</h3>
      {causes.map((cause) => (
        <p key={cause}>{cause}</p>
      ))}
    </section>
  );
};

interface PointListProps {
  readonly title: string;
  readonly points: readonly PointName[];
  readonly cells: ReturnType<typeof pointCells>;
}

const PointList = ({ title, points, cells }: PointListProps) =>
  points.length === 0 ? null : (
    <section>
      <h3>
        {title}, {formatCount(points.length)}
      </h3>
      <DataTable caption={title} rows={points} rowKey={keyOf} columns={cells} />
    </section>
  );

/** Reports the result of a reproduction that ended while the window was open; opens it if something does not match. */
const useReproductionEnd = (): void => {
  const { cache } = useEngine();
  const { runs } = useFacts();
  const active = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const reproductions = runs.filter(({ kind }) => kind === 'reproduce');
    const ended = reproductions.filter(({ id, state }) => state === 'done' && active.current.has(id));
    active.current = new Set(
      reproductions.filter(({ state }) => state === 'running' || state === 'queued').map(({ id }) => id),
    );
    for (const { id } of ended) {
      cache
        .fetch('reproduction.read', { run: id })
        .then(({ matches, sentence }) => {
          if (matches) noticesStore.getState().tell(sentence, 'Its row under Runs opens the comparison.');
          else reproductionStore.getState().showRun(id);
        })
        .catch((error: unknown) => noticesStore.getState().report(error));
    }
  }, [runs, cache]);
};
