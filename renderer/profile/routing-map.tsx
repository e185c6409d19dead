import { useCallback } from 'react';
import { useStore } from 'zustand';
import type { TaskProfile } from '../../main/contract/profile.ts';
import type { Hatch } from '../../main/figures/cell-matrix.ts';
import type { Cell } from '../charts/heatmap-geometry.ts';
import { Heatmap } from '../charts/heatmap.tsx';
import { ColorLegend } from '../charts/legend.tsx';
import { Checkbox } from '../components/choices.tsx';
import { DataTable } from '../components/data-table.tsx';
import { Definition } from '../components/definition.tsx';
import { definitions } from '../definitions/definitions.ts';
import { useFacts } from '../engine/facts.ts';
import { SaveFigure } from '../figures/save-figure.tsx';
import { formatCount, formatFixed } from '../../main/figures/numbers.ts';
import { describeFate, type ExpertFate } from '../plan/expert-fates.ts';
import { pinOf } from '../plan/pins.tsx';
import { useCurrentPlan } from '../plan/use-current-plan.ts';
import { selectionStore } from '../state/selection-store.ts';
import { useResolvedTheme } from '../state/theme.ts';
import { routingStore, usePart } from '../state/view-stores.ts';
import { effectiveExperts, formatMetric, formatMetricShort, rankInLayer } from './metrics.ts';
import { profileSource } from './profile-source.ts';
import { useProfiles, useRoutingMatrix } from './use-profiles.ts';

const hatchOf = (fate: ExpertFate | undefined): Hatch =>
  fate?.kind === 'dropped' || fate?.kind === 'merged' ? fate.kind : 'none';

export const RoutingMap = ({ profile }: { readonly profile: TaskProfile }) => {
  const { tasks, models, runs } = useFacts();
  const { byTask } = useProfiles();
  const theme = useResolvedTheme();
  const { metric, scaling, asTable, showPlan, togglePlan } = useStore(routingStore);
  const selected = usePart(selectionStore, ({ model, layer, expert }) => ({ model, layer, expert }));
  const { matrix, shaded, scale, minus } = useRoutingMatrix(profile);
  const { fates: planFates } = useCurrentPlan();
  const fates = showPlan ? planFates : null;
  const pins = useStore(selectionStore, (state) => (selected.model === null ? undefined : state.pins[selected.model]));
  const title = tasks.find((task) => task.name === profile.task)?.title ?? profile.task;
  const model = models.find((known) => known.handle === selected.model);
  const source = model === undefined ? null : profileSource(runs, model, profile, [...byTask.values()]);

  const hatch = useCallback(({ layer, expert }: Cell): Hatch => hatchOf(fates?.[layer]?.[expert]), [fates]);
  const pin = useCallback(
    ({ layer, expert }: Cell) => (showPlan ? pinOf(pins, layer, expert) : null),
    [pins, showPlan],
  );
  const cellText = useCallback((value: number) => formatMetricShort(metric, value), [metric]);
  const rowNote = useCallback(
    (layer: number) => formatFixed(effectiveExperts(profile.counts[layer] ?? []), 1),
    [profile],
  );
  const select = useCallback(({ layer, expert }: Cell) => selectionStore.getState().selectExpert(layer, expert), []);
  const describe = ({ layer, expert }: Cell) => {
    const fate = fates?.[layer]?.[expert];
    const row = matrix[layer] ?? [];
    const pinned = pin({ layer, expert });
    return {
      title: `Layer ${layer}, expert ${expert}`,
      lines: [
        `${definitions[metric].term}: ${formatMetric(metric, row[expert] ?? 0, minus !== null)}`,
        ...(minus === null
          ? [`Rank ${rankInLayer(row, expert)} of ${row.length} in this layer`]
          : [`${title} minus ${minus.title}`]),
        `Chosen for ${formatCount(profile.counts[layer]?.[expert] ?? 0)} of ${formatCount(profile.tokens)} tokens`,
        ...(fate === undefined ? [] : [`Plan: ${describeFate(fate)}`]),
        ...(pinned === null ? [] : [`Pinned: must ${pinned ? 'stay' : 'go'}`]),
      ],
    };
  };
  const name = `${definitions[metric].term}, ${title}${minus === null ? '' : ` minus ${minus.title}`}`;
  const [low, middle, high] = shaded.values ?? [0, 0, 0];
  const written = (value: number): string => formatMetric(metric, value, minus !== null);
  const legendLabels: readonly [string, string, string] =
    shaded.values === null ? shaded.labels : [written(low), written(middle), written(high)];
  // As the map draws it: cells of a large model are too small for lines.
  const isSmall = (matrix[0]?.length ?? 0) > 90 || matrix.length > 50;
  const kinds = new Set(fates?.flat().map((fate) => fate.kind));

  const swatch = isSmall ? 'pale-swatch' : `hatch-swatch${kinds.has('merged') ? ' hatch-swatch-merged' : ''}`;

  return (
    <section aria-label="Layer and expert map">
      <div className="section-head">
        <h3>
          <Definition of={metric} /> by layer and expert
        </h3>
        <span className="muted">
          {title}
          {minus === null ? '' : ` minus ${minus.title}`}, {formatCount(profile.items)} calibration items,{' '}
          {formatCount(profile.tokens)} tokens
        </span>
        <span className="section-end">
          {source !== null && (
            <SaveFigure
              subject={'id' in source.manifest ? source.manifest.id : source.model}
              view={({ routingView }) =>
                routingView(
                  {
                    manifest: source.manifest,
                    model: source.model,
                    profiles: source.profiles,
                    profile,
                    metric,
                    theme,
                    scaling,
                    minus: minus === null ? null : (byTask.get(minus.name) ?? null),
                    hatches: fates?.map((row) => row.map(hatchOf)) ?? null,
                  },
                  source.names,
                )
              }
            />
          )}
        </span>
      </div>
      {asTable ? (
        <DataTable
          caption={name}
          columns={[
            { key: 'layer', title: 'Layer', cell: (layer: number) => layer },
            {
              key: 'effective',
              title: <Definition of="effectiveExperts">Effective</Definition>,
              numeric: true,
              cell: rowNote,
            },
            ...(matrix[0] ?? []).map((_, expert) => ({
              key: String(expert),
              title: expert,
              numeric: true,
              cell: (layer: number) => formatMetric(metric, matrix[layer]?.[expert] ?? 0, minus !== null),
            })),
          ]}
          rows={matrix.map((_, layer) => layer)}
          rowKey={String}
        />
      ) : (
        <Heatmap
          label={`${name}: ${matrix.length} layers by ${matrix[0]?.length ?? 0} experts`}
          matrix={matrix}
          shades={shaded.shades}
          scale={scale}
          hatch={hatch}
          pin={pin}
          cellText={cellText}
          rowNote={rowNote}
          rowNoteTitle={<Definition of="effectiveExperts">effective</Definition>}
          selected={selected}
          onSelect={select}
          describe={describe}
        />
      )}
      <div className="routing-legend">
        <ColorLegend
          scale={scale}
          labels={legendLabels}
          words={shaded.words}
          ends={minus === null ? undefined : [`more on ${minus.title}`, `more on ${title}`]}
        />
        <Checkbox checked={showPlan} onChange={togglePlan}>
          <span className={swatch} />
          {kinds.has('merged') ? 'would be merged into another' : 'would be pruned'}
        </Checkbox>
      </div>
    </section>
  );
};
