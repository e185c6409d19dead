import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { chartQuestion, MATRIX_CAPTION, thresholdLook, thresholdValue } from '../../../main/words/verdicts.ts';
import { SortedTable, useSortedTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatRange } from '../../../main/words/numbers.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import { Findings } from './findings.tsx';
import { matrixColumns, thresholdTint } from './matrix-parts.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { cellBracketText, thresholdText } from './threshold-text.ts';

interface ThresholdMatrixProps {
  readonly sizeTrend: SizeTrendDocument;
  readonly method: string;
  /** Task names in row order. */
  readonly tasks: readonly string[];
  readonly known: readonly TaskEntry[];
  readonly isSelected: (threshold: SizeThreshold) => boolean;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

/** Tasks by models for one method: threshold, bracket, verdict; a click opens the curve behind it. */
const ThresholdMatrix = ({ sizeTrend, method, tasks, known, isSelected, onSelect }: ThresholdMatrixProps) => {
  const own = sizeTrend.thresholds.filter((threshold) => threshold.method === method);
  const name = methodTitle(method);
  const { sorted, headings, tools } = useSortedTable(
    `Thresholds by ${name}`,
    matrixColumns(sizeTrend, {
      title: (task) => known.find((one) => one.name === task)?.title ?? task,
      heading: { title: <strong>{name}</strong>, words: `task, ${name}` },
      itemsOf: (task) => own.filter((one) => one.task === task).map(({ n }) => n),
      thresholdOf: (task, model) => own.find((one) => one.task === task && one.model === model),
    }),
    tasks,
  );
  return (
    <SortedTable label={`Thresholds by ${name}`} className="threshold-matrix" headings={headings} tools={tools}>
      {sorted.map((task) => {
        const ofTask = own.filter((threshold) => threshold.task === task);
        const entry = known.find(({ name }) => name === task);
        const title = entry?.title ?? task;
        return (
          <tr key={task}>
            <th scope="row" title={title}>
              {title}
            </th>
            <td className="numeric muted">{formatRange(ofTask.map(({ n }) => n))}</td>
            {sizeTrend.models.map(({ name }) => {
              const threshold = ofTask.find(({ model }) => model === name);
              return threshold === undefined ? (
                <td key={name} className="numeric muted">
                  –
                </td>
              ) : (
                <td
                  key={name}
                  className={`matrix-cell cell-${thresholdLook(threshold)}`}
                  style={thresholdTint(threshold)}
                >
                  <MatrixCell
                    threshold={threshold}
                    title={title}
                    needed={sizeTrend.needed}
                    metric={entry?.metric}
                    selected={isSelected(threshold)}
                    onSelect={() => onSelect(threshold)}
                  />
                </td>
              );
            })}
          </tr>
        );
      })}
    </SortedTable>
  );
};

interface MatrixCellProps {
  readonly threshold: SizeThreshold;
  readonly title: string;
  readonly needed: SizeTrendDocument['needed'];
  readonly metric: TaskEntry['metric'] | undefined;
  readonly selected: boolean;
  readonly onSelect: () => void;
}

const MatrixCell = ({ threshold, title, needed, metric, selected, onSelect }: MatrixCellProps) => {
  const text = thresholdText(threshold, title, { needed, trainings: [] }, metric);
  const [value, bracket] = [thresholdValue(threshold), cellBracketText(threshold, needed, metric)];
  return (
    <Tooltip
      focusable={false}
      className="matrix-hold"
      content={
        <>
          <strong>{text.title}</strong>
          {text.lines.map((line) => (
            <div key={line}>{line}</div>
          ))}
        </>
      }
    >
      <button
        type="button"
        aria-pressed={selected}
        // The accessible name starts with the visible text.
        aria-label={`${value} ${bracket} ${text.title}, ${text.lines.join(', ')}. Show its curve`}
        onClick={onSelect}
      >
        <strong>{value}</strong>
        {bracket}
      </button>
    </Tooltip>
  );
};

interface MatrixSectionProps extends SectionProps {
  readonly isSelected: (threshold: SizeThreshold) => boolean;
}

const TITLE = 'Thresholds';
const [beforeBracket, ...afterBracket] = MATRIX_CAPTION.split('bracket');

/** Models by tasks, one table per method: how far each can be pruned. */
export const MatrixSection = ({
  manifest,
  document,
  sizeTrend,
  shown,
  tasks,
  known,
  isSelected,
  onSelect,
}: MatrixSectionProps) => (
  <section aria-label={TITLE}>
    <div className="section-head">
      <h3>
        <Definition of="threshold">{chartQuestion('thresholds')}</Definition>
      </h3>
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
    <Findings findings={sizeTrend.findings} chart="thresholds" />
    <p className="chart-caption">
      {beforeBracket}
      <Definition of="bracket">bracket</Definition>
      {afterBracket.join('bracket')}
    </p>
    <div className={sizeTrend.models.length > 4 ? 'matrices matrices-wide' : 'matrices'}>
      {shown.map((method) => (
        <ThresholdMatrix
          key={method}
          sizeTrend={sizeTrend}
          method={method}
          tasks={tasks}
          known={known}
          isSelected={isSelected}
          onSelect={onSelect}
        />
      ))}
    </div>
  </section>
);
