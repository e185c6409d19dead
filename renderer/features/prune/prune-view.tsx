import type { KeyboardEvent } from 'react';
import { Definition } from '../../components/definition.tsx';
import { EmptyState } from '../../components/panel.tsx';
import { focusedTask, isUsable, selectedModel, useFacts } from '../../engine/facts.ts';
import { PinControl } from '../../plan/pins.tsx';
import { RoutingMap } from '../../profile/routing-map.tsx';
import { useProfiles } from '../../profile/use-profiles.ts';
import { planStore } from '../../state/plan-store.ts';
import { PlanOutcome } from './plan-outcome.tsx';
import { PlanSettings } from './plan-settings.tsx';
import { SweepLauncher } from './sweep-launcher.tsx';
import './prune.css';

export const PruneView = () => {
  const facts = useFacts();
  const model = selectedModel(facts);
  if (!isUsable(model)) {
    return (
      <EmptyState icon="model" title={model === null ? 'No model selected' : `${model.name} cannot be used here`}>
        {model === null
          ? 'Select a model on the left, or open a folder with +.'
          : (model.error ?? model.info?.reasons.join(' '))}
      </EmptyState>
    );
  }
  return (
    <div className="view-body">
      <div className="prune-columns">
        <PlanSettings model={model} />
        <PlanOutcome />
      </div>
      <PlanMap />
      <SweepLauncher />
    </div>
  );
};

/** Keys that pin the selected expert while the map has the focus. */
const pinKeys: Readonly<Record<string, boolean | null>> = { s: true, g: false, Delete: null, Backspace: null };

/** The task's map with the plan hatched into it; the selected expert can be pinned. */
const PlanMap = () => {
  const facts = useFacts();
  const task = focusedTask(facts);
  const { byTask } = useProfiles();
  const profile = task === null ? undefined : byTask.get(task.name);
  const model = selectedModel(facts);
  if (profile === undefined || model === null) return null;
  const { layer, expert } = facts.selection;
  const place = layer === null || expert === null ? null : { layer, expert };
  const onKey = (event: KeyboardEvent): void => {
    const keep = pinKeys[event.key];
    const onMap = event.target instanceof Element && event.target.closest('.heatmap') !== null;
    if (keep === undefined || place === null || !onMap || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    planStore.getState().pin(model.handle, place, keep);
  };
  return (
    <div className="plan-map" onKeyDown={onKey}>
      <RoutingMap profile={profile} />
      {place !== null && (
        <div className="plan-map-pin">
          <span>
            <Definition of="pins">
              Layer {place.layer}, expert {place.expert}
            </Definition>
          </span>
          <PinControl model={model.handle} {...place} />
          <span className="muted">
            on the map: <kbd>S</kbd> stay, <kbd>G</kbd> go, <kbd>Del</kbd> by method
          </span>
        </div>
      )}
    </div>
  );
};
