import type { KeyboardEvent } from 'react';
import { Definition } from '../../components/definition.tsx';
import { focusedTask, selectedModel } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { planStore } from '../../state/plan-store.ts';
import { RoutingMap } from '../routing/routing-map.tsx';
import { useProfiles } from '../routing/use-profiles.ts';
import { PinControl } from './pin-control.tsx';

/** Keys that pin the selected expert while the map has the focus. */
const pinKeys: Readonly<Record<string, boolean | null>> = { s: true, g: false, Delete: null, Backspace: null };

/** The task's map with the plan hatched into it; the selected expert can be pinned. */
export const PlanMap = () => {
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
