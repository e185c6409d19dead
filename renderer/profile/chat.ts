import type { ModelEntry } from '../../main/contract/model.ts';

/** Models that have a chat template. */
export const withChatTemplate = (models: readonly ModelEntry[]): readonly ModelEntry[] =>
  models.filter(({ info }) => info?.chatTemplate !== undefined);

/** What a request says of the chat switch: on where it is switched on and a model has a template; else nothing. */
export const chatOf = (models: readonly ModelEntry[], chat: boolean): true | undefined =>
  chat && withChatTemplate(models).length > 0 ? true : undefined;
