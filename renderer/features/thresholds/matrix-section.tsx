import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { Definition } from '../../components/definition.tsx';
import { Tooltip } from '../../components/tooltip.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatCount } from '../../format/format-number.ts';
import { methodTitle } from '../../plan/methods.ts';
import { thresholdValue } from '../../sweep/threshold-words.ts';
import { sizeTrendChart, thresholdColumns, thresholdRow } from './family-figure.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-family.ts';
import { bracketText, thresholdText } from './threshold-text.ts';

interface ThresholdMatrixProps {
  readonly family: SizeTrendDocument;
  readonly method: string;
  /** Names of the tasks, in the order of the rows. */
  readonly tasks: readonly string[];
  readonly known: readonly TaskEntry[];
  readonly isSelected: (threshold: SizeThreshold) => boolean;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

/** Deepest tint, for a threshold of 64 and above: one step per doubling. */
const DEEPEST = 6;

const level = ({ lastSafe }: SizeThreshold): number => Math.min(DEEPEST, Math.log2(lastSafe ?? 1));

const itemsText = (thresholds: readonly SizeThreshold[]): string => {
  const counts = [...new Set(thresholds.map(({ n }) => n))].sort((left, right) => left - right);
  const [least] = counts;
  return least === undefined
    ? ''
    : counts.length === 1
      ? formatCount(least)
      : `${formatCount(least)}–${formatCount(counts.at(-1) ?? least)}`;
};

/** Tasks by models for one method: threshold, bracket, verdict; a click shows the curve behind it. */
const ThresholdMatrix = ({ family, method, tasks, known, isSelected, onSelect }: ThresholdMatrixProps) => {
  const own = family.thresholds.filter((threshold) => threshold.method === method);
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={`Thresholds by ${methodTitle(method)}`}>
      <table className="data-table threshold-matrix">
        <thead>
          <tr>
            <th scope="col">
              <strong>{methodTitle(method)}</strong>
            </th>
            <th scope="col" className="numeric">
              <Definition of="items">n</Definition>
            </th>
            {family.models.map((model) => (
              <th key={model.name} scope="col" className="numeric">
                <span className="matrix-model">{model.name}</span>
                <small>
                  <Definition of="experts">E</Definition> {formatCount(model.experts)}
                </small>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => {
            const ofTask = own.filter((threshold) => threshold.task === task);
            const entry = known.find(({ name }) => name === task);
            const title = entry?.title ?? task;
            return (
              <tr key={task}>
                <th scope="row" title={title}>
                  {title}
                </th>
                <td className="numeric muted">{itemsText(ofTask)}</td>
                {family.models.map(({ name }) => {
                  const threshold = ofTask.find(({ model }) => model === name);
                  return threshold === undefined ? (
                    <td key={name} className="numeric muted">
                      –
                    </td>
                  ) : (
                    <td
                      key={name}
                      className="matrix-cell"
                      style={{ '--level': level(threshold) } as React.CSSProperties}
                    >
                      <MatrixCell
                        threshold={threshold}
                        title={title}
                        needed={family.needed}
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
        </tbody>
      </table>
    </div>
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
        aria-label={`${text.title}, ${text.lines.join(', ')}. Show its curve`}
        onClick={onSelect}
      >
        <strong>{thresholdValue(threshold)}</strong>
        <small>{bracketText(threshold, needed, metric)}</small>
      </button>
    </Tooltip>
  );
};

interface MatrixSectionProps extends SectionProps {
  readonly isSelected: (threshold: SizeThreshold) => boolean;
}

const TITLE = 'Thresholds';

/** Models by tasks, a table per method: how far each can be pruned. */
export const MatrixSection = ({
  manifest,
  family,
  shown,
  tasks,
  known,
  theme,
  isSelected,
  onSelect,
}: MatrixSectionProps) => (
  <section aria-label={TITLE}>
    <div className="section-head">
      <h3>
        <Definition of="threshold">How far can each model be pruned?</Definition>
      </h3>
      <div className="section-end">
        <SaveFigure
          suggestedName={`thresholds-${manifest.id}`}
          picture={false}
          figure={() =>
            sizeTrendChart({
              kind: 'uncurl-thresholds',
              title: TITLE,
              caption: '',
              manifest,
              family,
              methods: family.methods,
              shown,
              charts: [],
              columns: thresholdColumns,
              rows: family.thresholds.map(thresholdRow),
              theme,
            })
          }
        />
      </div>
    </div>
    <Findings findings={family.findings} chart="thresholds" />
    <p className="chart-caption">
      Bold: the threshold. Below it the <Definition of="bracket">bracket</Definition> [last safe, first unsafe); between
      the two nothing was tested. ≥ every tested factor is safe. &lt; no tested factor is safe. ? cannot be told: too
      few items, and how many it would take.
    </p>
    <div className={family.models.length > 4 ? 'matrices matrices-wide' : 'matrices'}>
      {shown.map((method) => (
        <ThresholdMatrix
          key={method}
          family={family}
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
