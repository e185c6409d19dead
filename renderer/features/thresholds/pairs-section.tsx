import { useStore } from 'zustand';
import type { SizePair } from '../../../main/contract/size-trend.ts';
import { differenceDomain, pairPanels, SIZE_PAIR_CAPTION } from '../../../main/figures/size-pair-figure.ts';
import { figureTheme } from '../../../main/figures/colors.ts';
import { pick } from '../../../main/figures/columns.ts';
import { methodMarks } from '../../../main/figures/method-marks.ts';
import { PAIR_SHOWN, pairColumns } from '../../../main/figures/size-tables.ts';
import { DataTable, shownColumns } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { thresholdsStore } from '../../state/view-stores.ts';
import { Findings } from './findings.tsx';
import { PairChart } from './pair-chart.tsx';
import type { SectionProps } from './shown-size-trend.ts';
import { chartQuestion } from '../../../main/words/verdicts.ts';
import { formatCount } from '../../../main/words/numbers.ts';

interface PairsTableProps {
  readonly pairs: readonly SizePair[];
  readonly title: (task: string) => string;
  readonly onSelect: (pair: SizePair) => void;
}

/** All comparisons of a pruned large model with a small one trained from scratch, the draws of one under each other. */
const PairsTable = ({ pairs, title, onSelect }: PairsTableProps) => (
  <DataTable
    caption="Pruned large models compared with small ones trained from scratch: per cent, points (perplexity unscaled)"
    rows={pairs}
    rowKey={({ task, method, seed, large, small }) => JSON.stringify([task, method, seed, large, small])}
    onRow={onSelect}
    foldBy={({ task, method, large, small }) => JSON.stringify([task, method, large, small])}
    columns={shownColumns(pick(pairColumns, PAIR_SHOWN), pairs, title)}
  />
);

const TITLE = 'Pruned from more experts, compared with trained from scratch';
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
    <section aria-label={TITLE}>
      <div className="section-head">
        <h3>
          <Definition of="scratchDifference">{chartQuestion('pruned-against-scratch')}</Definition>
        </h3>
        <div className="section-end">
          <SaveFigure
            subject={manifest.id}
            view={({ sizePairView }) => sizePairView({ manifest, sizeTrend, theme }, { tasks, methods: shown })}
          />
        </div>
      </div>
      <Findings findings={sizeTrend.findings} chart="pruned-against-scratch" />
      {asTable ? (
        <div className="results-table">
          <PairsTable pairs={pairs} title={title} onSelect={select} />
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
    </section>
  );
};
