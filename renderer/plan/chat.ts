import type { ModelEntry } from '../../main/contract/model.ts';

export const withChatTemplate = (models: readonly ModelEntry[]): readonly ModelEntry[] =>
  models.filter(({ info }) => info?.chatTemplate !== undefined);

/** Value of `chat` in a request: true if switched on and a model has a template; else undefined. */
export const chatOf = (models: readonly ModelEntry[], chat: boolean): true | undefined =>
  chat && withChatTemplate(models).length > 0 ? true : undefined;
