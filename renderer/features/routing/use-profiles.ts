import { useMemo } from 'react';
import type { SerialisedError } from '../../../main/contract/errors.ts';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import { isUsable, selectedModel } from '../../engine/facts.ts';
import { useQuery } from '../../engine/engine-context.tsx';
import { useFacts } from '../../engine/use-facts.ts';

export interface Profiles {
  /** By the task's name. */
  readonly byTask: ReadonlyMap<string, TaskProfile>;
  readonly loading: boolean;
  readonly error: SerialisedError | null;
}

/** Profiles on disk of the selected model, for every known task. */
export const useProfiles = (): Profiles => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const tasks = facts.tasks.filter((task) => task.error === null).map((task) => task.handle);
  const { data, loading, error } = useQuery(
    'profile.read',
    isUsable(model) && tasks.length > 0 ? { model: model.handle, tasks } : null,
  );
  return useMemo(
    () => ({
      byTask: new Map(data?.map((profile) => [profile.task, profile])),
      loading: loading && data === undefined,
      error,
    }),
    [data, loading, error],
  );
};
