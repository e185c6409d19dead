import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { CallInput } from '../../main/contract/calls.ts';
import type { SerialisedError } from '../../main/contract/errors.ts';
import type { ModelEntry } from '../../main/contract/model.ts';
import type { TaskProfile } from '../../main/contract/profile.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { isUsable, selectedModel, usableTasks, useFacts } from '../engine/facts.ts';
import { selectionStore } from '../state/selection-store.ts';
import { chatOf } from '../plan/chat.tsx';

type NamedTask = Pick<TaskEntry, 'name' | 'hash'>;

export interface Profiles {
  readonly all: readonly TaskProfile[];
  readonly profileOf: (task: NamedTask) => TaskProfile | undefined;
  readonly loading: boolean;
  readonly error: SerialisedError | null;
}

/**
 * The profile of a task: matched by content hash. Tasks prompted through a chat template have another hash; they are
 * matched by name, and tasks of the same name by their order, which profiles keep.
 */
export const profileOfTask = (
  profiles: readonly TaskProfile[],
  task: NamedTask,
  tasks: readonly NamedTask[],
): TaskProfile | undefined => {
  const matchingProfiles = profiles.filter((profile) => profile.task === task.name);
  const same = matchingProfiles.find(({ taskHash }) => taskHash === task.hash);
  const namesakes = tasks.filter(({ name }) => name === task.name);
  if (same !== undefined || namesakes.length === 0) return same;
  const index = namesakes.findIndex(({ hash }) => hash === task.hash);
  return matchingProfiles.length === namesakes.length ? matchingProfiles[Math.max(0, index)] : undefined;
};

export const profilesInput = (
  model: ModelEntry,
  tasks: readonly TaskEntry[],
  chat: boolean,
): CallInput<'profile.read'> => ({
  model: model.handle,
  tasks: tasks.map(({ handle }) => handle),
  chat: chatOf([model], chat),
});

/** Stored profiles of a model for all known tasks; null: no model. */
export const useProfilesOf = (model: ModelEntry | null): Profiles => {
  const facts = useFacts();
  const usable = useMemo(() => usableTasks(facts.tasks), [facts.tasks]);
  const chat = useStore(selectionStore, ({ plan }) => plan.chat);
  const { data, loading, error } = useQuery(
    'profile.read',
    isUsable(model) && usable.length > 0 ? profilesInput(model, usable, chat) : null,
  );
  return useMemo(
    () => ({
      all: data ?? [],
      profileOf: (task) => profileOfTask(data ?? [], task, usable),
      loading: loading && data === undefined,
      error,
    }),
    [data, usable, loading, error],
  );
};

/** The same for the selected model. */
export const useProfiles = (): Profiles => useProfilesOf(selectedModel(useFacts()));
