import { focusedTask } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { RoutingMap } from '../routing/routing-map.tsx';
import { useProfiles } from '../routing/use-profiles.ts';

/** The task's map with the plan hatched into it. */
export const PlanMap = () => {
  const task = focusedTask(useFacts());
  const { byTask } = useProfiles();
  const profile = task === null ? undefined : byTask.get(task.name);
  return profile === undefined ? null : <RoutingMap profile={profile} />;
};
