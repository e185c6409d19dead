import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { SerialisedError } from '../../main/contract/errors.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { TaskProfile } from '../../main/contract/profile.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import { planStore } from '../state/plan-store.ts';
import { chatOf } from './chat.ts';

export interface Profiles {
  /** By the task's name. */
  readonly byTask: ReadonlyMap<string, TaskProfile>;
  readonly loading: boolean;
  readonly error: SerialisedError | null;
}

/** Profiles on disk of a model, for every known task; null: none. */
export const useProfilesOf = (model: ModelEntry | null): Profiles => {
  const facts = useFacts();
  const tasks = facts.tasks.filter((task) => task.error === null).map((task) => task.handle);
  const chat = useStore(planStore, (state) => state.chat);
  const { data, loading, error } = useQuery(
    'profile.read',
    isUsable(model) && tasks.length > 0 ? { model: model.handle, tasks, chat: chatOf([model], chat) } : null,
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

/** The same of the selected model. */
export const useProfiles = (): Profiles => useProfilesOf(selectedModel(useFacts()));
