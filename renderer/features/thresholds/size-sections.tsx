import { type ReactNode, useMemo } from 'react';
import { useStore } from 'zustand';
import type { Finding, SizePair } from '../../../main/contract/size-trend.ts';
import type { ChartFigure } from '../../../main/figures/chart.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { shareFigure } from '../../../main/figures/share-figure.ts';
import { pairKey, sizePairFigure } from '../../../main/figures/size-pair-figure.ts';
import { PAIR_SHOWN, pairColumns, shareTrendColumns, sizeThresholdColumns } from '../../../main/figures/size-tables.ts';
import { expertTrendFigure, trendKey } from '../../../main/figures/size-trend-figure.ts';
import { isRecorded } from '../../../main/figures/point-words.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';
import { ChartPanels } from '../../charts/chart-panels.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Disclosure, Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-size-trend.ts';

interface SizeSectionProps extends Pick<Parameters<typeof SaveFigure>[0], 'view'> {
  readonly section: SectionProps;
  readonly label: string;
  readonly definition: Parameters<typeof Definition>[0]['of'];
  readonly chart: Finding['chart'];
  /** Findings that are no answer to its question, but belong to it. */
  readonly alsoFound?: ReactNode;
  readonly figure: ChartFigure;
  readonly charts: Omit<Parameters<typeof ChartPanels>[0], 'figure' | 'theme'>;
  readonly table: ReactNode;
}

/** A question about numbers of experts: what was found, and its charts or, where tables are shown, its table. */
const SizeSection = (props: SizeSectionProps) => {
  const { section, label, definition, chart, alsoFound, view, figure, charts, table } = props;
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const { manifest, sizeTrend, theme, title } = section;
  return (
    <Section
      label={label}
      title={<Definition of={definition}>{chartQuestion(chart)}</Definition>}
      end={<SaveFigure subject={manifest.id} view={view} />}
    >
      <Findings sizeTrend={sizeTrend} chart={chart} />
      {alsoFound}
      {asTable ? (
        <div className="results-table">{table}</div>
      ) : (
        <>
          <Disclosure summary="How to read it">
            <p className="chart-caption">{figure.caption}</p>
          </Disclosure>
          <ChartPanels {...charts} figure={figure} theme={figureTheme(theme, title)} />
        </>
      )}
    </Section>
  );
};

/** A figure of the shown methods, drawn anew where what it shows changes. */
const useFigure = (
  draw: typeof expertTrendFigure | typeof shareFigure | typeof sizePairFigure,
  { sizeTrend, tasks, theme, title, shown }: SectionProps,
): ChartFigure =>
  useMemo(
    () => draw(sizeTrend, tasks, figureTheme(theme, title), shown),
    [draw, sizeTrend, tasks, theme, title, shown],
  );

const THRESHOLDS_SHOWN = 'task method model experts factor bracket largest_tested n delta';

/** Threshold against E: one chart per method, one line per task. */
export const TrendsSection = (section: SectionProps) => {
  const { manifest, sizeTrend, shown, tasks, theme, title, onSelect } = section;
  const points = sizeTrend.trends.filter(({ method }) => shown.includes(method)).flatMap((trend) => trend.points);
  const rows = points.map((point) =>
    isRecorded(sizeTrend, point) ? { ...point, model: `${point.model} (recorded)` } : point,
  );
  return (
    <SizeSection
      section={section}
      label="Threshold against experts before pruning"
      definition="risesWithExperts"
      chart="threshold-over-experts"
      alsoFound={<Findings sizeTrend={sizeTrend} chart="safe-tasks" />}
      view={({ expertTrendView }) => expertTrendView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
      figure={useFigure(expertTrendFigure, section)}
      charts={{
        id: 'trend',
        onSelect: (method, key) => {
          const found = points.find(
            (point) => point.method === method && point.lastSafe !== null && trendKey(point) === key,
          );
          if (found !== undefined) onSelect(found);
        },
      }}
      table={
        <DataTable
          caption="Thresholds by task, method and number of experts"
          rows={rows}
          rowKey={({ task, method, model }) => JSON.stringify([task, method, model])}
          onRow={onSelect}
          columns={shownColumns(pick(sizeThresholdColumns, THRESHOLDS_SHOWN), rows, title)}
        />
      }
    />
  );
};

/** Why thresholds change with E: the loss against the dropped share, one line per number of experts. */
export const SharesSection = (section: SectionProps) => {
  const { manifest, sizeTrend, shown, tasks, theme } = section;
  const trends = sizeTrend.shareTrends.filter(({ method }) => shown.includes(method));
  return (
    <SizeSection
      section={section}
      label="Loss against the dropped share"
      definition="droppedShare"
      chart="loss-over-share"
      view={({ shareView }) => shareView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
      figure={useFigure(shareFigure, section)}
      charts={{ id: 'shares', height: 180 }}
      table={
        <DataTable
          caption="Points per doubling of E, by method: at an equal dropped share, and at an equal factor"
          rows={trends}
          rowKey={({ answers, method }) => JSON.stringify([answers, method])}
          columns={shownColumns(shareTrendColumns, trends)}
        />
      }
    />
  );
};

const PAIRS_CAPTION =
  'Pruned large models compared with small ones trained from scratch: per cent, points (perplexity unscaled)';

/**
 * Pruned large models compared with small models trained from scratch, at equal expert count: one panel per task, one
 * row per pair of sizes.
 */
export const PairsSection = (section: SectionProps) => {
  const { manifest, sizeTrend, shown, tasks, theme, title, openPoint } = section;
  const pairs = sizeTrend.pairs.filter(({ method }) => shown.includes(method));
  const select = ({ large, task, method, seed, factor }: SizePair): void =>
    openPoint({ run: sizeTrend.run, model: large, task, method, seed, factor });
  return (
    <SizeSection
      section={section}
      label="Pruned from more experts, compared with trained from scratch"
      definition="scratchDifference"
      chart="pruned-against-scratch"
      view={({ sizePairView }) => sizePairView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
      figure={useFigure(sizePairFigure, section)}
      charts={{
        id: 'pairs',
        onSelect: (task, key) => {
          const pair = pairs.find((entry) => entry.task === task && pairKey(entry) === key);
          if (pair !== undefined) select(pair);
        },
      }}
      table={
        <DataTable
          caption={PAIRS_CAPTION}
          rows={pairs}
          rowKey={({ task, method, seed, large, small }) => JSON.stringify([task, method, seed, large, small])}
          onRow={select}
          // The draws of a comparison are under each other.
          foldBy={({ task, method, large, small }) => JSON.stringify([task, method, large, small])}
          columns={shownColumns(pick(pairColumns, PAIR_SHOWN), pairs, title)}
        />
      }
    />
  );
};
