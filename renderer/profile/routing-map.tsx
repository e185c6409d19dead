import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { useStore } from 'zustand';
import type { TaskProfile } from '../../main/contract/profile.ts';
import { type Hatch, inOrder } from '../../main/figures/cell-matrix.ts';
import type { Cell } from '../charts/heatmap-geometry.ts';
import { Heatmap } from '../charts/heatmap.tsx';
import { ColorLegend } from '../charts/legend.tsx';
import { openContextMenu } from '../components/context-menu.tsx';
import { copyText } from '../components/copy-text.ts';
import { FullScreen } from '../components/full-screen.tsx';
import { noticesStore } from '../state/notices-store.ts';
import { tsvText } from '../../main/figures/table-rows.ts';
import { Checkbox } from '../components/choices.tsx';
import { DataTable } from '../components/data-table.tsx';
import { Definition } from '../components/definition.tsx';
import { definitions } from '../definitions/definitions.ts';
import { useFacts } from '../engine/facts.ts';
import { SaveFigure } from '../figures/save-figure.tsx';
import { titlesOf } from '../../main/words/task-titles.ts';
import { formatCount, formatFixed } from '../../main/words/numbers.ts';
import { describeFate, type ExpertFate } from '../plan/expert-fates.ts';
import { pinOf } from '../plan/pins.tsx';
import { useCurrentPlan } from '../plan/use-current-plan.ts';
import { selectionStore } from '../state/selection-store.ts';
import { useResolvedTheme } from '../state/theme.ts';
import { routingStore, usePart } from '../state/view-stores.ts';
import { AreaPanel } from './area-panel.tsx';
import { type CellArea, cellsOf } from './area-pivot.ts';
import { effectiveExperts, formatMetric, formatMetricShort, rankInLayer } from './metrics.ts';
import { profileSource } from './profile-source.ts';
import { useExpertOrder } from './use-expert-order.ts';
import { useProfiles } from './use-profiles.ts';
import { useMapScaling, useRoutingMatrix } from './use-routing-matrix.ts';

/** A constant element, so that the memoised map is not redrawn. */
const EFFECTIVE = <Definition of="effectiveExperts">effective</Definition>;

/** Positions count from 1. */
const columnNumberOf = (column: number): string => String(column + 1);

const hatchOf = (fate: ExpertFate | undefined): Hatch =>
  fate?.kind === 'dropped' || fate?.kind === 'merged' ? fate.kind : 'none';

interface RoutingMapProps {
  readonly profile: TaskProfile;
  /** The row above the map, with the buttons of the map at its end. */
  readonly head: (end: ReactNode) => ReactNode;
}

export const RoutingMap = ({ profile, head }: RoutingMapProps) => {
  const { tasks, models, runs, selection } = useFacts();
  const { metric } = selection.map;
  const scaling = useMapScaling();
  const { all } = useProfiles();
  const theme = useResolvedTheme();
  const { asTable, showPlan, togglePlan } = useStore(routingStore);
  const selected = usePart(selectionStore, ({ model, layer, expert }) => ({ model, layer, expert }));
  const { matrix, shaded, scale, minus, gone } = useRoutingMatrix(profile);
  const { fates: planFates } = useCurrentPlan();
  const order = useExpertOrder(profile, matrix, planFates);
  const experts = order?.experts ?? null;
  const ordered = useMemo(
    () => ({ matrix: inOrder(matrix, experts), shades: inOrder(shaded.shades, experts) }),
    [matrix, shaded, experts],
  );
  const fates = showPlan ? planFates : null;
  const pins = usePart(selectionStore, (state) => (selected.model === null ? [] : (state.pins[selected.model] ?? [])));
  const title = titlesOf(tasks)(profile.task);
  const model = models.find((known) => known.handle === selected.model);
  const source = useMemo(
    () => (model === undefined ? null : profileSource(runs, model, profile, all)),
    [runs, model, profile, all],
  );

  /** The expert at a position of the map. */
  const at = useCallback(
    ({ layer, expert }: Cell): Cell => ({ layer, expert: experts?.[layer]?.[expert] ?? expert }),
    [experts],
  );
  const hatch = useCallback(
    (cell: Cell): Hatch => {
      const { layer, expert } = at(cell);
      return hatchOf(fates?.[layer]?.[expert]);
    },
    [at, fates],
  );
  const pin = useCallback(
    (cell: Cell) => {
      const { layer, expert } = at(cell);
      return showPlan ? pinOf(pins, layer, expert) : null;
    },
    [at, pins, showPlan],
  );
  const cellText = useCallback((value: number) => formatMetricShort(metric, value), [metric]);
  const rowNote = useCallback(
    (layer: number) => formatFixed(effectiveExperts(profile.counts[layer] ?? []), 1),
    [profile],
  );
  const [drawn, draw] = useState<{ readonly of: TaskProfile; readonly area: CellArea } | null>(null);
  // An area belongs to the experts of one map.
  const area = drawn?.of === profile ? drawn.area : null;
  const drawArea = useCallback(
    (next: CellArea | null) => draw(next === null ? null : { of: profile, area: next }),
    [profile],
  );
  const select = useCallback(
    (cell: Cell) => {
      const { layer, expert } = at(cell);
      selectionStore.getState().selectExpert(layer, expert);
    },
    [at],
  );
  const modelName = model?.name ?? '';
  const describe = useCallback(
    (cell: Cell) => {
      const { layer, expert } = at(cell);
      const fate = fates?.[layer]?.[expert];
      const row = matrix[layer] ?? [];
      const pinned = pin(cell);
      const value = row[expert] ?? null;
      return {
        title: `Layer ${layer}, expert ${expert}`,
        lines: [
          ...(value === null
            ? [`Gone in ${minus?.title ?? ''}`]
            : [`${definitions[metric].term}: ${formatMetric(metric, value, minus !== null)}`]),
          ...(minus === null
            ? [`Rank ${rankInLayer(row, expert)} of ${row.length} in this layer`]
            : [`${minus.kind === 'task' ? title : modelName} minus ${minus.title}`]),
          ...(order === null ? [] : [`Position ${cell.expert + 1} ${order.words}`]),
          `Chosen for ${formatCount(profile.counts[layer]?.[expert] ?? 0)} of ${formatCount(profile.tokens)} tokens`,
          ...(fate === undefined ? [] : [`Plan: ${describeFate(fate)}`]),
          ...(pinned === null ? [] : [`Pinned: must ${pinned ? 'stay' : 'go'}`]),
        ],
      };
    },
    [at, fates, matrix, pin, metric, minus, title, modelName, order, profile],
  );
  const shownCell = useMemo(() => {
    const { layer, expert } = selected;
    if (experts === null || layer === null || expert === null) return { layer, expert };
    return { layer, expert: experts[layer]?.indexOf(expert) ?? expert };
  }, [experts, selected]);
  const showMenu = useCallback(
    (cell: Cell, event: React.MouseEvent): void => {
      const { layer, expert } = at(cell);
      const known = pin(cell);
      const { model: own } = selected;
      const pinAs = (label: string, keep: boolean | null) =>
        own === null || known === keep
          ? []
          : [{ label, onChoose: () => selectionStore.getState().pin(own, { layer, expert }, keep) }];
      const { title: called, lines } = describe(cell);
      openContextMenu(event, called, [
        { label: 'Show the expert', onChoose: () => select(cell) },
        ...pinAs('Pin: must stay', true),
        ...pinAs('Pin: must go', false),
        ...(known === null ? [] : pinAs('Remove the pin', null)),
        {
          label: 'Copy its numbers',
          onChoose: () => {
            copyText('The expert', tsvText([[called, ...lines]]), called).catch(noticesStore.getState().report);
          },
        },
      ]);
    },
    [at, pin, selected, describe, select],
  );
  const name = `${definitions[metric].term}, ${title}${minus === null ? '' : ` minus ${minus.title}`}`;
  const written = (mark: number | string): string =>
    typeof mark === 'string' ? mark : formatMetric(metric, mark, minus !== null);
  const merges = useMemo(() => fates?.some((row) => row.some(({ kind }) => kind === 'merged')) ?? false, [fates]);
  const [low, middle, high] = shaded.marks;
  const [lowest, halfway, highest] = [written(low), written(middle), written(high)];
  const colours = useMemo(
    () => (
      <ColorLegend
        scale={scale}
        labels={[lowest, halfway, highest]}
        words={shaded.words}
        ends={
          minus === null
            ? undefined
            : minus.kind === 'task'
              ? [`more on ${minus.title}`, `more on ${title}`]
              : [`more in ${minus.title}`, `more in ${modelName === '' ? 'this model' : modelName}`]
        }
      />
    ),
    [scale, lowest, halfway, highest, shaded.words, minus, title, modelName],
  );
  const planned = useMemo(
    () => (
      <>
        {gone !== null && (
          <span className="absent-key">
            <span className="swatch absent-swatch" />
            gone in {minus?.title}
          </span>
        )}
        <Checkbox checked={showPlan} onChange={togglePlan}>
          <span className={merges ? 'swatch pale-swatch pale-swatch-merged' : 'swatch pale-swatch'} />
          {merges ? 'would be merged into another' : 'would be pruned'}
        </Checkbox>
      </>
    ),
    [gone, minus, showPlan, togglePlan, merges],
  );
  const measuredOn =
    title +
    (minus === null ? '' : minus.kind === 'task' ? ` minus ${minus.title}` : `, less ${minus.title} on it`) +
    `, ${formatCount(profile.items)} calibration items, ${formatCount(profile.tokens)} tokens`;
  const legend = useMemo(
    () => (
      <>
        {colours}
        {planned}
        <span className="muted">{measuredOn}</span>
      </>
    ),
    [colours, planned, measuredOn],
  );

  const save = source !== null && (
    <SaveFigure
      label="Save map"
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
            minus: minus?.subtracted ?? null,
            order,
            hatches: fates?.map((row) => row.map(hatchOf)) ?? null,
          },
          source.names,
        )
      }
    />
  );

  return (
    <FullScreen title={`${definitions[metric].term} by layer and expert`}>
      {(isFull, fillButton) => (
        <section aria-label="Layer and expert map">
          <h3 className="visually-hidden">{definitions[metric].term} by layer and expert</h3>
          {isFull ? (
            <div className="section-head">
              <span className="section-end">{save}</span>
            </div>
          ) : (
            head(
              <>
                {!asTable && fillButton}
                {save}
              </>,
            )
          )}
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
                  cell: (layer: number) => {
                    const value = matrix[layer]?.[expert] ?? null;
                    return value === null ? 'gone' : formatMetric(metric, value, minus !== null);
                  },
                })),
              ]}
              rows={matrix.map((_, layer) => layer)}
              rowKey={String}
            />
          ) : (
            <Heatmap
              label={`${name}: ${matrix.length} layers by ${matrix[0]?.length ?? 0} experts`}
              matrix={ordered.matrix}
              shades={ordered.shades}
              scale={scale}
              hatch={hatch}
              pin={pin}
              cellText={cellText}
              rowNote={rowNote}
              rowNoteTitle={EFFECTIVE}
              columnNumber={order === null ? null : columnNumberOf}
              orderWords={order?.words}
              selected={shownCell}
              onSelect={select}
              describe={describe}
              onMenu={showMenu}
              area={area}
              onArea={drawArea}
              isFull={isFull}
              legend={legend}
            />
          )}
          {area !== null && !asTable && (
            <AreaPanel
              profile={profile}
              cells={cellsOf(area).map(at)}
              fates={planFates ?? undefined}
              onClose={() => drawArea(null)}
            />
          )}
          {asTable && (
            <div className="map-tools">
              {planned}
              <span className="muted">{measuredOn}</span>
            </div>
          )}
        </section>
      )}
    </FullScreen>
  );
};
