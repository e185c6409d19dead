import { useMemo } from 'react';
import { useStore } from 'zustand';
import { figureTheme } from '../../../main/figures/colors.ts';
import { shareFigure } from '../../../main/figures/share-figure.ts';
import { shareTrendColumns } from '../../../main/figures/size-tables.ts';
import { ChartPanels } from '../../charts/chart-panels.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';

/** Why thresholds change with E: the loss against the dropped share, one line per number of experts. */
export const SharesSection = ({ manifest, sizeTrend, shown, tasks, theme }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const trends = sizeTrend.shareTrends.filter(({ method }) => shown.includes(method));
  const figure = useMemo(
    () => shareFigure(sizeTrend, tasks, figureTheme(theme), shown),
    [shown, sizeTrend, tasks, theme],
  );
  return (
    <Section
      label="Loss against the dropped share"
      title={<Definition of="droppedShare">{chartQuestion('loss-over-share')}</Definition>}
      end={
        <SaveFigure
          subject={manifest.id}
          view={({ shareView }) => shareView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
        />
      }
    >
      <Findings findings={sizeTrend.findings} chart="loss-over-share" />
      {asTable ? (
        <div className="results-table">
          <DataTable
            caption="Points per doubling of E, by method: at an equal dropped share, and at an equal factor"
            rows={trends}
            rowKey={({ answers, method }) => JSON.stringify([answers, method])}
            columns={shownColumns(shareTrendColumns, trends)}
          />
        </div>
      ) : (
        <>
          <p className="chart-caption">{figure.caption}</p>
          <ChartPanels id="shares" figure={figure} theme={figureTheme(theme)} height={180} />
        </>
      )}
    </Section>
  );
};
