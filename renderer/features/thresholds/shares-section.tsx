import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { ShareTrend, SlopeOverExperts } from '../../../main/contract/size-trend.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { methodTitle } from '../../../main/words/methods.ts';
import {
  formatCount,
  formatDifference,
  formatFactor,
  formatInterval,
  formatPercent,
} from '../../../main/words/numbers.ts';
import { shareFigure } from '../../../main/figures/share-figure.ts';
import { DataTable } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-size-trend.ts';

const slopeText = (slope: SlopeOverExperts): string =>
  `${formatDifference(slope.slope, 'acc')} ${formatInterval(slope, 'acc')}`;

/** The slopes over E by method, with the share that an equal factor drops. */
const SharesTable = ({ trends }: { readonly trends: readonly ShareTrend[] }) => (
  <DataTable
    caption="Points per doubling of E, by method: at an equal dropped share, and at an equal factor"
    rows={trends}
    rowKey={({ answers, method }) => JSON.stringify([answers, method])}
    columns={[
      { key: 'method', title: 'Method', cell: ({ method }) => methodTitle(method) },
      { key: 'answers', title: 'Answers', cell: ({ answers }) => answers },
      {
        key: 'share',
        title: <Definition of="slopeOverExperts">At equal share</Definition>,
        numeric: true,
        cell: ({ atEqualShare }) => slopeText(atEqualShare),
      },
      {
        key: 'draws',
        title: <Definition of="seed">Draws</Definition>,
        numeric: true,
        cell: ({ draws }) => formatCount(draws),
      },
      {
        key: 'factor',
        title: <Definition of="factor">Equal factor</Definition>,
        numeric: true,
        cell: ({ equalFactor }) => (equalFactor === null ? '' : formatFactor(equalFactor.factor)),
      },
      {
        key: 'atFactor',
        title: <Definition of="slopeOverExperts">At equal factor</Definition>,
        numeric: true,
        cell: ({ equalFactor }) => (equalFactor === null ? '' : slopeText(equalFactor)),
      },
      {
        key: 'drops',
        title: <Definition of="droppedShare">Dropped share</Definition>,
        cell: ({ equalFactor }) =>
          (equalFactor?.sizes ?? [])
            .map(({ experts, share }) => `${formatPercent(share)} at E ${formatCount(experts)}`)
            .join(', '),
      },
    ]}
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
