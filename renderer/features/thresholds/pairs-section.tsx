import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { SizePair } from '../../../main/contract/size-trend.ts';
import { pairKey, sizePairFigure } from '../../../main/figures/size-pair-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { PAIR_SHOWN, pairColumns } from '../../../main/figures/size-tables.ts';
import { ChartPanels } from '../../charts/chart-panels.tsx';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';

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
  const look = useMemo(() => figureTheme(theme, title), [theme, title]);
  const figure = useMemo(() => sizePairFigure(sizeTrend, tasks, look, shown), [look, shown, sizeTrend, tasks]);
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
          <p className="chart-caption">{figure.caption}</p>
          <ChartPanels
            id="pairs"
            figure={figure}
            theme={look}
            onSelect={(task, key) => {
              const pair = pairs.find((one) => one.task === task && pairKey(one) === key);
              if (pair !== undefined) select(pair);
            }}
          />
        </>
      )}
    </Section>
  );
};
