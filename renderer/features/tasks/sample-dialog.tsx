import { useStore } from 'zustand';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { Icon } from '../../components/button.tsx';
import { Segmented } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { Dialog } from '../../components/dialog.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { selectedModel, useFacts } from '../../engine/facts.ts';
import { formatCount, formatFixed, formatPercent } from '../../../main/words/numbers.ts';
import { sampleStore } from '../../state/dialog-stores.ts';
import '../../sweep/item-answer.css';
import './sample-dialog.css';
import { maxOf, minOf } from '../../../main/statistics/extremes.ts';

/**
 * Accuracy without the question: that of the selected model if the task's folder states it, else the range over the
 * models it names; null if it states none.
 */
export const withoutQuestionText = (
  { withoutQuestion }: Pick<TaskEntry, 'withoutQuestion'>,
  model: string | null,
): string | null => {
  const own = model === null ? undefined : withoutQuestion[model];
  if (model !== null && own !== undefined) return `${formatPercent(own)} (${model})`;
  const values = Object.values(withoutQuestion);
  if (values.length === 0) return null;
  const [low, high] = [minOf(values), maxOf(values)].map((value) => formatFixed(value * 100, 1));
  const range = `${low === high ? low : `${low}–${high}`}\u202f%`;
  return `${range} (${values.length === 1 ? Object.keys(withoutQuestion).join() : `${values.length} models`})`;
};

const SHOWN_ITEMS = 40;

export const SampleDialog = () => {
  const handle = useStore(sampleStore, (state) => state.task);
  const tasks = useQuery('tasks.list', {}).data;
  const task = tasks?.find((known) => known.handle === handle);
  return task === undefined ? null : (
    <Dialog title={task.title} wide onClose={() => sampleStore.getState().show(null)}>
      <SampleBody task={task} />
    </Dialog>
  );
};

const SampleBody = ({ task }: { readonly task: TaskEntry }) => {
  const split = useStore(sampleStore, (state) => state.split);
  const withoutQuestion = withoutQuestionText(task, selectedModel(useFacts())?.name ?? null);
  const count = task.items[split];
  const items = useQuery('tasks.preview', count === 0 ? null : { handle: task.handle, split, count: SHOWN_ITEMS });
  return (
    <>
      <div className="items-head">
        <p>{task.description}</p>
        <p className="muted">
          <Definition of={task.metric} />
          {task.chance !== null && (
            <>
              {' · '}
              <Definition of="chance">chance</Definition> {formatPercent(task.chance)}
            </>
          )}
          {withoutQuestion !== null && (
            <>
              {' · '}
              <Definition of="withoutQuestion">without the question</Definition> {withoutQuestion}
            </>
          )}
          {task.source !== '' && ` · source: ${task.source}`}
          {task.licence !== '' && ` · licence: ${task.licence}`}
        </p>
        <Segmented
          label="Split"
          value={split}
          onChange={(chosen) => sampleStore.setState({ split: chosen })}
          options={[
            { value: 'test', label: `Test (${formatCount(task.items.test)})` },
            { value: 'calibration', label: `Calibration (${formatCount(task.items.calibration)})` },
          ]}
        />
      </div>
      {items.error !== null && <Problem error={items.error} />}
      {count === 0 && <p className="muted items-head">This split has no items.</p>}
      <ol className="rows items-list sample-items" tabIndex={0} aria-label={`First items of the ${split} split`}>
        {items.data?.map((item) => (
          <li key={item.id}>
            <pre>
              <VisibleText text={item.context} />
            </pre>
            <ul className="rows">
              {item.choices.map((choice, index) => {
                const isRight = index === item.answer || (item.alsoRight?.includes(index) ?? false);
                return (
                  <li key={index} className={isRight ? 'sample-answer' : undefined}>
                    {isRight ? <Icon name="check" size={12} /> : <span className="sample-blank" />}
                    <code>
                      <VisibleText text={choice} />
                    </code>
                    {isRight && <span className="visually-hidden"> (right answer)</span>}
                  </li>
                );
              })}
            </ul>
          </li>
        ))}
      </ol>
      {items.data !== undefined && items.data.length < count && (
        <p className="muted dialog-foot">
          First {formatCount(items.data.length)} of {formatCount(count)} items.
        </p>
      )}
    </>
  );
};

/** Text with visible line breaks, which are part of what is scored. */
const VisibleText = ({ text }: { readonly text: string }) =>
  text.split('\n').map((line, index, lines) => (
    <span key={index}>
      {line}
      {index < lines.length - 1 && <span className="sample-line-end">{'↵\n'}</span>}
    </span>
  ));
