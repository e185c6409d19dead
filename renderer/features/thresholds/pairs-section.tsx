import { useStore } from 'zustand';
import type { SizePair } from '../../../main/contract/size-trend.ts';
import { Definition } from '../../components/definition.tsx';
import { SaveFigure } from '../../figures/save-figure.tsx';
import { formatCount } from '../../format/format-number.ts';
import { thresholdsStore } from '../../state/thresholds-store.ts';
import { sizeTrendChart } from './family-figure.ts';
import { pairColumns, pairRow } from './family-rows.ts';
import { Findings } from './findings.tsx';
import { openInCurves } from './open-in-curves.ts';
import { PairChart } from './pair-chart.tsx';
import { differenceDomain, taskPairs } from './pair-rows.ts';
import { PairsTable } from './pairs-table.tsx';
import type { SectionProps } from './section-props.ts';

const TITLE = 'Pruned from more experts, against trained with as many';
const CAPTION =
  'Row E → E′: the model with E experts pruned to E′, minus the model trained with E′, on the same items, in percentage points (perplexity as it stands). ' +
  'Left of 0 the pruned model is worse (perplexity: right). Whisker: two-sided 95 % interval, paired; of several draws or trainings mean and range. ' +
  'Filled: past the threshold; hollow: within it; pale: cannot be told.';

/** Pruned-large against scratch-small at equal expert count: a small multiple per task, a row per pair of sizes. */
export const PairsSection = ({ manifest, family, shown, tasks, theme, title }: SectionProps) => {
  const asTable = useStore(thresholdsStore, (state) => state.asTable);
  const pairs = family.pairs.filter(({ method }) => shown.includes(method));
  const panels = taskPairs(pairs, tasks);
  const idOf = (task: string): string => `pairs-${task}`;
  const select = ({ large, task, method, seed, factor }: SizePair): void =>
    openInCurves({ run: family.run, model: large, task, method, seed, factor });
  return (
    <section aria-label={TITLE}>
      <div className="section-head">
        <h3>
          <Definition of="scratchDifference">Prune many experts, or train fewer?</Definition>
        </h3>
        <div className="section-end">
          <SaveFigure
            suggestedName={`pruned-against-scratch-${manifest.id}`}
            picture={!asTable}
            figure={() =>
              sizeTrendChart({
                kind: 'uncurl-pruned-against-scratch',
                title: TITLE,
                caption: CAPTION,
                manifest,
                family,
                methods: family.methods,
                shown,
                charts: panels.map(({ task }) => ({ id: idOf(task), title: title(task) })),
                columns: pairColumns,
                rows: family.pairs.map(pairRow),
                theme,
              })
            }
          />
        </div>
      </div>
      <Findings findings={family.findings} chart="pruned-against-scratch" />
      {asTable ? (
        <div className="results-table">
          <PairsTable pairs={pairs} title={title} onSelect={select} />
        </div>
      ) : (
        <>
          <p className="chart-caption">{CAPTION}</p>
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
                  pairs={panel}
                  domain={differenceDomain(panel, panels)}
                  methods={family.methods}
                  shown={shown}
                  theme={theme}
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
