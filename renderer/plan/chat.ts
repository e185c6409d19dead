import { useStore } from 'zustand';
import type { ModelEntry } from '../../main/contract/model.ts';
import { planStore } from '../state/plan-store.ts';

export const withChatTemplate = (models: readonly ModelEntry[]): readonly ModelEntry[] =>
  models.filter(({ info }) => info?.chatTemplate !== undefined);

/** Value of `chat` in a request: true if switched on and a model has a template; else undefined. */
export const chatOf = (models: readonly ModelEntry[], chat: boolean): true | undefined =>
  chat && withChatTemplate(models).length > 0 ? true : undefined;

/** The same for a model and the switch of the plan. */
export const useChatOf = (model: ModelEntry | null): true | undefined => {
  const chat = useStore(planStore, (state) => state.chat);
  return chatOf(model === null ? [] : [model], chat);
};
