import { useStore } from 'zustand';
import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatCount, formatFactor, formatFixed } from '../../format/format-number.ts';
import { methodTitle } from '../../plan/methods.ts';
import { thresholdsStore } from '../../state/view-stores.ts';
import { thresholdBracket, thresholdValue } from '../../sweep/threshold-words.ts';
import { sizeTrendChart, thresholdColumns, thresholdRow } from './family-figure.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-family.ts';
import { isRecorded, thresholdText } from './threshold-text.ts';
import { TrendChart } from './trend-chart.tsx';

interface TrendsTableProps {
  readonly family: SizeTrendDocument;
  readonly methods: readonly string[];
  readonly title: (task: string) => string;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

/** The numbers behind the charts of thresholds over E. */
const TrendsTable = ({ family, methods, title, onSelect }: TrendsTableProps) => (
  <DataTable
    caption="Thresholds by task, method and number of experts"
    rows={family.trends.filter(({ method }) => methods.includes(method)).flatMap(({ points }) => points)}
    rowKey={({ task, method, model }) => JSON.stringify([task, method, model])}
    onRow={onSelect}
    columns={[
      { key: 'task', title: 'Task', cell: ({ task }) => title(task) },
      { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
      {
        key: 'model',
        title: 'Model',
        cell: (threshold) => `${threshold.model}${isRecorded(family, threshold) ? ' (recorded)' : ''}`,
      },
      {
        key: 'experts',
        title: <Definition of="experts">E</Definition>,
        numeric: true,
        cell: ({ experts }) => formatCount(experts),
      },
      { key: 'threshold', title: <Definition of="threshold" />, numeric: true, cell: thresholdValue },
      { key: 'bracket', title: <Definition of="bracket" />, cell: thresholdBracket },
      {
        key: 'largest',
        title: <Definition of="largestTested" />,
        numeric: true,
        cell: ({ largestTested }) => formatFactor(largestTested),
      },
      { key: 'n', title: <Definition of="items">n</Definition>, numeric: true, cell: ({ n }) => formatCount(n) },
      {
        key: 'delta',
        title: <Definition of="delta">δ</Definition>,
        numeric: true,
        cell: ({ delta }) => formatFixed(delta, 3),
      },
    ]}
  />
);

const TITLE = 'Threshold against experts before pruning';
const CAPTION =
  'Mark: the threshold (hollow: no factor above ×1 is safe). Bar: the first unsafe factor; nothing was tested ' +
  'between the two. ' +
  'Arrow: every tested factor is safe. ?: cannot be told. Dashed: the largest factor that was tested.';
const REPEATED =
  ' Marks side by side are trainings of one size; the broad band spans them, the line runs through their mean.';

/** Threshold against E: a small multiple per task. */
export const TrendsSection = ({ manifest, family, shown, tasks, known, theme, title, onSelect }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const trends = family.trends.filter(({ method }) => shown.includes(method));
  const drawn = tasks.filter((task) => family.trends.some((trend) => trend.task === task));
  const sizes = [...new Set(family.models.map(({ experts }) => experts))].sort((left, right) => left - right);
  const largestFactor = Math.max(
    2,
    ...family.thresholds.flatMap(({ largestTested, firstUnsafe }) => [largestTested, firstUnsafe ?? 1]),
  );
  const repeated = family.trends.some(({ spread }) => spread.some(({ models }) => models > 1));
  const caption = `${CAPTION}${repeated ? REPEATED : ' Each size was trained once: chance in training does not show.'}`;
  const idOf = (task: string): string => `trend-${task}`;
  return (
    <section aria-label={TITLE}>
      <div className="section-head">
        <h3>
          <Definition of="risesWithExperts">Does the threshold rise with the number of experts?</Definition>
        </h3>
        <div className="section-end">
          <SaveFigure
            suggestedName={`threshold-over-experts-${manifest.id}`}
            picture={!asTable}
            figure={() =>
              sizeTrendChart({
                kind: 'uncurl-threshold-over-experts',
                title: TITLE,
                caption,
                manifest,
                family,
                methods: family.methods,
                shown,
                charts: drawn.map((task) => ({ id: idOf(task), title: title(task) })),
                columns: thresholdColumns,
                rows: family.trends.flatMap(({ points }) => points).map(thresholdRow),
                theme,
              })
            }
          />
        </div>
      </div>
      <Findings findings={family.findings} chart="threshold-over-experts" />
      <Findings findings={family.findings.filter(({ method }) => method === null)} chart="safe-tasks" />
      {asTable ? (
        <div className="results-table">
          <TrendsTable family={family} methods={shown} title={title} onSelect={onSelect} />
        </div>
      ) : (
        <>
          <p className="chart-caption">{caption}</p>
          <div className="curve-grid">
            {drawn.map((task) => {
              const own = trends.filter((trend) => trend.task === task);
              const items = own.flatMap(({ points }) => points.map(({ n }) => n));
              return (
                <figure key={task} className="curve-panel family-panel">
                  <figcaption>
                    <h3>{title(task)}</h3>
                    <span className="muted number">
                      {items.length === 0 ? '' : `n ${formatCount(Math.min(...items))}`}
                    </span>
                  </figcaption>
                  <TrendChart
                    id={idOf(task)}
                    title={title(task)}
                    trends={own}
                    sizes={sizes}
                    largestFactor={largestFactor}
                    methods={family.methods}
                    theme={theme}
                    text={(threshold) =>
                      thresholdText(threshold, title(task), family, known.find(({ name }) => name === task)?.metric)
                    }
                    onSelect={onSelect}
                  />
                </figure>
              );
            })}
          </div>
        </>
      )}
    </section>
  );
};
