import { useStore } from 'zustand';
import type { SizePair } from '../../../main/contract/size-trend.ts';
import {
  differenceDomain,
  drawPairChart,
  type PairChart as Drawn,
  pairChartHeight,
  type PairPanel,
  pairPanels,
  type PairPoint,
  type PairRow,
  SIZE_PAIR_CAPTION,
} from '../../../main/figures/size-pair-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { PAIR_SHOWN, pairColumns } from '../../../main/figures/size-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';
import { formatCount } from '../../../main/words/numbers.ts';
import { PointedChart } from './pointed-chart.tsx';
import { dotText } from './threshold-text.ts';

const TITLE = 'Pruned from more experts, compared with trained from scratch';
const TABLE_TITLE =
  'Pruned large models compared with small ones trained from scratch: per cent, points (perplexity unscaled)';

/**
 * Pruned large models compared with small models trained from scratch, at equal expert count: one panel per task, one
 * row per pair of sizes.
 */
export const PairsSection = ({ manifest, sizeTrend, shown, tasks, theme, title, openPoint }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const pairs = sizeTrend.pairs.filter(({ method }) => shown.includes(method));
  const panels = pairPanels(pairs, tasks);
  const figure = figureTheme(theme);
  const idOf = (task: string): string => `pairs-${task}`;
  const select = ({ large, task, method, seed, factor }: SizePair): void =>
    openPoint({ run: sizeTrend.run, model: large, task, method, seed, factor });
  return (
    <Section
      label={TITLE}
      title={<Definition of="scratchDifference">{chartQuestion('pruned-against-scratch')}</Definition>}
      end={
        <SaveFigure
          subject={manifest.id}
          view={({ sizePairView }) => sizePairView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
        />
      }
    >
      <Findings findings={sizeTrend.findings} chart="pruned-against-scratch" />
      {asTable ? (
        <div className="results-table">
          <DataTable
            caption={TABLE_TITLE}
            rows={pairs}
            rowKey={({ task, method, seed, large, small }) => JSON.stringify([task, method, seed, large, small])}
            onRow={select}
            // The draws of a comparison are under each other.
            foldBy={({ task, method, large, small }) => JSON.stringify([task, method, large, small])}
            columns={shownColumns(pick(pairColumns, PAIR_SHOWN), pairs, title)}
          />
        </div>
      ) : (
        <>
          <p className="chart-caption">{SIZE_PAIR_CAPTION}</p>
          <div className="curve-grid">
            {panels.map((panel) => (
              <figure key={panel.task} className="curve-panel pair-panel">
                <figcaption>
                  <h3>{title(panel.task)}</h3>
                  <span className="muted number">
                    n {formatCount(panel.n)}
                    {panel.metric === 'perplexity' ? ', perplexity' : ''}
                  </span>
                </figcaption>
                <PairChart
                  id={idOf(panel.task)}
                  title={title(panel.task)}
                  panel={panel}
                  domain={differenceDomain(panel, panels)}
                  marks={methodMarks(sizeTrend.methods, figure, shown)}
                  theme={figure}
                  onSelect={select}
                />
              </figure>
            ))}
          </div>
        </>
      )}
    </Section>
  );
};

interface PairChartProps extends Pick<Drawn, 'domain' | 'marks' | 'theme'> {
  readonly id: string;
  readonly title: string;
  readonly panel: PairPanel;
  readonly onSelect: (pair: SizePair) => void;
}

const LABELS_PX = 54;
const RIGHT_PX = 8;
const AXIS_PX = 22;

const keyOf = (row: PairRow, { method }: PairPoint): string => JSON.stringify([row.largeExperts, row.experts, method]);

/** One task: large models pruned to E' minus models trained with E', one row per pair of sizes, one mark per method. */
const PairChart = ({ id, title, panel, onSelect, ...chart }: PairChartProps) => {
  const find = (key: string): { readonly row: PairRow; readonly point: PairPoint } | undefined =>
    panel.rows
      .flatMap((row) => row.points.map((point) => ({ row, point })))
      .find(({ row, point }) => keyOf(row, point) === key);
  return (
    <PointedChart
      id={id}
      label={`${title}: pruned model minus model trained with the same number of experts`}
      height={pairChartHeight(panel.rows.length, chart.marks.size) + AXIS_PX}
      text={(key) => {
        const found = find(key);
        return found === undefined ? null : dotText(found.row, found.point);
      }}
      onSelect={(key) => {
        const pair = find(key)?.point.pairs[0];
        if (pair !== undefined) onSelect(pair);
      }}
      draw={(width) => {
        const area = { left: LABELS_PX, top: 0, width: width - LABELS_PX - RIGHT_PX };
        const { nodes, points } = drawPairChart(panel, { ...chart, ...area });
        return { nodes, points: points.map(({ row, point, x, y }) => ({ key: keyOf(row, point), x, y })) };
      }}
    />
  );
};
