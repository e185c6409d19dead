import { useState } from 'react';
import { useStore } from 'zustand';
import type { PointInTask, SliceBy, SlicesDocument } from '../../../main/contract/slices.ts';
import {
  pointInTaskText,
  sliceColumns,
  sliceKindText,
  sliceName,
  type SliceRow,
} from '../../../main/figures/slice-table.ts';
import { readingText } from '../../../main/words/comparisons.ts';
import { counted, differenceUnit, formatCount, formatDifference, formatInterval } from '../../../main/words/numbers.ts';
import { Button, IconButton } from '../../components/button.tsx';
import { Segmented } from '../../components/choices.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { NotMeasuredHere, Problem } from '../../components/problem.tsx';
import { Reading } from '../../components/reading.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { useLasting } from '../../engine/use-settled.ts';
import type { PointKey } from '../../state/selection.ts';
import { modelMapStore, wholeSlice } from '../../state/view-stores.ts';
import { ItemAnswer } from '../../sweep/item-answer.tsx';

/** Items shown at first, and with each further request. */
const ITEMS = 10;

interface SlicesProps {
  readonly first: PointKey;
  readonly second: PointKey;
  readonly title: (task: string) => string;
}

const inTask = ({ method, seed, factor }: PointKey): PointInTask => ({ method, seed, factor });

/** Two models on the same items: what the second loses and gains, slice by slice, and those items. */
export const SlicesSection = ({ first, second, title }: SlicesProps) => {
  const { slice, swap, clear } = useStore(modelMapStore);
  const [show, setShow] = useState<'lost' | 'gained'>('lost');
  const [count, setCount] = useState(ITEMS);
  const { run, model, task } = first;
  const names = [pointInTaskText(first), pointInTaskText(second)] as const;
  const pair = JSON.stringify([first, second]);
  const { data, error } = useQuery('outcomes.compare', {
    run,
    model,
    task,
    slice,
    show,
    count,
    first: inTask(first),
    second: inTask(second),
  });
  const document = useLasting(data, pair);
  return (
    <Section
      label="Two models compared"
      title={
        <Definition of="itemSlices">
          {names[1]} against {names[0]}, on {title(task)}
        </Definition>
      }
      end={
        <>
          <Button look="quiet" small onClick={swap}>
            Swap
          </Button>
          <IconButton icon="close" label="Close the comparison" onClick={clear} />
        </>
      }
    >
      <NotMeasuredHere provenance={document?.provenance} />
      {error !== null && <Problem error={error} />}
      {document === undefined ? (
        error === null && <Reading of="outcomes.compare" />
      ) : (
        <div ref={intoView} className="slices" aria-busy={data === undefined}>
          <Whole document={document} />
          {(['length', 'class', 'token'] as const).map((by) => (
            <SliceTable key={by} by={by} document={document} />
          ))}
          <section aria-label="Changed items" className="slices-items">
            <div className="line slices-items-head">
              <Segmented
                label="Changed items"
                value={show}
                options={[
                  { value: 'lost', label: 'Lost' },
                  { value: 'gained', label: 'Gained' },
                ]}
                onChange={(value) => {
                  setShow(value);
                  setCount(ITEMS);
                }}
              />
              <p role="status" className="muted">
                {counted(document.total, 'item')} {show}
                {slice.by === 'all' ? '' : `, ${sliceKindText(slice.by)}: ${sliceName(slice)}`}
              </p>
            </div>
            <ol className="rows" aria-label="Items and answers">
              {document.items.map((item) => (
                <ItemAnswer key={item.item} answers={item} names={names} />
              ))}
            </ol>
            {document.total > document.items.length && (
              <Button look="quiet" onClick={() => setCount(count + ITEMS)}>
                Show more
              </Button>
            )}
          </section>
          {document.notes.map((note) => (
            <p key={note} className="muted small">
              {note}
            </p>
          ))}
        </div>
      )}
    </Section>
  );
};

/** Once it is read: the map and its chart are as high as the window. */
const intoView = (comparison: HTMLElement | null): void => comparison?.scrollIntoView({ block: 'start' });

/** The difference on all items, in a sentence. */
const Whole = ({ document: { slices, metric } }: { readonly document: SlicesDocument }) => {
  const [whole] = slices;
  if (whole === undefined) return null;
  const { n, lost, gained, difference, reading } = whole;
  return (
    <p className="slices-whole">
      <strong>
        {formatDifference(difference, metric)}
        {differenceUnit(metric)}
      </strong>{' '}
      {formatInterval(whole, metric)}: {readingText(reading)}.
      {metric !== 'perplexity' &&
        ` Of ${formatCount(n)} items ${formatCount(lost)} lost, ${formatCount(gained)} gained.`}
    </p>
  );
};

/** The slices of one kind; a click shows the items of one. */
const SliceTable = ({ by, document }: { readonly by: SliceBy; readonly document: SlicesDocument }) => {
  const slice = useStore(modelMapStore, (state) => state.slice);
  const rows = document.slices
    .filter((entry) => entry.by === by)
    .map((entry): SliceRow => ({ ...entry, metric: document.metric }));
  if (rows.length === 0) return null;
  return (
    <div>
      <h4>{sliceKindText(by).replace(/^[a-z]/, (letter) => letter.toUpperCase())}</h4>
      <DataTable
        caption={`Slices by ${sliceKindText(by)}`}
        rows={rows}
        rowKey={({ name }) => name}
        columns={shownColumns(sliceColumns, rows)}
        selectedKey={slice.by === by ? slice.name : null}
        onRow={({ name }) =>
          modelMapStore.setState({
            slice: slice.by === by && slice.name === name ? wholeSlice : { by, name },
          })
        }
      />
    </div>
  );
};
