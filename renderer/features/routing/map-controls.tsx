import { useStore } from 'zustand';
import { useAction } from '../../actions/action.ts';
import { profileTasks } from '../../actions/jobs.ts';
import { mapScalings } from '../../../main/figures/map-scaling.ts';
import type { MapScaling } from '../../../main/figures/map-scaling.ts';
import { Button } from '../../components/button.tsx';
import { Segmented, Select } from '../../components/choices.tsx';
import { Definition } from '../../components/definition.tsx';
import { definitions } from '../../definitions/definitions.ts';
import { selectedModel, useFacts } from '../../engine/facts.ts';
import { ChatSwitch } from '../../plan/chat-switch.tsx';
import { useComparableModels } from '../../profile/comparable-models.ts';
import { useProfiles } from '../../profile/use-profiles.ts';
import { routingMetrics } from '../../state/map-view.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { routingStore } from '../../state/view-stores.ts';
import { minusChoices, orderChoices } from './map-choices.ts';
import { OtherProfile } from './other-profile.tsx';

const scalingTitles: Readonly<Record<MapScaling, string>> = {
  linear: 'linear',
  log: 'logarithmic',
  rank: 'by rank',
  layer: 'per layer',
};

export const MapControls = () => {
  const facts = useFacts();
  const { tasks, selection } = facts;
  const { metric, minus, scaling, order } = selection.map;
  const model = selectedModel(facts);
  const { asTable, showTable } = useStore(routingStore);
  const { drawMap } = selectionStore.getState();
  const { profileOf } = useProfiles();
  const comparable = useComparableModels();
  const profile = useAction(profileTasks);
  const others = tasks.filter(
    (task) => task.error === null && task.handle !== selection.task && profileOf(task) !== undefined,
  );
  const minuses = minusChoices(others, comparable);
  const orders = orderChoices(others);
  const isDifference = minuses.some(({ minus: each, isChosen }) => each !== null && isChosen(minus));
  return (
    <div className="map-controls">
      <Select
        label={<Definition of={metric}>Metric</Definition>}
        value={metric}
        options={routingMetrics.map((value) => ({ value, label: definitions[value].term }))}
        onChange={(chosen) => drawMap({ metric: chosen })}
      />
      <Select
        label={<Definition of="difference">Minus</Definition>}
        value={minuses.find(({ isChosen }) => isChosen(minus))?.value ?? ''}
        options={minuses}
        onChange={(value) => drawMap({ minus: minuses.find((choice) => choice.value === value)?.minus ?? null })}
        disabled={minuses.length === 1}
      />
      <Select
        label={<Definition of="expertOrder">Order</Definition>}
        value={orders.find(({ isChosen }) => isChosen(order))?.value ?? 'number'}
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
      <div className="view-head-end">
        {model !== null && <ChatSwitch models={[model]} short />}
        <Button icon="play" onClick={profile.perform} disabled={!profile.enabled}>
          Profile
        </Button>
        <Segmented
          label="Map or table"
          value={asTable ? 'table' : 'map'}
          options={[
            { value: 'map', label: 'Map' },
            { value: 'table', label: 'Table' },
          ]}
          onChange={(value) => showTable(value === 'table')}
        />
      </div>
      <OtherProfile />
    </div>
  );
};
