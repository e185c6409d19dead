import { useStore } from 'zustand';
import type { AnswerChange, OutcomesDocument } from '../../../main/contract/outcomes.ts';
import { Button } from '../../components/button.tsx';
import { Segmented } from '../../components/choices.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/facts.ts';
import { formatCount, formatFactor } from '../../../main/words/numbers.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { outcomesStore } from '../../state/dialog-stores.ts';
import type { PointKey } from '../../state/selection.ts';
import { ItemAnswer } from '../../sweep/item-answer.tsx';

const PAGE_ITEMS = 50;

/** Answers of the unpruned model and of a point's candidate, item by item. */
export const OutcomesDialog = () => {
  const { tasks } = useFacts();
  const { point, show } = useStore(outcomesStore);
  if (point === null) return null;
  const task = tasks.find((known) => known.name === point.task)?.title ?? point.task;
  return (
    <Dialog title={`Items of ${task}`} wide onClose={() => show(null)}>
      <Items point={point} />
    </Dialog>
  );
};

const Items = ({ point }: { readonly point: PointKey }) => {
  const { filter, from, choose } = useStore(outcomesStore);
  const { data, error } = useQuery('outcomes.read', { ...point, show: filter, from, count: PAGE_ITEMS });
  return (
    <>
      <div className="items-head">
        <p className="muted">
          {point.model}, {methodTitle(point.method)} {formatFactor(point.factor)}
          {point.seed === null ? '' : `, seed ${point.seed}`}, against the unpruned model on the same items.
          {data?.items.some(({ unpruned }) => unpruned.kind === 'choice') === true &&
            ' Numbers: log-probability of each choice, in nats.'}
        </p>
        <Segmented label="Items" value={filter} onChange={choose} options={filterOptions(data?.counts)} />
        {data !== undefined && data.counts.otherwise > data.counts.lost + data.counts.gained && (
          <p className="muted">{formatCount(data.counts.otherwise)} items have a different answer, right or wrong.</p>
        )}
        {data !== undefined && data.note !== null && <p className="muted">{data.note}</p>}
      </div>
      {error !== null && <Problem error={error} />}
      {data === undefined ? (
        error === null && <p className="muted items-head">Reading the answers…</p>
      ) : (
        <>
          <ol className="rows items-list" tabIndex={0} aria-label="Items and answers">
            {data.items.map((item) => (
              <ItemAnswer key={item.item} answers={item} />
            ))}
          </ol>
          <Pages document={data} onTurn={(to) => outcomesStore.setState({ from: to })} />
        </>
      )}
    </>
  );
};

/** Filters with the number of items of each, once known. */
const filterOptions = (
  counts: OutcomesDocument['counts'] | undefined,
): readonly { readonly value: AnswerChange | 'all'; readonly label: string }[] => {
  const labelled = (name: string, count: number | undefined): string =>
    count === undefined ? name : `${name} (${formatCount(count)})`;
  const all = counts === undefined ? undefined : counts.lost + counts.gained + counts.same;
  return [
    { value: 'lost', label: labelled('Lost', counts?.lost) },
    { value: 'gained', label: labelled('Gained', counts?.gained) },
    { value: 'same', label: labelled('Same', counts?.same) },
    { value: 'all', label: labelled('All', all) },
  ];
};

interface PagesProps {
  readonly document: OutcomesDocument;
  readonly onTurn: (from: number) => void;
}

const Pages = ({ document: { from, items, total }, onTurn }: PagesProps) => (
  <div className="dialog-foot">
    <span className="muted">
      {total === 0
        ? 'No items.'
        : `Items ${formatCount(from + 1)} to ${formatCount(from + items.length)} of ${formatCount(total)}.`}
    </span>
    {total > PAGE_ITEMS && (
      <>
        <Button disabled={from === 0} onClick={() => onTurn(Math.max(0, from - PAGE_ITEMS))}>
          Previous
        </Button>
        <Button disabled={from + items.length >= total} onClick={() => onTurn(from + PAGE_ITEMS)}>
          Next
        </Button>
      </>
    )}
  </div>
);
