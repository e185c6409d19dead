import { useMemo } from 'react';
import { useStore } from 'zustand';
import { expertTrendFigure, trendKey } from '../../../main/figures/size-trend-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { sizeThresholdColumns } from '../../../main/figures/size-tables.ts';
import { ChartPanels } from '../../charts/chart-panels.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { isRecorded } from '../../../main/figures/threshold-words.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';

const SHOWN = 'task method model experts factor bracket largest_tested n delta';

const TITLE = 'Threshold against experts before pruning';
/** Threshold against E: one chart per method, one line per task. */
export const TrendsSection = ({ manifest, sizeTrend, shown, tasks, theme, title, onSelect }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const look = useMemo(() => figureTheme(theme, title), [theme, title]);
  const figure = useMemo(() => expertTrendFigure(sizeTrend, tasks, look, shown), [look, shown, sizeTrend, tasks]);
  const rows = sizeTrend.trends
    .filter(({ method }) => shown.includes(method))
    .flatMap(({ points }) => points)
    .map((point) => (isRecorded(sizeTrend, point) ? { ...point, model: `${point.model} (recorded)` } : point));
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
          <p className="chart-caption">{figure.caption}</p>
          <ChartPanels
            id="trend"
            figure={figure}
            theme={look}
            onSelect={(method, key) => {
              const found = sizeTrend.trends
                .filter((trend) => trend.method === method)
                .flatMap(({ points }) => points)
                .find((point) => point.lastSafe !== null && trendKey(point) === key);
              if (found !== undefined) onSelect(found);
            }}
          />
        </>
      )}
    </Section>
  );
};
