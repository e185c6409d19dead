import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { SerialisedError } from '../../main/contract/errors.ts';
import type { TaskProfile } from '../../main/contract/profile.ts';
import type { TaskEntry } from '../../main/contract/task.ts';
import { amountScale, type ColorScale, differenceScale } from '../../main/figures/color-scales.ts';
import { shadedMap } from '../../main/figures/map-scaling.ts';
import type { ShadedMap } from '../../main/figures/map-scaling.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import { useResolvedTheme } from '../state/theme.ts';
import { planStore } from '../state/plan-store.ts';
import { routingStore } from '../state/view-stores.ts';
import { chatOf } from './chat.ts';
import { matrixDifference, metricMatrix } from './metrics.ts';
import type { Matrix } from './metrics.ts';

interface Profiles {
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

interface RoutingMatrix {
  readonly matrix: Matrix;
  /** The same on the colour scale, and that scale. */
  readonly shaded: ShadedMap;
  readonly scale: ColorScale;
  /** The task that is subtracted; null: amounts. */
  readonly minus: TaskEntry | null;
}

/** What the heatmap draws for a profile: amounts, or the difference to the task chosen. */
export const useRoutingMatrix = (profile: TaskProfile): RoutingMatrix => {
  const { tasks } = useFacts();
  const { metric, compareWith, scaling } = useStore(routingStore);
  const { byTask } = useProfiles();
  const theme = useResolvedTheme();
  const minus = tasks.find((task) => task.handle === compareWith && task.name !== profile.task) ?? null;
  const other = minus === null ? undefined : byTask.get(minus.name);
  return useMemo(() => {
    const matrix = metricMatrix(profile, metric);
    const difference = other === undefined ? null : matrixDifference(matrix, metricMatrix(other, metric));
    return difference === null
      ? { matrix, shaded: shadedMap(matrix, scaling), scale: amountScale(1), minus: null }
      : {
          matrix: difference,
          shaded: shadedMap(difference, scaling, true),
          scale: differenceScale(1, theme),
          minus,
        };
  }, [profile, other, metric, scaling, theme, minus]);
};
