import type { KeyboardEvent, ReactNode } from 'react';
import { Problem } from '../../components/problem.tsx';
import { focusedTask, selectedModel, useFacts } from '../../engine/facts.ts';
import { RoutingMap } from '../../profile/routing-map.tsx';
import { useProfiles } from '../../profile/use-profiles.ts';
import { selectionStore } from '../../state/selection-store.ts';
import { MapControls } from './map-controls.tsx';
import './routing.css';

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
      <MapControls />
      {error !== null && <Problem error={error} />}
      {profile !== undefined && <RoutingMap profile={profile} />}
      {profile === undefined && !loading && error === null && unprofiled}
    </div>
  );
};
