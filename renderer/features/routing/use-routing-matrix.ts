import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { TaskProfile } from '../../../main/contract/profile.ts';
import type { TaskEntry } from '../../../main/contract/task.ts';
import { useResolvedTheme } from '../../app/theme.ts';
import { amountScale, differenceScale } from '../../charts/color-scales.ts';
import type { ColorScale } from '../../charts/color-scales.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { routingStore } from '../../state/routing-store.ts';
import { matrixDifference, matrixMaximum, metricMatrix } from './metric-matrix.ts';
import type { Matrix } from './metric-matrix.ts';
import { useProfiles } from './use-profiles.ts';

export interface RoutingMatrix {
  readonly matrix: Matrix;
  readonly scale: ColorScale;
  /** The task that is subtracted; null: amounts. */
  readonly minus: TaskEntry | null;
}

/** What the heatmap draws for a profile: amounts, or the difference to the task chosen. */
export const useRoutingMatrix = (profile: TaskProfile): RoutingMatrix => {
  const { tasks } = useFacts();
  const { metric, compareWith } = useStore(routingStore);
  const { byTask } = useProfiles();
  const theme = useResolvedTheme();
  const minus = tasks.find((task) => task.handle === compareWith && task.name !== profile.task) ?? null;
  const other = minus === null ? undefined : byTask.get(minus.name);
  return useMemo(() => {
    const matrix = metricMatrix(profile, metric);
    const difference = other === undefined ? null : matrixDifference(matrix, metricMatrix(other, metric));
    return difference === null
      ? { matrix, scale: amountScale(matrixMaximum(matrix)), minus: null }
      : { matrix: difference, scale: differenceScale(matrixMaximum(difference), theme), minus };
  }, [profile, other, metric, theme, minus]);
};
