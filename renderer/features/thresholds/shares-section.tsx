import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { ShareTrend } from '../../../main/contract/size-trend.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { shareFigure } from '../../../main/figures/share-figure.ts';
import { shareTrendColumns } from '../../../main/figures/size-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';

/** The slopes over E by method, with the share that an equal factor drops. */
const SharesTable = ({ trends }: { readonly trends: readonly ShareTrend[] }) => (
  <DataTable
    caption="Points per doubling of E, by method: at an equal dropped share, and at an equal factor"
    rows={trends}
    rowKey={({ answers, method }) => JSON.stringify([answers, method])}
    columns={shownColumns(shareTrendColumns, trends)}
  />
);

/** Why thresholds change with E: the loss against the dropped share, one line per number of experts. */
export const SharesSection = ({ manifest, sizeTrend, shown, tasks, theme }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const drawing = useMemo(
    () => shareFigure(sizeTrend, tasks, manifest, figureTheme(theme), shown),
    [manifest, shown, sizeTrend, tasks, theme],
  );
  return (
    <section aria-label="Loss against the dropped share">
      <div className="section-head">
        <h3>
          <Definition of="droppedShare">{chartQuestion('loss-over-share')}</Definition>
        </h3>
        <div className="section-end">
          <SaveFigure
            subject={manifest.id}
            view={({ shareView }) => shareView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
          />
        </div>
      </div>
      <Findings findings={sizeTrend.findings} chart="loss-over-share" />
      {asTable ? (
        <div className="results-table">
          <SharesTable trends={sizeTrend.shareTrends.filter(({ method }) => shown.includes(method))} />
        </div>
      ) : (
        <img
          className="axis-figure"
          width={drawing.width}
          height={drawing.height}
          alt={`${drawing.title}. ${drawing.description}`}
          src={`data:image/svg+xml,${encodeURIComponent(drawing.svg)}`}
        />
      )}
    </section>
  );
};
