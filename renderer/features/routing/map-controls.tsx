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
import { ChatSwitch } from '../../profile/chat-switch.tsx';
import { useProfiles } from '../../profile/use-profiles.ts';
import { routingMetrics, routingStore } from '../../state/view-stores.ts';

const NO_TASK = '';

const scalingTitles: Readonly<Record<MapScaling, string>> = {
  linear: 'linear',
  log: 'logarithmic',
  rank: 'by rank',
  layer: 'per layer',
};

export const MapControls = () => {
  const facts = useFacts();
  const { tasks, selection } = facts;
  const model = selectedModel(facts);
  const { metric, compareWith, scaling, asTable, chooseMetric, chooseScaling, compare, showTable } =
    useStore(routingStore);
  const { byTask } = useProfiles();
  const profile = useAction(profileTasks);
  const usable = tasks.filter((task) => task.error === null);
  const others = usable.filter((task) => task.handle !== selection.task && byTask.has(task.name));
  const byHandle = (handle: string) => usable.find((task) => task.handle === handle)?.handle ?? null;
  return (
    <div className="map-controls">
      <Select
        label={<Definition of={metric}>Metric</Definition>}
        value={metric}
        options={routingMetrics.map((value) => ({ value, label: definitions[value].term }))}
        onChange={chooseMetric}
      />
      <Select
        label={<Definition of="difference">Minus</Definition>}
        value={others.some((task) => task.handle === compareWith) ? String(compareWith) : NO_TASK}
        options={[
          { value: NO_TASK, label: 'nothing' },
          ...others.map((task) => ({ value: String(task.handle), label: task.title })),
        ]}
        onChange={(handle) => compare(byHandle(handle))}
        disabled={others.length === 0}
      />
      <Select
        label={<Definition of="mapScaling">Colours</Definition>}
        value={compareWith !== null && (scaling === 'log' || scaling === 'rank') ? 'linear' : scaling}
        options={mapScalings.map((value) => ({
          value,
          label: scalingTitles[value],
          disabled: compareWith !== null && (value === 'log' || value === 'rank'),
        }))}
        onChange={chooseScaling}
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
    </div>
  );
};
