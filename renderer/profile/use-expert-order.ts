import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { TaskProfile } from '../../main/contract/profile.ts';
import { type CellMatrix, type ExpertOrder, isOrderOf, orderByValue } from '../../main/figures/cell-matrix.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { isUsable, selectedModel, useFacts } from '../engine/facts.ts';
import type { ExpertFate } from '../plan/expert-fates.ts';
import { selectionStore } from '../state/selection-store.ts';
import { chatOf } from '../plan/chat.tsx';
import { metricMatrix } from './metrics.ts';
import { useProfiles } from './use-profiles.ts';

/** The order of experts in each layer of a map, and its description. */
export interface ShownOrder {
  readonly experts: ExpertOrder;
  readonly words: string;
}

/** Order of a layer's experts by plan: each reference followed by its merged group, then the dropped ones. */
export const orderOfFates = (fates: readonly ExpertFate[]): readonly number[] => {
  const followers = new Map<number, number[]>();
  fates.forEach((fate, expert) => {
    if (fate.kind !== 'merged') return;
    followers.set(fate.into, [...(followers.get(fate.into) ?? []), expert]);
  });
  const staying = fates.flatMap((fate, expert) =>
    fate.kind === 'kept' || fate.kind === 'reference' ? [expert, ...(followers.get(expert) ?? [])] : [],
  );
  return [...staying, ...fates.flatMap((fate, expert) => (fate.kind === 'dropped' ? [expert] : []))];
};

/** The chosen order; null for the order by number, or if its data are not available yet. */
export const useExpertOrder = (
  profile: TaskProfile,
  matrix: CellMatrix,
  fates: readonly (readonly ExpertFate[])[] | null,
): ShownOrder | null => {
  const facts = useFacts();
  const { order, metric } = facts.selection.map;
  const model = selectedModel(facts);
  const chat = useStore(selectionStore, ({ plan }) => plan.chat);
  const { profileOf } = useProfiles();
  const matchingTasks = facts.tasks.filter(({ name }) => name === profile.task);
  const task = matchingTasks.find(({ hash }) => hash === profile.taskHash) ?? matchingTasks[0];
  const other = order.by === 'task' ? facts.tasks.find(({ handle }) => handle === order.task) : undefined;
  const otherProfile = other === undefined ? undefined : profileOf(other);
  const likeness = useQuery(
    'profile.likeness',
    order.by === 'likeness' && isUsable(model) && task !== undefined
      ? { model: model.handle, task: task.handle, chat: chatOf([model], chat) }
      : null,
  ).data?.order;
  return useMemo(() => {
    const shown = (experts: ExpertOrder | null | undefined, words: string): ShownOrder | null =>
      experts !== null && experts !== undefined && isOrderOf(experts, matrix.length, matrix[0]?.length ?? 0)
        ? { experts, words }
        : null;
    switch (order.by) {
      case 'number':
        return null;
      case 'value':
        return shown(orderByValue(matrix), 'by falling value');
      case 'task':
        return otherProfile === undefined
          ? null
          : shown(orderByValue(metricMatrix(otherProfile, metric)), `by falling value on ${other?.title ?? ''}`);
      case 'plan':
        return shown(fates?.map(orderOfFates), 'by the plan: groups side by side, dropped ones last');
      case 'likeness':
        return shown(likeness, 'by similarity of their router logits');
    }
  }, [order.by, matrix, metric, otherProfile, other?.title, fates, likeness]);
};
