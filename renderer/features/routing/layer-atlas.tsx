import { memo, useMemo } from 'react';
import { useStore } from 'zustand';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import { byFallingValue } from '../../../main/figures/cell-matrix.ts';
import { amountScale, differenceScale } from '../../../main/figures/colors.ts';
import { shadedMap } from '../../../main/figures/map-scaling.ts';
import { MiniHeatmap } from '../../charts/heatmap.tsx';
import { Definition } from '../../components/definition.tsx';
import { Section } from '../../components/panel.tsx';
import { walkMembers } from '../../components/walk-members.ts';
import { focusedTask, useFacts } from '../../engine/facts.ts';
import { isSameTask, profiledOnce } from '../../format/task-pairs.ts';
import { formatFixed } from '../../../main/words/numbers.ts';
import { type ExpertFate, goes } from '../../plan/expert-fates.ts';
import { useCurrentPlan } from '../../plan/use-current-plan.ts';
import { effectiveExperts, formatMetric, metricMatrix } from '../../profile/metrics.ts';
import { useProfiles } from '../../profile/use-profiles.ts';
import { differenceOf, useMapScaling, useRoutingMatrix, useSubtraction } from '../../profile/use-routing-matrix.ts';
import type { RoutingMetric } from '../../state/selection.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { useResolvedTheme } from '../../state/theme.ts';
import { usePart } from '../../state/view-stores.ts';
import './routing.css';

/** The experts of one layer by falling value, with those that the plan removes. */
export const LayerBars = ({ profile }: { readonly profile: TaskProfile }) => {
  const { metric } = useStore(selectionStore, ({ map }) => map);
  const selected = usePart(selectionStore, ({ layer, expert }) => ({ layer, expert }));
  const { fates } = useCurrentPlan();
  const { matrix, minus } = useRoutingMatrix(profile);
  const layer = Math.min(selected.layer ?? 0, matrix.length - 1);
  const row = matrix[layer] ?? NO_ROW;
  return (
    <Section
      label={`Experts of layer ${layer}`}
      title={`Layer ${layer}, experts by falling value`}
      note={
        <>
          <Definition of={metric} />
          {minus !== null && ` minus ${minus.title}, pale: less`}; hatched: removed by the plan
        </>
      }
    >
      <Bars
        layer={layer}
        row={row}
        metric={metric}
        minus={minus?.title ?? null}
        fates={fates?.[layer]}
        selected={layer === selected.layer ? selected.expert : null}
      />
    </Section>
  );
};

const NO_ROW: readonly number[] = [];

interface BarsProps {
  readonly layer: number;
  readonly row: readonly (number | null)[];
  readonly metric: RoutingMetric;
  /** Title of what is subtracted; null if absolute values are shown. */
  readonly minus: string | null;
  readonly fates: readonly ExpertFate[] | undefined;
  readonly selected: number | null;
}

/**
 * Memoised: there can be hundreds of bars; redrawn only when the layer or its plan changes, not with each slider step.
 */
const Bars = memo(({ layer, row, metric, minus, fates, selected }: BarsProps) => {
  const largest = row.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
  const order = byFallingValue(row);
  return (
    <div
      className={row.length > 64 ? 'layer-bars layer-bars-many' : 'layer-bars'}
      style={{ gridTemplateColumns: `repeat(${row.length}, minmax(0, 1fr))` }}
      role="group"
      aria-label="By falling value. Arrow keys move between them."
      onKeyDown={walkMembers('row')}
    >
      {order.map((expert, position) => {
        const value = row[expert] ?? null;
        const text = value === null ? `gone in ${minus ?? ''}` : formatMetric(metric, value, minus !== null);
        const gone = goes(fates?.[expert]);
        return (
          <button
            key={expert}
            type="button"
            className={`layer-bar${gone ? ' layer-bar-gone' : ''}${(value ?? 0) < 0 ? ' layer-bar-less' : ''}`}
            aria-current={expert === selected ? 'true' : undefined}
            aria-label={`Expert ${expert}: ${text}${gone ? ', removed by the plan' : ''}`}
            title={`Expert ${expert}: ${text}`}
            data-member=""
            tabIndex={(selected === null ? position === 0 : expert === selected) ? 0 : -1}
            onClick={() => selectionStore.getState().selectExpert(layer, expert)}
          >
            <span className="layer-bar-track">
              <span style={{ height: `${largest > 0 ? (Math.abs(value ?? 0) / largest) * 100 : 0}%` }} />
            </span>
            {row.length <= 40 && <span className="layer-bar-label">{expert}</span>}
          </button>
        );
      })}
    </div>
  );
});
Bars.displayName = 'Bars';

const heightOf = (layers: number): number => Math.max(30, Math.min(96, layers * 10));

/**
 * All profiled tasks as small maps on one colour scale, that of the large map, to show at a glance which tasks share
 * experts.
 */
export const TaskAtlas = () => {
  const facts = useFacts();
  const { tasks, selection } = facts;
  const focused = focusedTask(facts);
  const { metric } = selection.map;
  const theme = useResolvedTheme();
  const { profileOf } = useProfiles();
  const subtraction = useSubtraction();
  const maps = useMemo(
    () =>
      profiledOnce(tasks, profileOf).flatMap(({ task, profile }) => {
        const effective =
          profile.counts.reduce((sum, row) => sum + effectiveExperts(row), 0) / Math.max(1, profile.counts.length);
        if (subtraction === null) return [{ task, matrix: metricMatrix(profile, metric), effective }];
        const subtracted = subtraction.from(profile);
        return subtracted === null ? [] : [{ task, matrix: differenceOf(profile, metric, subtracted), effective }];
      }),
    [tasks, profileOf, metric, subtraction],
  );
  const scaling = useMapScaling();
  // All of them as one map, so that a colour is the same value in each; every map has the layers of the model.
  const { shades, words } = useMemo(() => {
    const all = shadedMap(
      maps.flatMap(({ matrix }) => matrix),
      scaling,
      subtraction !== null,
    );
    return {
      shades: maps.map(({ matrix }, index) => all.shades.slice(index * matrix.length, (index + 1) * matrix.length)),
      words: all.words,
    };
  }, [maps, scaling, subtraction]);
  const scale = useMemo(
    () => (subtraction === null ? amountScale(1) : differenceScale(1, theme)),
    [subtraction, theme],
  );
  if (maps.length < 2) return null;
  return (
    <Section
      label="All profiled tasks"
      title="All profiled tasks"
      note={
        `same metric${subtraction === null ? '' : ` minus ${subtraction.title}`}, same colours (${words}); ` +
        'number: effective experts, mean of the layers'
      }
    >
      <div className="task-atlas">
        {maps.map(({ task, matrix, effective }, index) => (
          <button
            key={task.handle}
            type="button"
            className="task-atlas-map"
            aria-pressed={isSameTask(task, focused, tasks)}
            onClick={() => selectionStore.getState().focusTask(task.handle)}
          >
            <span className="task-atlas-title">
              <span>{task.title}</span>
              <span className="muted number">{formatFixed(effective, 1)}</span>
            </span>
            <MiniHeatmap matrix={shades[index] ?? []} scale={scale} height={heightOf(matrix.length)} />
          </button>
        ))}
      </div>
    </Section>
  );
};
