import { useStore } from 'zustand';
import type { ExpertTrend, SizeThreshold } from '../../../main/contract/size-trend.ts';
import {
  drawTrendChart,
  expertTrendCaption,
  largestDrawnFactor,
  type TrendChart as Drawn,
} from '../../../main/figures/size-trend-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { sizeThresholdColumns } from '../../../main/figures/size-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { methodTitle } from '../../../main/words/methods.ts';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import { type PointText, PointedChart } from './pointed-chart.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { isRecorded, thresholdText } from './threshold-text.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';
import { counted, formatCount } from '../../../main/words/numbers.ts';

const SHOWN = 'task method model experts factor bracket largest_tested n delta';

const TITLE = 'Threshold against experts before pruning';
/** Threshold against E: one chart per method, one line per task. */
export const TrendsSection = ({ manifest, sizeTrend, shown, tasks, known, theme, title, onSelect }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const sizes = [...new Set(sizeTrend.models.map(({ experts }) => experts))].sort((left, right) => left - right);
  const largestFactor = largestDrawnFactor(sizeTrend);
  const figure = figureTheme(theme);
  const rows = sizeTrend.trends
    .filter(({ method }) => shown.includes(method))
    .flatMap(({ points }) => points)
    .map((point) => (isRecorded(sizeTrend, point) ? { ...point, model: `${point.model} (recorded)` } : point));
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
    <Section
      label={TITLE}
      title={<Definition of="risesWithExperts">{chartQuestion('threshold-over-experts')}</Definition>}
      end={
        <SaveFigure
          subject={manifest.id}
          view={({ expertTrendView }) => expertTrendView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
        />
      }
    >
      <Findings findings={sizeTrend.findings} chart="threshold-over-experts" />
      <Findings findings={sizeTrend.findings.filter(({ method }) => method === null)} chart="safe-tasks" />
      {asTable ? (
        <div className="results-table">
          <DataTable
            caption="Thresholds by task, method and number of experts"
            rows={rows}
            rowKey={({ task, method, model }) => JSON.stringify([task, method, model])}
            onRow={onSelect}
            columns={shownColumns(pick(sizeThresholdColumns, SHOWN), rows, title)}
          />
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
    </Section>
  );
};

interface TrendChartProps extends Omit<Drawn, 'left' | 'right' | 'top' | 'bottom' | 'pointed'> {
  readonly id: string;
  readonly method: string;
  readonly trends: readonly ExpertTrend[];
  /** Text of a task at one size, with the thresholds of all its trainings. */
  readonly text: (thresholds: readonly SizeThreshold[]) => PointText;
  readonly onSelect: (threshold: SizeThreshold) => void;
}

const HEIGHT = 190;
const MARGIN = { left: 30, right: 6, top: 2, bottom: 24 } as const;

const keyOf = ({ task, experts }: Pick<SizeThreshold, 'task' | 'experts'>): string => JSON.stringify([task, experts]);

/**
 * Thresholds of one method against the number of experts before pruning: a thin line per task, and the factor that half
 * of the tasks reach.
 */
const TrendChart = ({ id, method, trends, text, onSelect, ...chart }: TrendChartProps) => {
  const find = (key: string): readonly SizeThreshold[] =>
    trends.flatMap(({ points }) => points.filter((point) => point.lastSafe !== null && keyOf(point) === key));
  return (
    <PointedChart
      id={id}
      label={`${methodTitle(method)}: threshold factor of every task against experts before pruning`}
      height={HEIGHT}
      text={(key) => {
        const found = find(key);
        return found.length === 0 ? null : text(found);
      }}
      onSelect={(key) => {
        const [threshold] = find(key);
        if (threshold !== undefined) onSelect(threshold);
      }}
      draw={(width, pointed) => {
        const { nodes, layout } = drawTrendChart(trends, {
          ...chart,
          left: MARGIN.left,
          right: width - MARGIN.right,
          top: MARGIN.top,
          bottom: HEIGHT - MARGIN.bottom,
          pointed: pointed === null ? undefined : find(pointed)[0]?.task,
        });
        const points = layout.tasks.flatMap(({ task, points: own }) =>
          own.map(({ experts, x, y }) => ({ key: keyOf({ task, experts }), x, y })),
        );
        return { nodes, points };
      }}
    />
  );
};
