import type { KeyboardEvent, ReactNode } from 'react';
import { Problem } from '../../components/problem.tsx';
import { focusedTask, selectedModel, usableTasks, useFacts } from '../../engine/facts.ts';
import { profiledOnce } from '../../format/task-pairs.ts';
import { RoutingMap } from '../../profile/routing-map.tsx';
import { useProfiles, useProfilesOf } from '../../profile/use-profiles.ts';
import { selectionStore } from '../../state/selection-store.ts';
import './routing.css';
import { useStore } from 'zustand';
import { ActionButton } from '../../actions/action-button.tsx';
import { profileTasks, startProfile } from '../../actions/jobs.ts';
import { mapScalings, type MapScaling } from '../../../main/figures/map-scaling.ts';
import { RequestButton } from '../../components/button.tsx';
import { ChartsOrTable, Checkbox, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { PopPanel } from '../../components/pop-panel.tsx';
import { definitions } from '../../definitions/definitions.ts';
import { ChatSwitch } from '../../plan/chat.tsx';
import { type ComparableModel, useComparableModels, useMapScaling } from '../../profile/use-routing-matrix.ts';
import { minusKey, orderKey, routingMetrics, type MapMinus, type MapOrder } from '../../state/selection.ts';
import { routingStore } from '../../state/view-stores.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';

/** Keys that pin the selected expert while the map is focused. */
const pinKeys: Readonly<Record<string, boolean | null>> = { s: true, g: false, Delete: null, Backspace: null };

/** The map of the task in focus with the plan drawn in, or `unprofiled` if there is no profile. */
export const MapSection = ({ unprofiled }: { readonly unprofiled: ReactNode }) => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const task = focusedTask(facts);
  const { profileOf, loading, error } = useProfiles();
  const profile = task === null ? undefined : profileOf(task);
  const { layer, expert } = facts.selection;
  const onKey = (event: KeyboardEvent): void => {
    const keep = pinKeys[event.key];
    const onMap = event.target instanceof Element && event.target.closest('.heatmap') !== null;
    if (keep === undefined || !onMap || event.ctrlKey || event.metaKey || event.altKey) return;
    if (model === null || layer === null || expert === null) return;
    event.preventDefault();
    selectionStore.getState().pin(model.handle, { layer, expert }, keep);
  };
  return (
    <div className="map-section" onKeyDown={onKey}>
      {error !== null && <Problem error={error} />}
      {profile === undefined ? (
        <MapControls end={null} />
      ) : (
        <RoutingMap profile={profile} head={(end) => <MapControls end={end} />} />
      )}
      {profile === undefined && !loading && error === null && unprofiled}
    </div>
  );
};

const scalingTitles: Readonly<Record<MapScaling, string>> = {
  linear: 'linear',
  log: 'logarithmic',
  rank: 'by rank',
  layer: 'per layer',
};

/** What the map shows, in one row. `end`: buttons of the map that is shown. */
const MapControls = ({ end }: { readonly end: ReactNode }) => {
  const facts = useFacts();
  const { tasks, selection } = facts;
  const { metric, minus, order } = selection.map;
  const scaling = useMapScaling();
  const model = selectedModel(facts);
  const asTable = useStore(routingStore, (state) => state.asTable);
  const { drawMap } = selectionStore.getState();
  const { profileOf } = useProfiles();
  const comparable = useComparableModels();
  const usable = usableTasks(tasks);
  const once = profiledOnce(usable, profileOf).map(({ task }) => task);
  const drawn = [minus?.kind === 'task' ? minus.task : null, order.by === 'task' ? order.task : null];
  const others = usable.filter(
    (task) =>
      task.handle !== selection.task &&
      (once.includes(task) || (drawn.includes(task.handle) && profileOf(task) !== undefined)),
  );
  const minuses = minusChoices(others, comparable);
  const orders = orderChoices(others);
  const isDifference = minus !== null && minuses.some(({ value }) => value === minusKey(minus));
  return (
    <div className="map-controls">
      <Select
        label={<Definition of={metric}>Metric</Definition>}
        value={metric}
        options={routingMetrics.map((value) => ({ value, label: definitions[value].term }))}
        onChange={(chosen) => drawMap({ metric: chosen })}
      />
      <PopPanel name="Map options" label="Options">
        <Select
          label={<Definition of="difference">Minus</Definition>}
          value={minuses.some(({ value }) => value === minusKey(minus)) ? minusKey(minus) : ''}
          options={minuses}
          onChange={(value) => drawMap({ minus: minuses.find((choice) => choice.value === value)?.minus ?? null })}
          disabled={minuses.length === 1}
        />
        <Select
          label={<Definition of="expertOrder">Order</Definition>}
          value={orders.some(({ value }) => value === orderKey(order)) ? orderKey(order) : 'number'}
          options={orders}
          onChange={(value) => {
            const chosen = orders.find((choice) => choice.value === value);
            if (chosen !== undefined) drawMap({ order: chosen.order });
          }}
        />
        <Select
          label={<Definition of="mapScaling">Colours</Definition>}
          value={isDifference && (scaling === 'log' || scaling === 'rank') ? 'linear' : scaling}
          options={mapScalings.map((value) => ({
            value,
            label: scalingTitles[value],
            disabled: isDifference && (value === 'log' || value === 'rank'),
          }))}
          onChange={(chosen) => drawMap({ scaling: chosen })}
        />
        {model !== null && <ChatSwitch models={[model]} short />}
      </PopPanel>
      <Checkbox
        checked={order.by === 'plan'}
        onChange={(isByPlan) => drawMap({ order: { by: isByPlan ? 'plan' : 'number' } })}
      >
        by the plan
      </Checkbox>
      <div className="view-head-end">
        <ActionButton action={profileTasks} icon="play">
          Profile
        </ActionButton>
        <ChartsOrTable
          label="Map or table"
          names={['Map', 'Table']}
          asTable={asTable}
          onChange={(isTable) => routingStore.setState({ asTable: isTable })}
        />
        {end}
      </div>
      <OtherProfile />
    </div>
  );
};

/** A choice by its key, as the menu offers it. */
interface Choice {
  readonly value: string;
  readonly label: string;
  readonly group?: string;
}

type Named = Pick<TaskEntry, 'handle' | 'title'>;

const relations: Readonly<Record<ComparableModel['relation'], string>> = {
  pruned: 'its pruned copy',
  source: 'what it was pruned from',
  shape: 'same shape',
};

/** Choices for subtraction: nothing, another profiled task, or another model. */
const minusChoices = (
  tasks: readonly Named[],
  models: readonly ComparableModel[],
): readonly (Choice & { readonly minus: MapMinus | null })[] => [
  { value: minusKey(null), label: 'nothing', minus: null },
  ...tasks.map(({ handle, title }) => {
    const minus: MapMinus = { kind: 'task', task: handle };
    return { value: minusKey(minus), label: title, group: 'Another task', minus };
  }),
  ...models.map(({ entry, relation }) => {
    const minus: MapMinus = { kind: 'model', model: entry.handle };
    const label = `${entry.name} (${relations[relation]})`;
    return { value: minusKey(minus), label, group: 'Another model, same task', minus };
  }),
];

const plainOrders = { number: 'by number', value: 'by value', plan: 'by the plan', likeness: 'by similarity' } as const;
const orderNames = ['number', 'value', 'plan', 'likeness'] as const;

/** Available orders of the experts in each layer. */
const orderChoices = (tasks: readonly Named[]): readonly (Choice & { readonly order: MapOrder })[] => [
  ...orderNames.map((by) => ({ value: by, label: plainOrders[by], order: { by } })),
  ...tasks.map(({ handle, title }) => {
    const order: MapOrder = { by: 'task', task: handle };
    return { value: orderKey(order), label: `by value on ${title}`, group: 'As on another task', order };
  }),
];

/** Shown if the model to be subtracted was not profiled on the task in focus, with a button to profile it. */
const OtherProfile = () => {
  const facts = useFacts();
  const { minus } = facts.selection.map;
  const task = focusedTask(facts);
  const other = minus?.kind === 'model' ? (facts.models.find(({ handle }) => handle === minus.model) ?? null) : null;
  const { profileOf, loading, error } = useProfilesOf(other);
  if (other === null || task === null || loading || error !== null || profileOf(task) !== undefined) return null;
  const isUnderWay = facts.jobs.some(({ kind }) => kind === 'profile');
  return (
    <p className="map-note" role="status">
      {other.name} is not profiled on {task.title}, so nothing is subtracted.{' '}
      <RequestButton
        disabled={isUnderWay || task.items.calibration === 0}
        ask={(engine) => startProfile(engine, other, [task])}
      >
        Profile {other.name} on {task.title}
      </RequestButton>
    </p>
  );
};
