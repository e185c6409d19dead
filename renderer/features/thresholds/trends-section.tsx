import { useStore } from 'zustand';
import type { SizeThreshold, SizeTrendDocument } from '../../../main/contract/size-trend.ts';
import { expertTrendCaption, largestDrawnFactor } from '../../../main/figures/size-trend-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { sizeThresholdColumns } from '../../../main/figures/size-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { methodTitle } from '../../../main/words/methods.ts';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { PointText } from './pointed-chart.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { isRecorded, thresholdText } from './threshold-text.ts';
import { TrendChart } from './trend-chart.tsx';
import { chartQuestion } from '../../../main/words/verdicts.ts';
import { counted, formatCount } from '../../../main/words/numbers.ts';

interface TrendsTableProps {
  readonly sizeTrend: SizeTrendDocument;
  readonly methods: readonly string[];
  readonly title: (task: string) => string;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

/** The numbers behind the charts of thresholds over E. */
const TrendsTable = ({ sizeTrend, methods, title, onSelect }: TrendsTableProps) => {
  const rows = sizeTrend.trends
    .filter(({ method }) => methods.includes(method))
    .flatMap(({ points }) => points)
    .map((point) => (isRecorded(sizeTrend, point) ? { ...point, model: `${point.model} (recorded)` } : point));
  return (
    <DataTable
      caption="Thresholds by task, method and number of experts"
      rows={rows}
      rowKey={({ task, method, model }) => JSON.stringify([task, method, model])}
      onRow={onSelect}
      columns={shownColumns(pick(sizeThresholdColumns, SHOWN), rows, title)}
    />
  );
};
const SHOWN = 'task method model experts factor bracket largest_tested n delta';

const TITLE = 'Threshold against experts before pruning';
/** Threshold against E: one chart per method, one line per task. */
export const TrendsSection = ({ manifest, sizeTrend, shown, tasks, known, theme, title, onSelect }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const sizes = [...new Set(sizeTrend.models.map(({ experts }) => experts))].sort((left, right) => left - right);
  const largestFactor = largestDrawnFactor(sizeTrend);
  const figure = figureTheme(theme);
  const textOf = (thresholds: readonly SizeThreshold[]): PointText => {
    const own = thresholds.map((threshold) =>
      thresholdText(
        threshold,
        title(threshold.task),
        sizeTrend,
        known.find(({ name }) => name === threshold.task)?.metric,
      ),
    );
    const [first] = thresholds;
    return {
      title: first === undefined ? '' : `${title(first.task)}, E ${formatCount(first.experts)}`,
      lines: own.length === 1 ? (own[0]?.lines ?? []) : own.flatMap((one) => [one.title, ...one.lines.slice(1, 2)]),
    };
  };
  return (
    <section aria-label={TITLE}>
      <div className="section-head">
        <h3>
          <Definition of="risesWithExperts">{chartQuestion('threshold-over-experts')}</Definition>
        </h3>
        <div className="section-end">
          <SaveFigure
            subject={manifest.id}
            view={({ expertTrendView }) => expertTrendView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
          />
        </div>
      </div>
      <Findings findings={sizeTrend.findings} chart="threshold-over-experts" />
      <Findings findings={sizeTrend.findings.filter(({ method }) => method === null)} chart="safe-tasks" />
      {asTable ? (
        <div className="results-table">
          <TrendsTable sizeTrend={sizeTrend} methods={shown} title={title} onSelect={onSelect} />
        </div>
      ) : (
        <>
          <p className="chart-caption">{expertTrendCaption(sizeTrend)}</p>
          <div className="trend-grid">
            {[...methodMarks(sizeTrend.methods, figure, shown)].map(([method, mark]) => {
              const trends = tasks.flatMap((task) =>
                sizeTrend.trends.filter((trend) => trend.method === method && trend.task === task),
              );
              return (
                <figure key={method} className="curve-panel trend-panel">
                  <figcaption>
                    <h3>{methodTitle(method)}</h3>
                    <span className="muted number">{counted(trends.length, 'task')}</span>
                  </figcaption>
                  <TrendChart
                    id={`trend-${method}`}
                    method={method}
                    trends={trends}
                    mark={mark}
                    sizes={sizes}
                    largestFactor={largestFactor}
                    written={sizeTrend.written}
                    theme={figure}
                    text={textOf}
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
