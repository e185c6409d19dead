import type { SizeThreshold } from '../../../main/contract/size-trend.ts';
import { answersOf } from '../../../main/contract/task.ts';
import { bestThreshold, type BestThreshold } from '../../../main/evaluation/best-threshold.ts';
import { TWIN_SUFFIX } from '../../../main/evaluation/choice-and-writing.ts';
import { thresholdValue } from '../../../main/evaluation/wording.ts';
import { methodTitle } from '../../../main/figures/method-titles.ts';
import { formatRange } from '../../../main/figures/numbers.ts';
import { Definition } from '../../components/definition.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { MatrixHeads, thresholdTint } from './matrix-parts.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { cellBracketText, thresholdText } from './threshold-text.ts';

interface BestSectionProps extends SectionProps {
  readonly isSelected: (threshold: SizeThreshold) => boolean;
}

const TITLE = 'How far each model can be pruned';

/** Models by tasks: the best threshold, by which method, its bracket, and what the written twin of the task says. */
export const BestSection = (props: BestSectionProps) => {
  const { manifest, document, sizeTrend, shown, tasks, known, title } = props;
  const isWritten = (task: string): boolean => known.some((one) => one.name === task && answersOf(one) === 'written');
  const hasTwin = (task: string): boolean => isWritten(task) && tasks.includes(task.slice(0, -TWIN_SUFFIX.length));
  const bestOf = (task: string, model: string): BestThreshold<SizeThreshold> | null =>
    bestThreshold(
      shown.flatMap((method) =>
        sizeTrend.thresholds.filter((one) => one.task === task && one.model === model && one.method === method),
      ),
    );
  return (
    <section aria-label={TITLE}>
      <div className="section-head">
        <h3>
          <Definition of="threshold">{TITLE}</Definition>
        </h3>
        <span className="muted">the best of {shown.length === 1 ? '1 method' : `${shown.length} methods`}</span>
        <div className="section-end">
          {document !== undefined && (
            <SaveFigure
              subject={manifest.id}
              view={({ thresholdsView }) => thresholdsView({ manifest, document })}
              hasPicture={false}
            />
          )}
        </div>
      </div>
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Best threshold of every model and task">
        <table className="data-table threshold-matrix best-matrix">
          <thead>
            <tr>
              <th scope="col">Task</th>
              <MatrixHeads models={sizeTrend.models} />
            </tr>
          </thead>
          <tbody>
            {tasks
              .filter((task) => !hasTwin(task))
              .map((task) => (
                <tr key={task}>
                  <th scope="row" title={title(task)}>
                    {title(task)}
                  </th>
                  <td className="numeric muted">
                    {formatRange(sizeTrend.thresholds.filter((one) => one.task === task).map(({ n }) => n))}
                  </td>
                  {sizeTrend.models.map(({ name }) => (
                    <BestCell
                      key={name}
                      {...props}
                      task={task}
                      best={bestOf(task, name)}
                      written={bestOf(`${task}${TWIN_SUFFIX}`, name)}
                    />
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </section>
  );
};

interface BestCellProps extends BestSectionProps {
  readonly task: string;
  readonly best: BestThreshold<SizeThreshold> | null;
  readonly written: BestThreshold<SizeThreshold> | null;
}

const BestCell = ({ sizeTrend, known, title, isSelected, onSelect, task, best, written }: BestCellProps) => {
  if (best === null) return <td className="numeric muted">–</td>;
  const metric = known.find(({ name }) => name === task)?.metric;
  const text = thresholdText(best.best, title(task), { needed: sizeTrend.needed, trainings: [] }, metric);
  // Where nothing is safe, no method is the best.
  const [first, ...others] = (best.best.lastSafe ?? 1) > 1 ? best.methods.map(methodTitle) : [];
  const lines = [
    ...text.lines,
    ...(others.length === 0 ? [] : [`as far: ${others.join(', ')}`]),
    ...(best.untold.length === 0 ? [] : [`cannot tell: ${best.untold.map(methodTitle).join(', ')}`]),
    ...(written === null
      ? []
      : [`answers written: ${thresholdValue(written.best)} by ${written.methods.map(methodTitle).join(', ')}`]),
  ];
  return (
    <td className="matrix-cell" style={thresholdTint(best.best)}>
      <Tooltip
        focusable={false}
        className="matrix-hold"
        content={
          <>
            <strong>{text.title}</strong>
            {lines.map((line) => (
              <div key={line}>{line}</div>
            ))}
          </>
        }
      >
        <button
          type="button"
          aria-pressed={isSelected(best.best)}
          aria-label={`${thresholdValue(best.best)} ${cellBracketText(best.best, sizeTrend.needed, metric)} Best for ${title(task)}: ${[text.title, ...lines].join(', ')}. Show its curve`}
          onClick={() => onSelect(best.best)}
        >
          <strong>{thresholdValue(best.best)}</strong>
          {written !== null && <small className="best-written">written {thresholdValue(written.best)}</small>}
          <small>{cellBracketText(best.best, sizeTrend.needed, metric)}</small>
          {first !== undefined && (
            <small className="best-method">
              {first}
              {others.length > 0 && ` +${others.length}`}
            </small>
          )}
        </button>
      </Tooltip>
    </td>
  );
};
